"""Mixtures on the fly: what holds for every window."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.shared.rows import SAMPLE_RATE_HZ
from components.train_separator.mixing import Mixtures, coded, equalized, leveled, place
from components.train_separator.sounds import ACCOMPANIMENT, MIX, SPEECH, Window, sounds
from tests.components.train_separator.conftest import music, voice, write

FRAMES = SAMPLE_RATE_HZ


def rms(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


@pytest.fixture
def windows(library: Path) -> list[Window]:
    parts = [sounds(library / name) for name in ("speech", "music", "noise")]
    return [Mixtures(3, FRAMES, *parts).window(index) for index in range(60)]


def test_a_mixture_is_speech_and_accompaniment_and_nothing_else_until_it_is_coded(windows: list[Window]) -> None:
    differences = [rms(w[MIX] - w[SPEECH] - w[ACCOMPANIMENT]) / rms(w[MIX]) for w in windows]
    exact = [d < 1e-6 for d in differences]
    assert 0.6 < np.mean(exact) < 0.95  # a fifth goes through MP3
    assert all(d < 1 for d in differences)


def test_windows_are_finite_of_the_length_asked_for_and_below_full_scale(windows: list[Window]) -> None:
    for window in windows:
        assert {name: sound.shape for name, sound in window.items()} == dict.fromkeys((MIX, SPEECH, ACCOMPANIMENT), (FRAMES, 2))
        assert all(sound.dtype == np.float32 and np.isfinite(sound).all() for sound in window.values())
        assert np.abs(window[SPEECH] + window[ACCOMPANIMENT]).max() <= 0.951


def test_speech_lies_between_10_db_below_and_20_db_above_the_rest_beside_its_own_loudness(windows: list[Window]) -> None:
    heard = [w for w in windows if rms(w[SPEECH]) > 1e-4 and rms(w[ACCOMPANIMENT]) > 1e-4]
    ratios = [20 * np.log10(rms(w[SPEECH]) / rms(w[ACCOMPANIMENT])) for w in heard]
    assert len(heard) > 30
    low, high = np.percentile(ratios, [10, 100])
    assert -10 - 7 - 6 < low < 0  # a voice is itself 7 dB quieter to 4 louder, and may fill a small part of its window
    assert 10 < high < 20 + 4 + 6


def test_some_windows_have_speech_alone_and_some_none(windows: list[Window]) -> None:
    assert any(not w[ACCOMPANIMENT].any() and w[SPEECH].any() for w in windows)
    assert any(not w[SPEECH].any() and w[ACCOMPANIMENT].any() for w in windows)


def test_a_window_is_a_function_of_seed_and_index(library: Path) -> None:
    speech, beds = sounds(library / "speech"), sounds(library / "music")

    def made(seed: int, index: int) -> np.ndarray:
        return Mixtures(seed, FRAMES, speech, beds).window(index)[MIX]

    assert np.array_equal(made(1, 5), made(1, 5))
    assert not np.array_equal(made(1, 5), made(1, 6))
    assert not np.array_equal(made(1, 5), made(2, 5))


def test_longer_files_are_drawn_more_often(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    write(tmp_path / "short.wav", music(rng, 0.3))
    write(tmp_path / "long.wav", music(rng, 2.7))
    drawn = [len(sounds(tmp_path).draw(rng, FRAMES // 2)) for _ in range(200)]
    assert set(drawn) == {round(0.3 * FRAMES), FRAMES // 2}
    assert 0.8 < np.mean([frames == FRAMES // 2 for frames in drawn]) < 0.97


@given(at=st.integers(-50, 50), length=st.integers(0, 60), bus=st.integers(1, 40))
def test_a_sound_is_placed_where_it_belongs_and_what_lies_outside_is_left_out(at: int, length: int, bus: int) -> None:
    found, sound = np.zeros(bus, np.float32), np.arange(1, length + 1, dtype=np.float32)
    place(found, sound, at)
    expected = [sound[i - at] if 0 <= i - at < length else 0 for i in range(bus)]
    assert found.tolist() == expected


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), max_db=st.floats(0, 12))
def test_an_equalizer_changes_no_more_than_it_may(seed: int, max_db: float) -> None:
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((20_000, 2)).astype(np.float32)
    before, after = (np.abs(np.fft.rfft(x, axis=0)) for x in (noise, equalized(noise, rng, max_db)))
    change_db = 20 * np.log10(rms(after) / rms(before))
    assert abs(change_db) <= max_db + 0.1
    assert len(equalized(noise, rng, max_db)) == len(noise)


def test_levels_are_those_of_the_louder_channel_and_silence_stays() -> None:
    sound = voice(np.random.default_rng(0), 0.5)
    assert max(rms(leveled(sound, 0.05)[:, c]) for c in (0, 1)) == pytest.approx(0.05, rel=1e-4)
    assert not leveled(np.zeros((100, 2), np.float32), 0.1).any()


def test_a_coded_mixture_stays_on_its_timeline() -> None:
    rng = np.random.default_rng(0)
    mix = voice(rng, 1.0) + music(rng, 1.0)
    mix[: FRAMES // 3] = 0  # an onset
    found = coded(mix, 128)
    assert found.shape == mix.shape
    spectra = [np.fft.rfft(x[:, 0], 2 * FRAMES) for x in (found, mix)]
    correlation = np.fft.irfft(spectra[0] * np.conj(spectra[1]))
    assert np.argmax(correlation) == 0
    assert rms(found - mix) < 0.3 * rms(mix)
