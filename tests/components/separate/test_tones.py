"""Whistles and hums that nobody names, and what is none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from components.separate import tones
from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.steps import Sound


def time_of(seconds: float) -> np.ndarray:
    return np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ


def sine(seconds: float, hertz: float, amplitude: float) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * hertz * time_of(seconds))


def talk(seconds: float, seed: int = 0) -> np.ndarray:
    """Syllables of noise with a voice's spectrum, over hiss."""
    random, time = np.random.default_rng(seed), time_of(seconds)
    band = signal.butter(2, [150, 3000], "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
    loud = np.clip(np.sin(2 * np.pi * 2.1 * time), 0.01, 1) * (np.sin(2 * np.pi * 0.23 * time) > -0.7)
    return 0.2 * loud * signal.sosfilt(band, random.standard_normal(len(time))) + 0.0005 * random.standard_normal(len(time))


def stream(sound: np.ndarray, block: int = 441_000):
    return (sound[i : i + block] for i in range(0, len(sound), block))


def prepared(sound: np.ndarray):
    return tones.tones().prepare(Sound("show", lambda: stream(sound), len(sound), ()))


def cleaned(sound: np.ndarray, block: int = 441_000) -> np.ndarray:
    return np.concatenate(list(prepared(sound).filter(stream(sound, block))))


def level_db(sound: np.ndarray) -> float:
    return 10 * float(np.log10(np.mean(np.square(sound)) + 1e-20))


def found_hz(sound: np.ndarray) -> list[float]:
    return [t.frequency_hz for t in tones.find(stream(sound), len(sound))]


def test_a_whistle_goes_and_speech_stays() -> None:
    speech, whistle = talk(90), sine(90, 6000, 0.004)
    left = cleaned(speech + whistle) - speech
    assert level_db(left) < level_db(whistle) - 25
    assert len(left) == len(speech)


def test_what_was_found_is_told() -> None:
    sound = talk(100)
    sound[: 80 * SAMPLE_RATE_HZ] += sine(80, 6000, 0.004)
    (row,) = prepared(sound).removed
    assert (row.recording, row.filter, row.name) == ("show", "tones", "6000 Hz")
    assert row.frequency_hz == pytest.approx(6000, abs=0.05)
    assert row.start == 0
    assert row.end == pytest.approx(80, abs=1.6)
    assert row.attenuation_db is not None
    assert row.attenuation_db > 20


def test_a_hum_is_found_with_its_harmonics() -> None:
    hum = sum(sine(70, 50 * k, 0.01 / k) for k in range(1, 4))
    found = prepared(talk(70) + hum).removed
    assert [row.name for row in found] == ["50 Hz", "100 Hz", "150 Hz"]
    assert level_db(cleaned(talk(70) + hum) - talk(70)) < level_db(hum) - 15


def test_a_tone_that_drifts_by_a_hertz_each_way_falls() -> None:
    hertz = 3000 + np.sin(2 * np.pi * time_of(120) / 120)
    drifting = 0.005 * np.sin(2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE_HZ)
    speech = talk(120)
    assert level_db(cleaned(speech + drifting) - speech) < level_db(drifting) - 20


def test_a_tone_that_a_mask_made_louder_and_softer_falls() -> None:
    mask = 1 - 0.7 * (time_of(90) % 20 > 14)
    speech, whistle = talk(90), mask * sine(90, 6000, 0.004)
    assert level_db(cleaned(speech + whistle) - speech) < level_db(whistle) - 15


def test_a_short_recording_has_a_tone_that_stands_all_through_it() -> None:
    assert found_hz(talk(30) + sine(30, 6000, 0.004)) == [pytest.approx(6000, abs=0.1)]
    half = talk(30)
    half[: 15 * SAMPLE_RATE_HZ] += sine(15, 6000, 0.004)
    assert found_hz(half) == []
    assert found_hz(talk(10) + sine(10, 6000, 0.004)) == []


def test_notes_that_are_held_for_seconds_are_no_tones() -> None:
    notes = np.random.default_rng(1).choice([220.0, 246.94, 261.63, 329.63, 440.0], 24)
    organ = np.concatenate([sum(sine(5, k * n, 0.05 / k) for k in (1, 2, 3, 4)) for n in notes])
    assert found_hz(organ + talk(120)) == []


def test_a_vowel_is_no_tone() -> None:
    hertz = 120 + 3 * np.sin(2 * np.pi * 5 * time_of(70)) + 4 * np.sin(2 * np.pi * 0.3 * time_of(70))
    phase = 2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE_HZ
    assert found_hz(sum(0.1 / k * np.sin(k * phase) for k in range(1, 20))) == []


def test_a_recording_without_tones_stays_to_the_bit() -> None:
    sound = talk(65)
    assert prepared(sound).removed == ()
    assert np.array_equal(cleaned(sound), sound)


@pytest.mark.parametrize("length", [0, 1, 441, 100_000, 31 * SAMPLE_RATE_HZ + 17])
def test_length_stays(length: int) -> None:
    sound = (talk(32) + sine(32, 6000, 0.004))[:length]
    assert sum(map(len, prepared(sound).filter(stream(sound)))) == length


LONG = talk(40) + sine(40, 6000, 0.004) + sine(40, 50, 0.01)


@settings(max_examples=6, deadline=None)
@given(st.integers(2000, 2_000_000))
def test_blocks_of_any_size_give_the_same_bits(block: int) -> None:
    step = tones.tones().prepare(Sound("show", lambda: stream(LONG, block), len(LONG), ()))
    whole = prepared(LONG)
    assert step.removed == whole.removed
    assert len(whole.removed) == 2
    assert np.array_equal(np.concatenate(list(step.filter(stream(LONG, block)))), np.concatenate(list(whole.filter(stream(LONG)))))
