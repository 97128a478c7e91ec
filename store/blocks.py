"""The files of a dataset that never change: measurements of clips by block, and the recordings and speakers of each version.

Each is a Parquet object with a name made of its contents. Nothing in the store refers to one before it is written.
"""

import hashlib
from collections.abc import Collection, Iterable
from typing import TypeVar

import pyarrow as pa

from components.shared.rows import DatasetRow
from components.shared.table import from_table, schema, to_table
from store.interface import Store
from store.objects import check_name
from store.parquet import conformed, parquet, read_columns
from store.version_rows import DatasetSpeaker, Recorded

Row = TypeVar("Row", Recorded, DatasetSpeaker)

DECIDED = ("speaker", "kept", "reason")
"""The columns of a DatasetRow that each version decides anew. The others are measured once, and are in a block."""
MEASURED = tuple(name for name in schema(DatasetRow).names if name not in DECIDED)
FOLDERS: dict[type, str] = {Recorded: "recordings", DatasetSpeaker: "speakers"}
_HASH_DIGITS = 20


class Blocks:
    """Reads and writes these files of one dataset."""

    def __init__(self, store: Store, dataset: str) -> None:
        self._store, self._folder = store, f"datasets/{check_name(dataset)}"

    def write(self, measures: pa.Table) -> str:
        """Writes a block: clips with their MEASURED columns, sorted by clip. Returns its name."""
        return self._put("measures", measures.select(MEASURED))

    def read(self, block: str, columns: Collection[str] | None = None) -> pa.Table:
        """A block's clips with these of its MEASURED columns, by default all. The other columns are not fetched."""
        names = [n for n in MEASURED if columns is None or n in columns]
        return self._get(DatasetRow, f"{self._folder}/measures/{block}.parquet", names)

    def write_rows(self, kind: type[Row], rows: Iterable[Row]) -> str:
        """Writes the recordings or the speakers of a version. Returns the name of the file."""
        return self._put(FOLDERS[kind], to_table(kind, rows))

    def read_rows(self, kind: type[Row], name: str) -> list[Row]:
        """The recordings or the speakers in a file that `write_rows` wrote."""
        return from_table(kind, self.read_table(kind, name, schema(kind).names))

    def read_table(self, kind: type, name: str, columns: Collection[str]) -> pa.Table:
        """These columns of the recordings or the speakers in a file that `write_rows` wrote, in its order."""
        return self._get(kind, f"{self._folder}/{FOLDERS[kind]}/{name}.parquet", columns)

    def _put(self, folder: str, table: pa.Table) -> str:
        data = parquet(table)
        name = hashlib.sha256(data).hexdigest()[:_HASH_DIGITS]
        if not self._store.exists(key := f"{self._folder}/{folder}/{name}.parquet"):
            self._store.write(key, data)
        return name

    def _get(self, kind: type, key: str, names: Collection[str]) -> pa.Table:
        with self._store.open(key) as file:
            return conformed(kind, read_columns(file, names), f"{key} in {self._store.uri}", names)
