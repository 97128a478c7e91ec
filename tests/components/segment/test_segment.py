"""The streaming, with networks that are plain arithmetic: what it gives must not depend on how the sound was cut up."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from components.segment.answers import STRIDE, PatchClassifier
from components.segment.segment import LABEL_SAMPLES, Segmenter, analyze, to_rows
from components.segment.windows import FRAME, HOP, PATCH_FRAMES, STEP, frame_windows, frames_in, labels_in
from components.shared.rows import SAMPLE_RATE_HZ


def in_blocks(signal, size=16_000):
    return (signal[i : i + size] for i in range(0, len(signal), size))


def frames_of(signal):
    return sliding_window_view(signal, FRAME)[::HOP]


def plain_features(signal):
    """Energies, and 24 "bands" of a frame: its loudness in 24 parts of itself."""
    frames = frames_of(signal).astype(np.float64)
    with np.errstate(divide="ignore"):
        mel = np.log(np.abs(frames[:, :384]).reshape(-1, 24, 16).max(axis=2))
        return np.log((frames**2).sum(axis=1)).astype(np.float32), mel.astype(np.float32)


def loud_in(*bands):
    """Probabilities by how loud two patches' bands are beside each other, or each beside the middle."""

    def predict(found):
        levels = 2 * np.stack([found[:, :, b].mean(axis=1) for b in bands], axis=1)
        e = np.exp(levels - levels.max(axis=1, keepdims=True))
        return (e / e.sum(axis=1, keepdims=True)).astype(np.float32)

    return predict


def costs(classes, cost):
    return np.where(np.eye(classes, dtype=bool), 0.0, -cost)


CONTENT = PatchClassifier(("speech", "music", "noise"), 21, costs(3, 4.0), loud_in(0, 5, 12))
GENDER = PatchClassifier(("female", "male"), 24, costs(2, 4.0), loud_in(3, 18))
ENERGY = np.array([[-5.0, -345.0], [-345.0, 0.0]])
PLAIN = Segmenter(plain_features, 0.03, ENERGY, CONTENT, GENDER)


def signal_of(samples, seed):
    """Stretches of noise, of loudness and color of their own, some of them silent."""
    rng = np.random.default_rng(seed)
    signal = np.zeros(samples, np.float32)
    at = 0
    while at < samples:
        n = int(rng.integers(400, 24_000))
        shape = (10 ** rng.uniform(-1, 0, 10)).repeat(16)  # what the bands of these tests tell apart
        part = rng.standard_normal(n) * np.resize(shape, n) * rng.choice([0, 0.001, 0.1, 0.5])
        signal[at : at + n] = part[: samples - at]
        at += n
    return signal


@settings(deadline=None, max_examples=60)
@given(samples=st.integers(1, 60_000), block=st.integers(100, 20_000), frames=st.integers(1, 300))
def test_every_frame_is_in_one_window(samples, block, frames):
    signal = np.arange(samples, dtype=np.float32)
    found = list(frame_windows(in_blocks(signal, block), frames))
    whole = frames_of(np.pad(signal, (0, max(0, FRAME - samples))))
    assert np.array_equal(np.concatenate([frames_of(w) for w in found]), whole)


@settings(deadline=None, max_examples=40)
@given(samples=st.integers(1, 160_000), seed=st.integers(0, 2**32 - 1), window=st.integers(1, 400), block=st.integers(500, 100_000))
def test_the_result_does_not_depend_on_the_windows(samples, seed, window, block):
    signal = signal_of(samples, seed)
    whole = analyze(in_blocks(signal, samples), PLAIN, window_patches=10**6)
    assert analyze(in_blocks(signal, block), PLAIN, window_patches=window) == whole


def test_signals_of_these_tests_hold_every_kind():
    found = {name for seed in range(12) for name, _, _ in analyze(in_blocks(signal_of(160_000, seed)), PLAIN)}
    assert found == {"noEnergy", "music", "noise", "female", "male"}


@settings(deadline=None, max_examples=40)
@given(samples=st.integers(1, 400_000), seed=st.integers(0, 1000))
def test_rows_cover_the_recording_without_gap_or_overlap(samples, seed):
    signal = signal_of(max(1, round(samples * 16_000 / SAMPLE_RATE_HZ)), seed)
    rows = to_rows("r", samples, analyze(in_blocks(signal), PLAIN))
    assert rows[0].start == 0 and rows[-1].end == samples / SAMPLE_RATE_HZ
    assert all(a.end == b.start for a, b in pairwise(rows))
    assert all(r.start < r.end and r.start == round(r.start * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ for r in rows)
    assert all((r.gender in ("female", "male")) == (r.label == "speech") for r in rows)
    assert {r.label for r in rows} <= {"speech", "music", "noise", "silence"}


def test_the_network_is_asked_for_few_patches_where_nothing_changes_and_for_all_where_much_does():
    def asked(signal, window):
        counts = []

        def predict(found):
            counts.append(len(found))
            return CONTENT.predict(found)

        counting = replace(PLAIN, content=replace(CONTENT, predict=predict), gender=None)
        analyze(in_blocks(signal), counting, window_patches=window)
        return sum(counts)

    rng = np.random.default_rng(0)
    steady = np.tile((rng.standard_normal(160) * np.where(np.arange(160) // 16 == 5, 1, 0.001)).astype(np.float32), 3000)
    total = (frames_in(len(steady)) - PATCH_FRAMES) // STEP + 1
    assert asked(steady, 1000) == asked(steady, 200) < (1 / STRIDE + 0.02) * total
    assert asked(rng.standard_normal(480_000).astype(np.float32), 1000) == total


def test_gender_is_left_out_where_nobody_asks():
    signal = signal_of(480_000, 3)
    without = replace(PLAIN, gender=None)
    rows = to_rows("r", 1_323_000, analyze(in_blocks(signal), without))
    assert "speech" in {r.label for r in rows} and {r.gender for r in rows} == {""}


@pytest.mark.parametrize("samples", [1, 399, 400, 401, 800, 16_000])
def test_digital_silence_is_silence(samples):
    labels = labels_in(max(1, frames_in(samples)))
    assert analyze(in_blocks(np.zeros(samples, np.float32)), PLAIN) == [("noEnergy", 0, labels)]


def test_energy_that_never_varies_is_no_silence():
    stretches = analyze(in_blocks(np.full(32_000, 0.25, np.float32)), PLAIN)
    assert "noEnergy" not in {name for name, _, _ in stretches}


def test_a_label_is_a_whole_number_of_samples():
    assert LABEL_SAMPLES * 50 == SAMPLE_RATE_HZ
