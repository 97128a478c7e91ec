"""Audio files of any rate as parts of 16 kHz mono. Reads seek, so memory does not grow with a file's length."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from math import gcd
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from scipy import signal

from components.shared.mel import RATE_HZ, Signal
from components.shared.task import StageError, one_line
from store.interface import Store
from store.objects import open_store

SUFFIXES = (".flac", ".wav", ".ogg", ".opus", ".mp3", ".aif", ".aiff")
_SHOWN_FAULTS = 3


class Stored(NamedTuple):
    """An audio file in the store."""

    store: str
    key: str


@dataclass(frozen=True)
class File:
    """An audio file, its rate and its length in frames of this rate."""

    place: Path | Stored
    rate_hz: int
    frames: int

    @property
    def seconds(self) -> float:
        return self.frames / self.rate_hz

    def read(self, start: float, seconds: float) -> Signal:
        """Reads a part, which may end with the file. Raises StageError if the file is damaged there."""
        source = self.place if isinstance(self.place, Path) else BytesIO(_store(self.place.store).read(self.place.key))
        try:
            with soundfile.SoundFile(source) as file:
                file.seek(round(start * self.rate_hz))
                found = file.read(round(seconds * self.rate_hz), dtype="float32", always_2d=True).mean(axis=1)
        except soundfile.SoundFileError as error:
            raise StageError(f"cannot read {self._name()}: {one_line(error)}: fix or remove it") from None
        if not np.isfinite(found).all():
            raise StageError(f"expected samples between -1 and 1 in {self._name()}, found NaN or infinity: fix or remove it")
        return resampled(found, self.rate_hz, RATE_HZ)

    def _name(self) -> str:
        return str(self.place) if isinstance(self.place, Path) else f"{self.place.store}/{self.place.key}"


def resampled(sound: Signal, rate_hz: int, to_hz: int) -> Signal:
    """Returns a sound at another rate."""
    if rate_hz == to_hz:
        return sound
    common = gcd(rate_hz, to_hz)
    return signal.resample_poly(sound, to_hz // common, rate_hz // common).astype(np.float32)


def audio_files(folder: Path) -> list[Path]:
    """Finds all audio files below a folder, sorted."""
    return sorted(p for p in folder.rglob("*") if p.suffix.casefold() in SUFFIXES and p.is_file())


def measured(paths: Iterable[Path], folder: Path) -> list[File]:
    """Returns the files with their lengths. Raises StageError with the names of unusable files, relative to `folder`."""
    files, faults = [], []
    for path in paths:
        try:
            info = soundfile.info(path)
            files.append(File(path, info.samplerate, info.frames))
        except (soundfile.SoundFileError, OSError) as error:
            faults.append(f"{path.relative_to(folder)}: {one_line(error)}")
    check(faults, f"readable audio in {folder}")
    return files


def check(faults: Sequence[str], expected: str) -> None:
    """Raises StageError with the first of the faults, if there are any."""
    if faults:
        more = f" and {len(faults) - _SHOWN_FAULTS} more" if len(faults) > _SHOWN_FAULTS else ""
        raise StageError(f"expected {expected}, found {'; '.join(faults[:_SHOWN_FAULTS])}{more}: convert or remove them")


@cache
def _store(uri: str) -> Store:
    return open_store(uri)
