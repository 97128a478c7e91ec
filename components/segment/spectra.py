"""Keeps the spectra of a recording in a file: an hour of them is 35 MB, which a stage with hours of audio does not keep in memory."""

import tempfile
from pathlib import Path

import numpy as np

from components.segment.features import BANDS, Mel

_ROW_BYTES = BANDS * np.dtype(np.float32).itemsize


class Spectra:
    """Spectra of frames. Their file has no name and is gone when nothing uses it, however the stage ends."""

    def __init__(self, folder: Path | None = None) -> None:
        """Makes the file in a folder; None takes that of the system for temporary files, which may be in memory."""
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115

    def append(self, mel: Mel) -> None:
        """Adds the spectra of the next frames."""
        self._file.seek(0, 2)
        self._file.write(np.ascontiguousarray(mel, np.float32).tobytes())

    def rows(self, start: int, stop: int) -> Mel:
        """Returns the spectra of these frames, fewer beyond the end."""
        self._file.seek(start * _ROW_BYTES)
        return np.frombuffer(self._file.read((stop - start) * _ROW_BYTES), np.float32).reshape(-1, BANDS)
