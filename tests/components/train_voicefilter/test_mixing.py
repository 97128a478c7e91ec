"""Mixtures of made-up voices."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.shared.mel import RATE_HZ
from components.shared.voicefilter import BINS
from components.train_voicefilter.mixing import SAMPLES, Mixtures, reverberated, telephone
from components.train_voicefilter.sources import open_data


@pytest.fixture(scope="module")
def mixtures(library: Path) -> Mixtures:
    data = open_data(library)
    return Mixtures(1, data.training, "campplus", data.noises, data.music)


def db(sound: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(sound)) + 1e-30))


def test_a_mixture_is_a_function_of_the_seed_and_its_number(mixtures: Mixtures) -> None:
    again = Mixtures(1, mixtures.speakers, "campplus", mixtures.noises, mixtures.music)
    for index in (5, 3):
        assert all(np.array_equal(a, b) for a, b in zip(mixtures.mixture(index), again.mixture(index), strict=True))
    assert not np.array_equal(mixtures.mixture(3).mixture, mixtures.mixture(4).mixture)
    assert not np.array_equal(mixtures.mixture(3).mixture, replace(again, seed=2).mixture(3).mixture)


def test_mixtures_have_the_voice_over_another_at_the_ratios_of_the_paper_and_some_have_only_one_of_them(mixtures: Mixtures) -> None:
    made = [mixtures.mixture(index) for index in range(120)]
    assert all(len(m.mixture) == len(m.voice) == SAMPLES and np.isfinite(m.mixture).all() for m in made)
    assert all(np.linalg.norm(m.vector) == pytest.approx(1, abs=1e-4) for m in made)
    with_voice = [m for m in made if m.voice.any()]
    assert 100 <= len(with_voice) < 120, "some hold the other voice alone"
    ratios = [db(m.voice) - db(m.mixture - m.voice) for m in with_voice]
    assert sum(ratio > 100 for ratio in ratios) >= 1, "some hold the voice alone"
    assert min(ratios) > -12 and np.percentile(ratios, 25) < 5 < np.percentile(ratios, 75)


def test_mixtures_for_validation_are_two_whole_voices_at_0_db(mixtures: Mixtures) -> None:
    plain = replace(mixtures, plain=True)
    for index in range(8):
        made = plain.mixture(index)
        assert db(made.voice) - db(made.mixture - made.voice) == pytest.approx(0, abs=0.01)


def test_an_example_holds_magnitudes_and_what_of_them_is_in_phase_with_the_voice(mixtures: Mixtures) -> None:
    example = mixtures(0)
    assert example["mixture"].shape == example["target"].shape == (SAMPLES // 160 + 1, BINS)
    assert example["voice"].shape == (192,)
    assert (example["target"] <= example["mixture"]).all() and (example["target"] >= 0).all()


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_reverberation_and_telephones_keep_the_timeline(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sound = np.zeros(RATE_HZ, np.float32)
    sound[8000:] = rng.standard_normal(8000)
    for changed in (reverberated(sound, rng), telephone(sound)):
        assert len(changed) == len(sound) and np.abs(changed[:7990]).max() < 1e-3
    spectrum = np.abs(np.fft.rfft(telephone(sound)))
    assert np.mean(spectrum[5000:] ** 2) < 0.05 * np.mean(spectrum[500:3000] ** 2)
