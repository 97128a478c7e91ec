"""Audio files for windows, in folders and in the store. Reads seek, so memory does not grow with a file's length."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.task import StageError, one_line
from store.interface import Store
from store.objects import open_store

Stereo = NDArray[np.float32]
"""Shaped (frames, 2), at SAMPLE_RATE_HZ."""
Window = dict[str, Stereo]
"""A mixture under MIX and its stems by name, all of the same length. Speech is under SPEECH, whatever a model calls it."""

MIX, SPEECH, ACCOMPANIMENT = "mix", "speech", "accompaniment"
SUFFIXES = (".flac", ".wav", ".ogg", ".opus", ".mp3", ".aif", ".aiff")
CHANNELS = 2
_SHOWN_FAULTS = 3


class Stored(NamedTuple):
    """An audio file in the store."""

    store: str
    key: str


class File(NamedTuple):
    """An audio file and its length."""

    place: Path | Stored
    frames: int


@dataclass(frozen=True)
class Sounds:
    """Audio files to draw from."""

    files: Sequence[File]

    def draw(self, rng: np.random.Generator, frames: int) -> Stereo:
        """Returns up to `frames` frames from a random place of a random file, chosen in proportion to its length."""
        lengths = np.array([file.frames for file in self.files], float)
        file = self.files[int(rng.choice(len(self.files), p=lengths / lengths.sum()))]
        return read(file.place, int(rng.integers(max(1, file.frames - frames + 1))), frames)

    def whole(self, rng: np.random.Generator) -> Stereo:
        """Returns one whole file; every file is equally likely."""
        file = self.files[int(rng.integers(len(self.files)))]
        return read(file.place, 0, file.frames)


def sounds(folder: Path) -> Sounds:
    """Finds all audio files below a folder, sorted by name. Raises StageError if one cannot be read or has another rate."""
    paths = sorted(p for p in folder.rglob("*") if p.suffix.casefold() in SUFFIXES and p.is_file())
    return Sounds(measured(paths, folder))


def measured(paths: Iterable[Path], folder: Path) -> list[File]:
    """Returns the nonempty files with their lengths. Raises StageError with the names of unusable files, relative to `folder`."""
    files, faults = [], []
    for path in paths:
        try:
            info = soundfile.info(path)
        except (soundfile.SoundFileError, OSError) as error:
            faults.append(f"{path.relative_to(folder)}: {one_line(error)}")
            continue
        if info.samplerate != SAMPLE_RATE_HZ or info.channels > CHANNELS:
            faults.append(f"{path.relative_to(folder)}: {info.samplerate} Hz, {info.channels} channels")
        elif info.frames:
            files.append(File(path, info.frames))
    check(faults, f"readable audio of {SAMPLE_RATE_HZ} Hz with 1 or {CHANNELS} channels in {folder}")
    return files


def check(faults: Sequence[str], expected: str) -> None:
    """Raises StageError with the first of the faults, if there are any."""
    if faults:
        more = f" and {len(faults) - _SHOWN_FAULTS} more" if len(faults) > _SHOWN_FAULTS else ""
        raise StageError(f"expected {expected}, found {'; '.join(faults[:_SHOWN_FAULTS])}{more}: convert or remove them")


def read(place: Path | Stored, start: int, frames: int) -> Stereo:
    """Reads up to `frames` frames from `start`; one channel becomes two. Raises StageError if the file is damaged there."""
    try:
        with soundfile.SoundFile(place if isinstance(place, Path) else BytesIO(_store(place.store).read(place.key))) as file:
            file.seek(start)
            found = file.read(frames, dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise StageError(f"cannot read {_name(place)}: {one_line(error)}: fix or remove it") from None
    if not np.isfinite(found).all():
        raise StageError(f"expected samples between -1 and 1 in {_name(place)}, found NaN or infinity: fix or remove it")
    return found if found.shape[1] == CHANNELS else np.repeat(found[:, :1], CHANNELS, axis=1)


def _name(place: Path | Stored) -> str:
    return str(place) if isinstance(place, Path) else f"{place.store}/{place.key}"


@cache
def _store(uri: str) -> Store:
    return open_store(uri)
