"""Tables of typed rows as single Parquet objects, for tables that are always written as a whole."""

import io
from collections.abc import Iterable
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from components.shared.table import check, from_table, to_table
from store.interface import Store

Row = TypeVar("Row")


def to_bytes(kind: type[Row], rows: Iterable[Row]) -> bytes:
    """The rows, in their order, as a Parquet file. Deterministic: the same rows give the same bytes."""
    data = io.BytesIO()
    pq.write_table(to_table(kind, rows), data)
    return data.getvalue()


def read_object(store: Store, key: str, kind: type[Row]) -> list[Row]:
    """The rows of a Parquet object. Raises StoreError if it does not exist, and SchemaError if it has other columns."""
    table = pq.ParquetFile(pa.BufferReader(store.read(key))).read(use_threads=False)  # see Table._read in store/tables.py
    check(kind, table.schema, f"{key} in {store.uri}")
    return from_table(kind, table)
