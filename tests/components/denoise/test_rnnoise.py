"""RNNoise on the recording's own timeline."""

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from components.denoise.rate import DOWN, UP, resampled
from components.denoise.rnnoise import rnnoise
from components.shared.rows import SAMPLE_RATE_HZ
from tests.places import DATA

SPEECH = sorted((DATA / "librispeech").rglob("*.flac"))[:3]


def voice(seconds: float) -> np.ndarray:
    """A buzz with formants in syllables, as a synthesizer of old says vowels."""
    time = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    pulses = np.diff(np.floor(np.cumsum(130 + 25 * np.sin(2 * np.pi * 0.6 * time)) / SAMPLE_RATE_HZ), prepend=0)
    formants = sum(signal.lfilter(*signal.iirpeak(f, q, SAMPLE_RATE_HZ), pulses) for f, q in ((650, 8), (1100, 10), (2600, 12)))
    return 0.5 * formants / np.max(np.abs(formants)) * np.clip(np.sin(2 * np.pi * 1.7 * time), 0, 1)


def through(sound: np.ndarray, block: int = 441_000) -> np.ndarray:
    return np.concatenate([np.zeros(0), *rnnoise()(sound[i : i + block] for i in range(0, len(sound), block))])


def late(out: np.ndarray, sound: np.ndarray) -> int:
    """By how many samples, within 50 ms."""
    lags = signal.correlate(out, sound, method="fft")[len(sound) - 1 - 2205 : len(sound) + 2205]
    return int(np.argmax(lags)) - 2205


def level_db(sound: np.ndarray) -> float:
    return 10 * float(np.log10(np.mean(np.square(sound)) + 1e-20))


def test_there_and_back_is_the_same_sound_at_the_same_place() -> None:
    sound = signal.sosfiltfilt(signal.butter(16, 19_000, fs=SAMPLE_RATE_HZ, output="sos"), voice(3.3))
    back = np.concatenate(list(resampled(resampled(iter([sound]), UP, DOWN), DOWN, UP)))[: len(sound)]
    assert level_db(back - sound) < level_db(sound) - 60


def test_sounds_stay_at_their_place() -> None:
    sound = voice(6)
    assert abs(late(through(sound), sound)) <= 2


def test_noise_falls() -> None:
    noise = 0.01 * np.random.default_rng(0).standard_normal(6 * SAMPLE_RATE_HZ)
    assert level_db(through(noise)[SAMPLE_RATE_HZ:]) < level_db(noise) - 15


def test_nothing_is_left_above_20_khz() -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(3 * SAMPLE_RATE_HZ)
    high = signal.butter(8, 20_800, "highpass", fs=SAMPLE_RATE_HZ, output="sos")
    assert level_db(signal.sosfilt(high, through(noise))) < level_db(signal.sosfilt(high, noise)) - 40


@pytest.mark.parametrize("length", [0, 1, 440, 441, 44_100, 44_101, 100_003])
def test_length_stays(length: int) -> None:
    assert len(through(voice(3)[:length])) == length


@settings(max_examples=8, deadline=None)
@given(st.integers(500, 200_000))
def test_blocks_of_any_size_give_the_same_bits(block: int) -> None:
    sound = voice(2.6)
    assert np.array_equal(through(sound, block), through(sound))


@pytest.mark.skipif(not SPEECH, reason=f"no recordings at {DATA}")
def test_real_speech_stays_and_its_noise_falls() -> None:
    for path in SPEECH:
        sound = signal.resample_poly(soundfile.read(path)[0], 441, 160)
        noisy = sound + 10 ** ((level_db(sound) - 15) / 20) * np.random.default_rng(0).standard_normal(len(sound))
        out = through(noisy)
        assert abs(late(out, sound)) <= 2, path.name
        assert abs(level_db(out) - level_db(sound)) < 2, path.name
        quiet = np.convolve(np.square(sound), np.ones(4410), "same") < 4410 * 10 ** ((level_db(sound) - 35) / 10)
        if np.count_nonzero(quiet) > SAMPLE_RATE_HZ // 2:
            assert level_db(out[quiet]) < level_db(noisy[quiet]) - 10, path.name
