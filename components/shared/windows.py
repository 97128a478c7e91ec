"""The windows of many recordings, written and read one recording at a time, so that hours of them take the memory of one."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.shared.rows import Window
from components.shared.table import SchemaError, check, schema

REFERENCE = "reference"
"""Name of the second table of a windows artifact: the windows of the reference, under the ids of its own recordings."""


@dataclass(frozen=True)
class Windows:
    """The windows of one recording, in the order of their starts."""

    starts: NDArray[np.float64]
    """Seconds, shaped (windows,)."""
    ends: NDArray[np.float64]
    """Seconds, shaped (windows,)."""
    vectors: NDArray[np.float32]
    """d-vectors of length 1, shaped (windows, 256)."""


NONE = Windows(np.zeros(0), np.zeros(0), np.zeros((0, 256), np.float32))


def together(vectors: NDArray[np.float32], weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """The d-vector of several, of length 1: their mean, scaled.

    Args:
        vectors: Shaped (windows, 256).
        weights: How much each counts, shaped (windows,); as much as any other without it.
    """
    total = (np.ones(len(vectors)) if weights is None else weights) @ vectors.astype(np.float64)
    return np.asarray(total / np.linalg.norm(total))


def certainty(vectors: NDArray[np.float32]) -> dict[str, float]:
    """How sure a reference is of itself, as metrics: the similarities of its own windows to its d-vector."""
    if not len(vectors):
        return {"reference_windows": 0}
    similarities = vectors @ together(vectors)
    return {
        "reference_windows": len(vectors),
        "reference_mean_similarity": float(similarities.mean()),
        "reference_lowest_similarity": float(similarities.min()),
    }


class WindowsWriter:
    """Writes folder/<name>.parquet, whole or not at all, one row group a recording."""

    def __init__(self, folder: Path, name: str = "rows") -> None:
        self._path, self._part = folder / f"{name}.parquet", folder / f".{name}.parquet.part"
        self._file = pq.ParquetWriter(self._part, schema(Window))

    def write(self, recording: str, windows: Windows) -> None:
        """Appends the windows of one recording."""
        count, numbers = len(windows.starts), np.ascontiguousarray(windows.vectors, "<f4")
        if count:
            offsets = np.arange(count + 1, dtype=np.int32) * numbers.shape[1]
            vectors = pa.ListArray.from_arrays(pa.array(offsets), pa.array(numbers.reshape(-1)))
            columns = [pa.array([recording] * count), pa.array(windows.starts), pa.array(windows.ends), vectors]
            self._file.write_table(pa.table(columns, schema=schema(Window)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink()


def read_windows(folder: Path, name: str = "rows") -> Iterator[tuple[str, Windows]]:
    """Every recording that has windows, and these, in the order of the table.

    Raises:
        SchemaError: The table is absent or holds other columns.
    """
    path = folder / f"{name}.parquet"
    if not path.exists():
        raise SchemaError(f"expected a table of Window rows at {path}, found none: the stage that writes it did not finish")
    with pq.ParquetFile(path) as file:
        check(Window, file.schema_arrow, str(path))
        for group in range(file.num_row_groups):
            table = file.read_row_group(group).combine_chunks()
            if not table.num_rows:  # as a table without any rows has
                continue
            lists: Any = table["vector"].combine_chunks()
            vectors = lists.flatten().to_numpy().reshape(table.num_rows, -1)
            yield table["recording"][0].as_py(), Windows(table["start"].to_numpy(), table["end"].to_numpy(), vectors)
