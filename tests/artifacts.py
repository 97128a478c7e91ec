"""Writes audio artifacts as stages do."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.shared.audio import FlacWriter
from components.shared.rows import SAMPLE_RATE_HZ, Clip, Recording
from components.shared.table import write_rows


def recording(name: str, samples: int) -> Recording:
    """The row of a recording. Without samples it is one whose download failed."""
    reason = "" if samples else "404 Not Found"
    return Recording(name, "local", f"file:/{name}", "", "", "", "", samples / SAMPLE_RATE_HZ, samples, "", "", reason, "", "")


def write_flac(path: Path, sound: NDArray[Any]) -> Path:
    """Writes a sound shaped (frames,) or (frames, channels); returns the path."""
    with FlacWriter(path, 1 if sound.ndim == 1 else sound.shape[1]) as file:
        file.write(sound)
    return path


def write_recordings(folder: Path, sounds: Mapping[str, NDArray[Any]]) -> list[Recording]:
    """Writes an artifact of sounds, by recording, and returns its rows; an empty sound is a failed download."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, sound in sounds.items():
        if len(sound):
            write_flac(folder / "audio" / f"{name}.flac", sound)
    rows = [recording(name, len(sound)) for name, sound in sounds.items()]
    write_rows(folder, Recording, rows)
    return rows


def tag_inputs(
    folder: Path, sounds: Mapping[str, NDArray[Any]], clips: list[tuple[str, float, float]], audio: str, output: str
) -> tuple[Path, Path, Path]:
    """The inputs of a stage that measures clips, and its empty output, by their names: recordings of these sounds, and one that could not
    be read."""
    folders = folder / audio, folder / "clips", folder / output
    for path in folders[1:]:
        path.mkdir()
    write_recordings(folders[0], {**sounds, "bad": np.zeros(0)})
    write_rows(folders[1], Clip, [Clip(f"{r}-{round(a * 1000):08d}", r, a, b, "", False) for r, a, b in clips])
    return folders
