"""Everything that the objects of a store hold, also what is compressed: to prove that something is in none of them."""

import json
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from store.interface import Store


def contents(store: Store) -> Iterator[tuple[str, bytes]]:
    """Each object's key with its key, its bytes, and the bytes of all values of all columns if it is Parquet."""
    for key in list(store.keys("")):
        data = store.read(key)
        yield key, b"\n".join([key.encode(), data, *(_decoded(data) if data[:4] == b"PAR1" else _unescaped(data))])


def holding(store: Store, needle: bytes, but: str = "datasets/show/forgotten/") -> list[str]:
    """The keys of the objects that hold some bytes, without those below `but`."""
    return [key for key, held in contents(store) if needle in held and not key.startswith(but)]


def _decoded(data: bytes) -> Iterator[bytes]:
    file = pq.ParquetFile(pa.BufferReader(data))
    yield json.dumps({str(k): str(v) for k, v in (file.schema_arrow.metadata or {}).items()}).encode()
    for column in file.read(use_threads=False).columns:
        yield from _values(column.combine_chunks())


def _values(column: pa.Array) -> Iterator[bytes]:
    """The values of a column, and of columns in it. Numbers of a list follow each other as their bytes do in a row."""
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    if pa.types.is_struct(column.type):
        for field in column.flatten():
            yield from _values(field)
    elif pa.types.is_map(column.type):
        yield from _values(column.keys)
        yield from _values(column.items)
    elif pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        yield from _values(column.flatten())
    elif pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        yield b"\n".join(v.encode() for v in column.to_pylist() if v is not None)
    elif pa.types.is_binary(column.type):
        yield b"\n".join(v for v in column.to_pylist() if v is not None)
    elif pa.types.is_floating(column.type):
        yield column.drop_null().to_numpy(zero_copy_only=False).tobytes()


def _unescaped(data: bytes) -> Iterator[bytes]:
    """Texts in the lines of a log, of which some hold JSON as text."""
    if data[:1] == b"{":
        yield data.replace(b'\\"', b'"').replace(b"\\\\", b"\\")
