"""Writes and reads windows one recording at a time: hours of audio take the memory of one recording."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.shared.files import atomic_write
from components.shared.rows import Window
from components.shared.table import SchemaError, check, schema

WINDOWS_TABLE, REFERENCE_TABLE = "windows", "reference"
"""Names of two more tables of the artifact `turns`: the windows of its recordings, and of the reference's own."""


@dataclass(frozen=True)
class Windows:
    """The windows of one recording, ordered by start."""

    starts: NDArray[np.float64]
    """Seconds, shaped (windows,)."""
    ends: NDArray[np.float64]
    """Seconds, shaped (windows,)."""
    voices: NDArray[np.int64]
    """Number of each window's voice in the recording, shaped (windows,)."""
    vectors: NDArray[np.float32]
    """Vectors of length 1, shaped (windows, numbers)."""
    voice_by: str
    """The encoder, as in the column `voice_by`."""


def covered(starts: NDArray[np.float64], ends: NDArray[np.float64]) -> float:
    """Seconds that windows cover; they are ordered by start."""
    return float(np.sum(np.minimum(ends, np.append(starts[1:], np.inf)) - starts)) if len(starts) else 0.0


def together(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Pools vectors, shaped (windows, numbers), into their mean, scaled to length 1."""
    total = vectors.sum(axis=0, dtype=np.float64)
    return np.asarray(total / np.linalg.norm(total))


def certainty(vectors: NDArray[np.float32]) -> dict[str, float]:
    """Returns metrics of a reference's consistency: cosine similarities of its windows to its vector."""
    if not len(vectors):
        return {"reference_windows": 0}
    similarities = vectors @ together(vectors)
    return {
        "reference_windows": len(vectors),
        "reference_mean_similarity": float(similarities.mean()),
        "reference_lowest_similarity": float(similarities.min()),
    }


class WindowsWriter(ExitStack):
    """Writes folder/<name>.parquet, one row group per recording; it appears when the `with` block ends without an error."""

    def __init__(self, folder: Path, name: str = WINDOWS_TABLE) -> None:
        super().__init__()
        part = self.enter_context(atomic_write(folder / f"{name}.parquet"))
        self._file = self.enter_context(pq.ParquetWriter(part, schema(Window)))

    def write(self, recording: str, windows: Windows) -> None:
        """Appends the windows of one recording."""
        count, numbers = len(windows.starts), np.ascontiguousarray(windows.vectors, "<f4")
        if count:
            offsets = np.arange(count + 1, dtype=np.int32) * numbers.shape[1]
            vectors = pa.ListArray.from_arrays(pa.array(offsets), pa.array(numbers.reshape(-1)))
            names, engines = (pa.array([text] * count) for text in (recording, windows.voice_by))
            columns = [names, pa.array(windows.starts), pa.array(windows.ends), pa.array(windows.voices), vectors, engines]
            self._file.write_table(pa.table(columns, schema=schema(Window)))


def read_windows(folder: Path, name: str = WINDOWS_TABLE) -> Iterator[tuple[str, Windows]]:
    """Yields every recording that has windows, with its windows, in the order of the table.

    Raises SchemaError if the table is absent or holds other columns.
    """
    path = folder / f"{name}.parquet"
    if not path.exists():
        raise SchemaError(f"expected a table of Window rows at {path}, found none: the stage that writes it did not finish")
    with pq.ParquetFile(path) as file:
        check(Window, file.schema_arrow, str(path))
        for group in range(file.num_row_groups):
            table = file.read_row_group(group).combine_chunks()
            if not table.num_rows:  # a table without rows has one empty group
                continue
            lists: Any = table["vector"].combine_chunks()
            vectors = lists.flatten().to_numpy().reshape(table.num_rows, -1)
            voice_by = table["voice_by"][0].as_py()
            times = table["start"].to_numpy(), table["end"].to_numpy()
            yield table["recording"][0].as_py(), Windows(*times, table["voice"].to_numpy(), vectors, voice_by)
