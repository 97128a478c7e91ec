"""Voices to convert: real ones if there are any, else sound with the pitch, the syllables and the pauses of speech."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from conftest import fetch, item
from numpy.typing import NDArray

from components.shared.audio import decode
from components.shared.rows import SAMPLE_RATE_HZ, Recording
from tests.places import DATA

Sound = NDArray[np.float64]
RATE = SAMPLE_RATE_HZ


def speechlike(seconds: float, seed: int = 0) -> Sound:
    """Harmonics of a gliding pitch in syllables of a fifth of a second, with a peak of 0.5."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    pitch_hz = 100 + 80 * rng.random() + 20 * np.sin(2 * np.pi * 0.7 * time + seed)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE
    sound = sum(np.sin(k * phase + k * k) / k for k in range(1, 30))
    syllables = np.resize([0.02, 1.0, 0.6, 0.05, 0.8, 0.02], round(seconds * 10) + 2)
    loud = np.interp(time, 0.1 * np.arange(len(syllables)), syllables)
    sound *= loud * np.minimum(1, np.minimum(time, time[::-1]) * 50)
    return 0.5 * sound / np.abs(sound).max()


def voice(seconds: float, number: int = 0) -> Sound:
    """A real voice if there is one, with a peak of 0.5."""
    files = sorted((DATA / "librispeech").glob("*/*.flac"))[:: 7 if number % 2 else 5]
    if not files:
        return speechlike(seconds, number)
    sound = np.concatenate(list(decode(files[number % len(files)], RATE)))[:, 0].astype(np.float64)
    sound = np.resize(sound[RATE // 4 :], round(seconds * RATE))
    return 0.5 * sound / np.abs(sound).max()


def converted(folder: Path, source: Path) -> tuple[Recording, Sound]:
    """The row of a local file, and the samples of its recording, shaped (frames, channels)."""
    (row,) = fetch(folder, item(source, "local"))
    assert row.reason == "", row.reason
    sound, rate = soundfile.read(folder / "audio" / f"{row.recording}.flac", always_2d=True)
    assert (rate, len(sound)) == (RATE, row.samples)
    return row, sound


def write(path: Path, channels: Sequence[Sound] | Sound, subtype: str = "PCM_16") -> Path:
    """Writes a WAV file without a layout, as field recorders do."""
    soundfile.write(path, np.stack(channels, axis=1), RATE, subtype)
    return path


def rms_db(sound: Sound) -> float:
    return float(10 * np.log10(np.mean(np.square(sound)) + 1e-20))


def lag(sound: Sound, wanted: Sound) -> int:
    """The number of samples by which a sound is late."""
    size = len(sound) + len(wanted)
    likeness = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(wanted, size).conj(), size)
    return (int(np.argmax(np.abs(likeness))) + len(wanted)) % size - len(wanted)


def si_sdr_db(sound: Sound, wanted: Sound) -> float:
    """Scale-invariant signal-to-distortion ratio."""
    part = (sound @ wanted) / (wanted @ wanted) * wanted
    return float(10 * np.log10((part @ part) / (np.sum((sound - part) ** 2) + 1e-20)))
