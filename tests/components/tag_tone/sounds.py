"""Sounds of known pitch and level, and artifacts made of them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.shared.rows import SAMPLE_RATE_HZ, Clip
from components.shared.table import write_rows
from components.shared.windows import Windows, WindowsWriter
from tests.artifacts import write_recordings

Sound = NDArray[np.float64]


def buzz(hz: float | Sound, seconds: float, rms: float = 0.1, tilt: float = 1.0) -> Sound:
    """Harmonics up to 6 kHz, the n-th 1/n**tilt as high, of a fundamental that may move (one entry a sample)."""
    track = np.broadcast_to(hz, round(seconds * SAMPLE_RATE_HZ))
    phase = 2 * np.pi * np.cumsum(track) / SAMPLE_RATE_HZ
    sound = sum(np.sin(n * phase) / n**tilt for n in range(1, int(6000 / float(np.max(track))) + 1))
    return np.asarray(sound * rms / np.sqrt(np.mean(np.square(sound))))


def glide(start_hz: float, semitones_per_second: float, seconds: float) -> Sound:
    """A fundamental that rises evenly in semitones."""
    return start_hz * 2 ** (semitones_per_second * np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ / 12)


def spoken(words: list[Sound], gap_seconds: float = 0.1) -> Sound:
    """Sounds with silence around each."""
    gap = np.zeros(round(gap_seconds * SAMPLE_RATE_HZ))
    return np.concatenate([gap, *(np.concatenate([w, gap]) for w in words)])


def write_artifacts(root: Path, recordings: dict[str, list[Sound]], voices: dict[str, list[int]] | None = None) -> dict[str, Path]:
    """Artifacts of recordings whose clips are given one after the other; with voices, windows of that many different ones."""
    folders = {name: root / name for name in ("clean", "clips", "turns")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    clips: list[Clip] = []
    with WindowsWriter(folders["turns"]) as windows:
        for recording, sounds in recordings.items():
            edges = np.cumsum([0, *(len(s) for s in sounds)])
            starts, ends = edges[:-1] / SAMPLE_RATE_HZ, edges[1:] / SAMPLE_RATE_HZ
            clips += [
                Clip(f"{recording}-{round(a * 1000):08d}", recording, float(a), float(b), "female", False)
                for a, b in zip(starts, ends, strict=True)
            ]
            if voices:
                who = np.array(voices[recording])
                windows.write(recording, Windows(starts, ends, who, np.eye(192, dtype=np.float32)[who], "campplus"))
    write_recordings(folders["clean"], {recording: np.concatenate(sounds) for recording, sounds in recordings.items()})
    write_rows(folders["clips"], Clip, clips)
    return folders
