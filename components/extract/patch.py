"""Writes a recording with some stretches replaced, in memory that does not grow with its length."""

from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.shared.audio import BLOCK_SECONDS, FlacWriter, read
from components.shared.rows import SAMPLE_RATE_HZ

_BLOCK = round(BLOCK_SECONDS * SAMPLE_RATE_HZ)


class Patched(ExitStack):
    """Copies a recording with other samples in some stretches. Without any, it writes no file."""

    def __init__(self, source: Path, target: Path, samples: int) -> None:
        super().__init__()
        self._source, self._target, self._samples = source, target, samples
        self._file: FlacWriter | None = None
        self._done = 0

    def replace(self, start: int, pcm: NDArray[np.int16]) -> None:
        """Puts samples in the place of those from `start` on, shaped (samples, channels); stretches come in order."""
        if self._file is None:
            channels = pcm.shape[1]
            self._file = self.enter_context(FlacWriter(self._target, channels))
        self._copy(start)
        self._file.write(pcm)
        self._done = start + len(pcm)

    def finish(self) -> None:
        """Copies what is after the last stretch."""
        if self._file is not None:
            self._copy(self._samples)

    def _copy(self, end: int) -> None:
        assert self._file is not None
        while self._done < end:
            stop = min(self._done + _BLOCK, end)
            self._file.write(read(self._source, self._done, stop))
            self._done = stop
