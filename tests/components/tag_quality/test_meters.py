"""Every meter against sounds that its answer is known for, synthetic and real."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from scipy import signal

from components.shared.audio import decode, ffmpeg, from_pcm16, to_pcm16
from components.shared.bandwidth import bandwidth_hz
from components.shared.rows import SAMPLE_RATE_HZ
from components.tag_quality.clipping import clipped_share
from components.tag_quality.levels import loudness_lufs, true_peak_dbtp
from components.tag_quality.noise import snr_db
from tests.components.tag_quality.sounds import speech_like
from tests.places import DATA

Sound = NDArray[np.float64]

needs_data = pytest.mark.skipif(not DATA.exists(), reason="no real recordings: set SPEECHMILL_DATA to their folder")
RECORDINGS = sorted((DATA / "emodb").glob("**/*.flac"))[::60] if DATA.exists() else []


def real(path: Path) -> Sound:
    """A recording of 16 kHz at 44.1 kHz, its peak at -6 dBFS."""
    sound = signal.resample_poly(soundfile.read(path)[0], 441, 160)
    return 0.5 * sound / np.max(np.abs(sound))


def rounded(sound: Sound) -> NDArray[np.float32]:
    return from_pcm16(to_pcm16(sound))


def through_codec(folder: Path, sound: Sound, *options: str, suffix: str = "mp3") -> Sound:
    """A sound through a lossy codec and back."""
    source, coded = folder / "source.flac", folder / f"coded.{suffix}"
    soundfile.write(source, to_pcm16(sound), SAMPLE_RATE_HZ, "PCM_16")
    subprocess.run([ffmpeg(), "-v", "error", "-y", "-i", source, *options, coded], check=True)
    return np.concatenate(list(decode(coded, SAMPLE_RATE_HZ)))[:, 0].astype(np.float64)


def noisy(sound: Sound, snr: float, seed: int = 0) -> Sound:
    noise = np.random.default_rng(seed).standard_normal(len(sound))
    return sound + noise * np.sqrt(np.mean(sound**2) / 10 ** (snr / 10))


# --- signal-to-noise ratio


@pytest.mark.parametrize("snr", [0, 10, 20, 30])
def test_the_snr_of_white_noise(snr: float) -> None:
    assert snr_db(noisy(speech_like(6, 16_000), snr), 16_000) == pytest.approx(snr, abs=1)


def test_the_snr_knows_neither_gain_nor_offset() -> None:
    sound = noisy(speech_like(5, 16_000), 15)
    assert snr_db(0.1 * sound + 0.2, 16_000) == pytest.approx(snr_db(sound, 16_000), abs=1e-6)


def test_no_recording_of_16_bits_is_cleaner_than_rounding() -> None:
    sound = speech_like(5, 16_000)
    assert snr_db(sound, 16_000) == pytest.approx(10 * np.log10(np.mean(sound**2) * 12 * 32_768**2), abs=0.1)
    assert snr_db(np.zeros(16_000), 16_000) is None


@needs_data
@pytest.mark.parametrize("path", RECORDINGS, ids=lambda p: p.stem)
def test_the_snr_of_real_speech_follows_the_noise_that_is_added(path: Path) -> None:
    sound = soundfile.read(path)[0]
    found = [snr_db(noisy(sound, snr), 16_000) for snr in (0, 5, 10, 20, 30)]
    assert found[:3] == pytest.approx([0, 5, 10], abs=1.5)  # more is hidden where the speaker never pauses
    assert found == sorted(found)


# --- bandwidth


def lowpass(cutoff_hz: float) -> Callable[[Sound], Sound]:
    """As steep as a resampler."""
    taps = signal.firwin(1023, cutoff_hz, fs=SAMPLE_RATE_HZ, window=("kaiser", 8))
    return lambda sound: signal.fftconvolve(sound, taps, "same")


@pytest.mark.parametrize("cutoff_hz", [3400, 4000, 5000, 8000, 11_000, 16_000])
def test_the_bandwidth_is_where_a_lowpass_cuts(cutoff_hz: float) -> None:
    assert bandwidth_hz(rounded(lowpass(cutoff_hz)(speech_like(4)))) == pytest.approx(cutoff_hz, abs=300)


@needs_data
@pytest.mark.parametrize("cutoff_hz", [3400, 4000, 5000])
def test_the_bandwidth_of_real_speech(cutoff_hz: float) -> None:
    for path in RECORDINGS:
        assert bandwidth_hz(rounded(lowpass(cutoff_hz)(real(path)))) == pytest.approx(cutoff_hz, abs=300), path.stem
        assert 7000 < bandwidth_hz(rounded(real(path))) < 8900, path.stem  # what 16 kHz hold, and the skirt of the resampler


def test_the_whole_band() -> None:
    assert bandwidth_hz(rounded(speech_like(4))) > 20_000


def test_the_skirt_of_denoise_s_example_is_no_bandwidth() -> None:
    sections = np.tile(signal.butter(6, 5000, fs=SAMPLE_RATE_HZ, output="sos"), (2, 1))
    assert bandwidth_hz(rounded(signal.sosfilt(sections, speech_like(4)))) == pytest.approx(5000, rel=0.2)


def test_clicks_dither_and_hiss_are_no_bandwidth() -> None:
    sound, random = lowpass(5000)(speech_like(4)), np.random.default_rng(0)
    clicks = np.zeros(len(sound))
    clicks[::SAMPLE_RATE_HZ] = 0.5
    dither = random.triangular(-1, 0, 1, len(sound)) / 32_768
    for disturbed in (sound + clicks, 0.05 * sound + dither, noisy(sound, 20)):
        assert bandwidth_hz(rounded(disturbed)) == pytest.approx(5000, abs=300)


@pytest.mark.parametrize(("kilobits", "least", "most"), [(64, 12_000, 17_000), (128, 15_000, 21_000)])
def test_the_bandwidth_of_an_mp3(tmp_path: Path, kilobits: int, least: float, most: float) -> None:
    assert least < bandwidth_hz(through_codec(tmp_path, speech_like(4), "-b:a", f"{kilobits}k")) < most


def test_what_never_rises_has_no_bandwidth() -> None:
    time = np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    assert bandwidth_hz(0.1 * np.random.default_rng(0).standard_normal(SAMPLE_RATE_HZ)) is None
    assert bandwidth_hz(rounded(0.1 * np.sin(2 * np.pi * 440 * time))) is None
    assert bandwidth_hz(np.zeros(SAMPLE_RATE_HZ)) is None


# --- loudness and true peak


def test_the_loudness_of_bs_1770_s_test_tone() -> None:
    tone = np.sin(2 * np.pi * 997 * np.arange(5 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ)
    assert loudness_lufs(tone) == pytest.approx(-3.01, abs=0.1)
    assert loudness_lufs(0.1 * tone) == pytest.approx(-23.01, abs=0.1)


def test_below_the_gate_and_below_a_block_there_is_no_loudness() -> None:
    tone = np.sin(2 * np.pi * 997 * np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ)
    assert loudness_lufs(10 ** (-71 / 20) * tone) is None
    assert loudness_lufs(tone[: round(0.39 * SAMPLE_RATE_HZ)]) is None
    assert loudness_lufs(tone[: round(0.4 * SAMPLE_RATE_HZ)]) is not None


def test_a_peak_between_the_samples_is_found() -> None:
    count = SAMPLE_RATE_HZ // 10
    tone = np.sin(2 * np.pi * np.arange(count) / 4 + np.pi / 4) * signal.windows.tukey(count, 0.2)
    assert 20 * np.log10(np.max(np.abs(tone))) == pytest.approx(-3.01, abs=0.01)
    assert true_peak_dbtp(tone) == pytest.approx(0, abs=0.1)
    assert true_peak_dbtp(0.5 * tone) == pytest.approx(-6.02, abs=0.1)
    assert true_peak_dbtp(np.zeros(100)) is None


# --- clipping


def clipped(sound: Sound, share: float) -> Sound:
    """A sound cut off so that this share of its samples lies beyond, at full scale."""
    top = np.quantile(np.abs(sound), 1 - share)
    return np.clip(sound / top, -1, 1)


@pytest.mark.parametrize("gain", [1.0, 0.137])
@pytest.mark.parametrize("share", [0.01, 0.05])
def test_clipped_samples_are_counted_at_any_gain(gain: float, share: float) -> None:
    assert clipped_share(to_pcm16(gain * clipped(speech_like(6), share))) == pytest.approx(share, rel=0.15)


@needs_data
@pytest.mark.parametrize("path", RECORDINGS, ids=lambda p: p.stem)
def test_clipping_of_real_speech_is_found_before_and_after_an_mp3(tmp_path: Path, path: Path) -> None:
    sound = real(path)
    cut = clipped(sound, 0.03)
    assert clipped_share(to_pcm16(0.2 * cut)) == pytest.approx(0.03, rel=0.1)
    coded = through_codec(tmp_path, 0.5 * cut, "-b:a", "128k")
    assert 0.015 < clipped_share(to_pcm16(coded)) < 0.035
    assert clipped_share(to_pcm16(sound)) == 0
    assert clipped_share(to_pcm16(through_codec(tmp_path, sound, "-b:a", "64k"))) == 0


def test_quiet_hiss_is_not_clipped_though_its_tops_are_equal() -> None:
    hiss = np.random.default_rng(0).integers(-1, 2, SAMPLE_RATE_HZ).astype(np.int16)
    assert clipped_share(hiss) == 0
    assert clipped_share(np.zeros(100, np.int16)) is None
