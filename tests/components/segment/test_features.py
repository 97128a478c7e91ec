"""Features of sounds at the edge of what has a spectrum."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.segment.features import BANDS, features, patches_of
from components.segment.spectra import Spectra
from components.segment.windows import FRAME, HOP, PATCH_FRAMES, STEP, frame_windows, frames_in


def test_digital_silence_is_minus_infinity_in_all():
    energies, mel = features(np.zeros(16_000, np.float32))
    assert energies.shape == (98,) and mel.shape == (98, BANDS)
    assert np.all(energies == -np.inf) and np.all(mel == -np.inf)


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (399, 0), (400, 1), (559, 1), (560, 2)])
def test_every_whole_frame_has_features(samples, frames):
    energies, mel = features(np.full(samples, 0.1, np.float32))
    assert energies.shape == (frames,) and mel.shape == (frames, BANDS)


@pytest.mark.parametrize("factor", [0.001, 0.5, 30])
def test_a_level_adds_the_same_to_all(factor):
    sound = np.random.default_rng(0).standard_normal(8000).astype(np.float32)
    for found, louder in zip(features(sound), features(np.float32(factor) * sound), strict=True):
        np.testing.assert_allclose(louder - found, 2 * np.log(factor), atol=1e-4)


@settings(deadline=None, max_examples=40)
@given(samples=st.integers(400, 60_000), block=st.integers(100, 20_000), frames=st.integers(1, 300))
def test_windows_do_not_change_features(samples, block, frames):
    sound = np.random.default_rng(samples).standard_normal(samples).astype(np.float32)
    found = [features(w) for w in frame_windows((sound[i : i + block] for i in range(0, samples, block)), frames)]
    for parts, whole in zip(zip(*found, strict=True), features(sound), strict=True):
        np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-4)


def test_patches_are_scaled_each_by_itself():
    mel = (np.random.default_rng(0).standard_normal((100, BANDS)) * np.linspace(1, 20, 100)[:, None] + 7).astype(np.float32)
    found = patches_of(mel, np.array([0, 3, 16]))
    assert found.shape == (3, PATCH_FRAMES, BANDS)
    np.testing.assert_allclose(found.mean(axis=(1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(found.std(axis=(1, 2)), 1, atol=1e-5)
    one = mel[3 * STEP : 3 * STEP + PATCH_FRAMES]
    np.testing.assert_allclose(found[1], (one - one.mean()) / one.std(), atol=1e-4)


def test_patches_without_variation_or_with_silence_are_not_finite():
    mel = np.zeros((PATCH_FRAMES + 2 * STEP, BANDS), np.float32)
    mel[-1] = np.random.default_rng(0).standard_normal(BANDS)
    mel[0, 0] = -np.inf
    finite = np.isfinite(patches_of(mel, np.array([0, 1, 2]))).all(axis=(1, 2))
    assert finite.tolist() == [False, False, True]


@settings(deadline=None, max_examples=40)
@given(counts=st.lists(st.integers(0, 50), min_size=1, max_size=10), start=st.integers(0, 200), count=st.integers(0, 200))
def test_spectra_come_back_as_they_were_kept(tmp_path_factory, counts, start, count):
    folder = tmp_path_factory.mktemp("spectra")
    spectra, whole = Spectra(folder), np.random.default_rng(0).standard_normal((sum(counts), BANDS)).astype(np.float32)
    for part in np.split(whole, np.cumsum(counts)):
        spectra.append(part)
        spectra.rows(0, 3)
    assert np.array_equal(spectra.rows(start, start + count), whole[start : start + count])
    assert not list(folder.iterdir()), "the file has no name"


def test_frames_are_counted_as_they_are_cut():
    assert [frames_in(FRAME + i * HOP + j) for i, j in ((0, -1), (0, 0), (3, 0), (3, HOP - 1))] == [0, 1, 4, 4]
