"""What people know of a dataset's recordings: their tones over time, to compare a version with."""

import io
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from components.shared.table import check, from_table, to_table
from store.objects import Store, check_name


@dataclass(frozen=True, slots=True)
class Truth:
    """A stretch of a recording and the tone in it."""

    source: str
    """URL of the recording, or the name of its file."""
    start: float
    """In seconds on the recording's own timeline."""
    end: float
    tone: str
    """As the model of tones names it; "" is unknown."""


def write_truth(store: Store, dataset: str, rows: Iterable[Truth]) -> None:
    """Puts a dataset's truth into the store, in place of an older one."""
    data = io.BytesIO()
    pq.write_table(to_table(Truth, sorted(rows, key=lambda t: (t.source, t.start, t.end, t.tone))), data)
    store.write(_key(dataset), data.getvalue())


def read_truth(store: Store, dataset: str) -> list[Truth]:
    """A dataset's truth by source and start; none where nobody knows any."""
    key = _key(dataset)
    if not store.exists(key):
        return []
    table = pq.ParquetFile(pa.BufferReader(store.read(key))).read(use_threads=False)  # as store/tables.py reads
    check(Truth, table.schema, f"{key} in {store.uri}")
    return from_table(Truth, table)


def _key(dataset: str) -> str:
    return f"datasets/{check_name(dataset)}/truth.parquet"
