"""Writes rows to Parquet and reads them back. The schema comes from the row's dataclass and is checked on every read."""

import dataclasses
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.shared.events import BOUNDS, EventSpan
from components.shared.extraction import Extraction
from components.shared.files import atomic_write
from components.shared.review import COLUMNS
from components.shared.rows import Clip, Removed, Segment, Turn, Vector

Row = TypeVar("Row")
OfRecording = TypeVar("OfRecording", Segment, Clip, Removed, Turn, EventSpan, Extraction)

_ARROW: dict[Any, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    float | None: pa.float64(),
    bool: pa.bool_(),
    bytes: pa.binary(),
    list[str]: pa.list_(pa.string()),
    Vector: pa.list_(pa.float32()),
}

_EMPTY: dict[Any, Callable[[], Any]] = {
    str: str,
    int: int,
    float: float,
    float | None: lambda: None,
    bool: bool,
    bytes: bytes,
    list[str]: list,
    Vector: bytes,
}

_EVENTS = (*BOUNDS, "events_top", "events_top_probabilities", "events_by")
_EXTRACTION = ("extracted_share", "extract_similarity_gain")
LATER = frozenset({"conversion", "state", "voice_by", "clip_similarity", "overlap_share", *_EXTRACTION, *_EVENTS, *COLUMNS})
"""Columns that came when tables were stored already. A table without them has their empty values."""


class SchemaError(ValueError):
    """A table does not have the expected columns."""


def schema(kind: type) -> pa.Schema:
    """Returns the Arrow schema of a row's dataclass; only columns of type `float | None` may hold null."""
    return pa.schema([pa.field(f.name, _ARROW[f.type], nullable=f.type == float | None) for f in dataclasses.fields(kind)])


def empty(kind: type[Row]) -> Row:
    """Returns a row of empty values: texts are "", numbers 0, scores null."""
    return kind(*(_EMPTY[f.type]() for f in dataclasses.fields(kind)))  # type: ignore[arg-type]


def to_table(kind: type[Row], rows: Iterable[Row]) -> pa.Table:
    """Converts rows to an Arrow table in the same order."""
    rows = list(rows)
    columns = [_column([getattr(r, f.name) for r in rows], f.type) for f in dataclasses.fields(kind)]  # type: ignore[arg-type]
    return pa.table(columns, schema=schema(kind))


def from_table(kind: type[Row], table: pa.Table) -> list[Row]:
    """Converts an Arrow table that has at least the columns of `kind`, but for LATER ones, to rows."""
    names = set(table.column_names)
    columns = [
        [_EMPTY[f.type]()] * table.num_rows if f.name in LATER - names else _values(table.column(f.name), f.type)
        for f in dataclasses.fields(kind)  # type: ignore[arg-type]
    ]
    return [kind(*values) for values in zip(*columns, strict=True)]


def _column(values: Sequence[Any], kind: Any) -> Any:
    if kind is not Vector:
        return pa.array(values, _ARROW[kind])
    offsets: Any = np.cumsum([0, *(len(v) // 4 for v in values)], dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(np.frombuffer(b"".join(values), "<f4")))


def _values(column: Any, kind: Any) -> list[Any]:
    if kind is not Vector:
        return list(column.to_pylist())
    return [v for chunk in column.chunks for v in _vectors(chunk)]


def _vectors(chunk: Any) -> Iterable[Vector]:
    numbers, offsets = chunk.values.to_numpy().astype("<f4", copy=False), chunk.offsets.to_numpy()
    return (Vector(numbers[a:b].tobytes()) for a, b in itertools.pairwise(offsets))


def write_rows(folder: Path, kind: type[Row], rows: Iterable[Row], name: str = "rows") -> None:
    """Writes folder/<name>.parquet atomically: if the file exists, the artifact is complete."""
    with atomic_write(folder / f"{name}.parquet") as part:
        pq.write_table(to_table(kind, rows), part)


def read_rows(folder: Path, kind: type[Row], name: str = "rows") -> list[Row]:
    """Reads the rows of folder/<name>.parquet. Raises SchemaError if the table is absent or holds other columns."""
    path = folder / f"{name}.parquet"
    if not path.exists():
        raise SchemaError(f"expected a table of {kind.__name__} rows at {path}, found none: the stage that writes it did not finish")
    table = pq.read_table(path, partitioning=None)  # without it, `k=v` in a folder's name becomes a column
    check(kind, table.schema, str(path))
    return from_table(kind, table)


def by_recording(rows: Iterable[OfRecording]) -> dict[str, list[OfRecording]]:
    """Groups rows by recording in their order; a recording without rows has an empty list."""
    found: dict[str, list[OfRecording]] = defaultdict(list)
    for row in rows:
        found[row.recording].append(row)
    return found


def check(kind: type, found: pa.Schema, where: str) -> None:
    """Raises SchemaError, with both column lists, unless `found` has exactly the columns of `kind`; LATER ones may be missing."""

    def shown(columns: Any) -> str:
        return ", ".join(f"{f.name}: {f.type}" for f in columns)

    expected = schema(kind)
    missing = LATER - set(found.names)
    if [(f.name, f.type) for f in expected if f.name not in missing] != [(f.name, f.type) for f in found]:
        raise SchemaError(f"expected {kind.__name__} rows ({shown(expected)}), found ({shown(found)}) in {where}")


def sums_by(rows: pa.Table, columns: Sequence[str]) -> Iterator[tuple[tuple[Any, ...], int, int]]:
    """The sum of the column `samples`, and the number of rows, for each combination of values of some columns, in no order."""
    found = pa.TableGroupBy(rows, list(columns), use_threads=False).aggregate([("samples", "sum"), ("samples", "count")])
    keys = zip(*(found[c].to_pylist() for c in columns), strict=True)
    return zip(keys, found["samples_sum"].to_pylist(), found["samples_count"].to_pylist(), strict=True)
