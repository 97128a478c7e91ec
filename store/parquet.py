"""Tables of typed rows as single objects of the store: what is written once, or as a whole."""

import io
from collections.abc import Iterable
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from components.shared.table import check, from_table, to_table
from store.interface import Store

Row = TypeVar("Row")


def to_bytes(kind: type[Row], rows: Iterable[Row]) -> bytes:
    """The rows, in their order, as the bytes of a Parquet file; the same rows are the same bytes."""
    data = io.BytesIO()
    pq.write_table(to_table(kind, rows), data)
    return data.getvalue()


def read_object(store: Store, key: str, kind: type[Row]) -> list[Row]:
    """The rows of an object.

    Raises:
        StoreError: There is none.
        SchemaError: It holds other columns.
    """
    table = pq.ParquetFile(pa.BufferReader(store.read(key))).read(use_threads=False)  # as store/tables.py reads
    check(kind, table.schema, f"{key} in {store.uri}")
    return from_table(kind, table)
