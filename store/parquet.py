"""Parquet: tables of typed rows as single objects, and tables that were written before a column existed."""

import functools
import io
from collections.abc import Collection, Iterable
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.shared.table import SchemaError, check, empty, from_table, schema, to_table
from store.interface import Store

Row = TypeVar("Row")


def to_bytes(kind: type[Row], rows: Iterable[Row]) -> bytes:
    """The rows, in their order, as a Parquet file. Deterministic: the same rows give the same bytes."""
    data = io.BytesIO()
    pq.write_table(to_table(kind, rows), data)
    return data.getvalue()


def read_object(store: Store, key: str, kind: type[Row]) -> list[Row]:
    """The rows of a Parquet object. Raises StoreError if it does not exist, and SchemaError if it has other columns."""
    table = read_columns(pa.BufferReader(store.read(key)), None)
    check(kind, table.schema, f"{key} in {store.uri}")
    return from_table(kind, table)


def parquet(table: pa.Table) -> bytes:
    """A table as a compressed Parquet file. The same table gives the same bytes."""
    data = io.BytesIO()
    pq.write_table(table, data, compression="zstd")
    return data.getvalue()


def read_columns(file: Any, names: Collection[str] | None) -> pa.Table:
    """Those of the columns `names` that a Parquet file has, or all if None, without Arrow's threads.

    If such a thread releases a Python buffer while the process exits, the process aborts with SIGABRT. deltalake's own reader has
    the same fault (delta-rs issue 2184).
    """
    found = pq.ParquetFile(file, pre_buffer=False)
    return found.read([n for n in found.schema_arrow.names if names is None or n in names], use_threads=False)


def conformed(kind: type, found: pa.Table, where: str, names: Collection[str] = ()) -> pa.Table:
    """A stored table with the columns `names` of `kind`, by default all, in the order of `kind` and with its types.

    A column that the table lacks, and a null in a column that allows none, is filled with the value of `empty`. Raises SchemaError
    if the first column is missing, or if a column is unknown or has another type.
    """
    known = pa.schema([f for f in schema(kind) if not names or f.name in names])
    nothing = _nothing(kind)
    columns = {name: column.cast(_plain(column.type)) for name, column in zip(found.column_names, found.columns, strict=True)}
    missing = {f.name: pa.nulls(found.num_rows, f.type) for f in known if f.name not in columns and f.name != known.names[0]}
    present = [n for n in known.names if n in columns or n in missing] + [n for n in columns if n not in known.names]
    table = pa.table({name: columns.get(name, missing.get(name)) for name in present})
    if [(f.name, f.type) for f in known] != [(f.name, f.type) for f in table.schema]:
        raise SchemaError(f"expected {kind.__name__} rows ({_shown(known)}), found ({_shown(table.schema)}) in {where}")
    filled = [c if f.nullable else pc.coalesce(c, nothing[f.name][0]) for f, c in zip(known, table.columns, strict=True)]
    return pa.table(filled, schema=known)


@functools.cache
def _nothing(kind: type) -> pa.Table:
    """One empty row."""
    return to_table(kind, [empty(kind)])


def _plain(kind: pa.DataType) -> pa.DataType:
    """The plain Arrow type for texts and lists, which Delta Lake writes as equivalent types."""
    if pa.types.is_string_view(kind) or pa.types.is_large_string(kind):
        return pa.string()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(_plain(kind.value_type))
    return kind


def _shown(columns: Any) -> str:
    return ", ".join(f"{f.name}: {f.type}" for f in columns)
