"""A voice is heard beside louder sound as it is alone, and noise in a long silence stays silence."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.segment.energy import threshold
from components.segment.networks import ENERGY_RATIO, load_segmenter
from components.segment.segment import analyze
from components.shared.audio import decode
from tests.places import ROOT, SAMPLE

DB = np.log(10) / 10
RATE_HZ = 16_000


def voice(seconds, level_db, seed=0, floor_db=-30.0):
    """Energies of a voice: syllables of a fifth of a second and a pause each second over a floor."""
    rng, frame = np.random.default_rng(seed), np.arange(100 * seconds)
    spoken = np.where(frame % 100 < 70, 10 * np.sin(2 * np.pi * frame / 20), floor_db)
    return ((np.maximum(spoken, floor_db) + level_db + rng.normal(0, 1, len(frame))) * DB).astype(np.float32)


def steady(seconds, level_db, seed=0):
    return (DB * (level_db + np.random.default_rng(seed).normal(0, 1.5, 100 * seconds))).astype(np.float32)


def whole(energies):
    """The package's threshold."""
    finite = energies[np.isfinite(energies)]
    return np.mean(finite) + np.log(ENERGY_RATIO) if len(finite) else np.inf


def heard(energies, start, stop):
    """The share of frames above the threshold, from one second to another."""
    return float(np.mean((energies > threshold(energies, ENERGY_RATIO))[100 * start : 100 * stop]))


@settings(deadline=None, max_examples=50)
@given(below_db=st.floats(0, 60), seconds=st.integers(5, 30), place=st.sampled_from(["before", "after", "within"]), seed=st.integers(0, 99))
def test_a_voice_beside_louder_sound_is_heard_as_it_is_alone(below_db, seconds, place, seed):
    spoken, loud = voice(seconds, -below_db, seed), steady(40, 0, seed)
    alone = heard(spoken, 0, seconds)
    parts = {"before": (spoken, loud), "after": (loud, spoken), "within": (loud, spoken, loud)}[place]
    start = 0 if place == "before" else 40
    assert heard(np.concatenate(parts), start, start + seconds) >= 0.8 * alone


@settings(deadline=None, max_examples=50)
@given(below_db=st.floats(20, 80), seconds=st.integers(3, 120), seed=st.integers(0, 99))
def test_steady_noise_in_a_long_silence_stays_silence(below_db, seconds, seed):
    energies = np.concatenate([voice(60, 0, seed), steady(seconds, -below_db, seed), voice(60, 0, seed + 1)])
    noise = slice(6100, 5900 + 100 * seconds)
    by_package = np.mean(energies[noise] > whole(energies))
    assert heard(energies, 61, 59 + seconds) < by_package + 0.005


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-40, 40) | st.just(-np.inf), min_size=1, max_size=2000), st.integers(1, 30))
def test_the_neighborhood_only_lowers_the_threshold(numbers, repeats):
    energies = np.repeat(np.array(numbers, np.float32), repeats)
    found = threshold(energies, ENERGY_RATIO)
    assert found.shape == energies.shape and np.all(found <= whole(energies))
    np.testing.assert_allclose(threshold(energies + np.float32(5), ENERGY_RATIO), found + 5, rtol=1e-4, atol=1e-3)


def test_where_levels_are_even_the_threshold_is_the_package_s():
    energies = np.concatenate([voice(300, 0), steady(30, -3), voice(60, -4, 1)])
    assert set(threshold(energies, ENERGY_RATIO)) == {whole(energies)}


@pytest.fixture(scope="module")
def networks():
    return load_segmenter("smn", detect_gender=False)


@pytest.fixture(scope="module")
def sentences():
    """Speech of the bundled sample, 12 s at 16 kHz."""
    said = json.loads((ROOT / "tests" / "sample" / "truth" / "episode-1.json").read_text())["utterances"][:4]
    sound = np.concatenate(list(decode(SAMPLE / "episode-1.opus", RATE_HZ)))[:, 0]
    spoken = np.concatenate([sound[round(u["start"] * RATE_HZ) : round(u["end"] * RATE_HZ)] for u in said])
    return 0.5 * spoken[: 12 * RATE_HZ] / np.abs(spoken).max()


def applause(seconds):
    """Claps of many hands: bursts of noise, 200 a second."""
    rng = np.random.default_rng(1)
    claps = np.convolve(rng.random(seconds * RATE_HZ) < 200 / RATE_HZ, np.exp(-np.arange(320) / 60), "same")
    sound = claps * rng.standard_normal(len(claps))
    return (0.8 * sound / np.abs(sound).max()).astype(np.float32)


@pytest.mark.parametrize("below_db", [20, 40])
def test_quiet_speech_after_applause_is_speech_as_it_is_alone(networks, sentences, below_db):
    def speech(sound, start=0.0):
        stretches = analyze([sound.astype(np.float32)], networks)
        return sum((stop - max(begin, start * 50)) * 0.02 for name, begin, stop in stretches if name == "speech" and stop > start * 50)

    quiet = sentences * 10 ** (-below_db / 20)
    alone = speech(quiet)
    assert alone > 9
    assert speech(np.concatenate([applause(30), quiet]), 30) == pytest.approx(alone, rel=0.2)
