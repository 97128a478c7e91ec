"""The Delta Lake table of a dataset: what each version decides of each clip, in one file for each block of clips.

A commit adds and removes whole files, so that a version rewrites only the blocks whose decisions change. deltalake keeps the log;
the files are written here, with names made of their contents.
"""

import hashlib
import json
import time
import urllib.parse
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, RemoveAction

from components.shared.table import schema
from store.interface import Store
from store.parquet import conformed, parquet, read_columns
from store.tables import KEEP_FOR_EVER, explained, open_table
from store.version_rows import Decision


@dataclass(frozen=True, slots=True)
class File:
    """The decisions of one block."""

    name: str
    """`<block>-<hash of the contents>.parquet`."""
    size_bytes: int
    clips: int

    @property
    def block(self) -> str:
        """The name of the block."""
        return self.name.partition("-")[0]


class DecisionTable:
    """Reads and commits the decisions of one dataset. `key` is the table's folder in the store."""

    def __init__(self, store: Store, key: str) -> None:
        self._store, self._key = store, key

    def history(self) -> list[dict[str, Any]]:
        """The metadata of every commit, newest first. `version` is the number of the commit."""
        with explained(self._store, "read", self._key):
            table = open_table(self._store, self._key)
            return table.history() if table else []

    def files(self, commit: int | None) -> dict[str, File]:
        """The files of a commit by block, in the order of their names. None is the state before the first commit."""
        if commit is None:
            return {}
        with explained(self._store, "read", self._key):
            table = open_table(self._store, self._key, commit)
            found = pa.table(table.get_add_actions()).select(["path", "size_bytes", "num_records"]).to_pylist() if table else []
        files = (File(urllib.parse.unquote(f["path"]), f["size_bytes"], f["num_records"]) for f in found)
        return {f.block: f for f in sorted(files, key=lambda f: f.name)}

    def read(self, file: File, columns: Collection[str] | None = None) -> pa.Table:
        """The decisions in a file, with these columns of Decision, by default all."""
        key = f"{self._key}/{file.name}"
        with self._store.open(key) as opened:
            names = [n for n in schema(Decision).names if columns is None or n in columns]
            return conformed(Decision, read_columns(opened, names), f"{key} in {self._store.uri}", names)

    def write(self, block: str, decisions: pa.Table) -> File:
        """Writes the decisions of a block, which no version has before a commit adds them."""
        data = parquet(decisions)
        name = f"{block}-{hashlib.sha256(data).hexdigest()[:12]}.parquet"
        if not self._store.exists(key := f"{self._key}/{name}"):
            self._store.write(key, data)
        return File(name, len(data), decisions.num_rows)

    def commit(self, before: int | None, old: Mapping[str, File], files: Mapping[str, File], metadata: Mapping[str, str]) -> None:
        """Commits the files by block in place of the `old` ones, which are those of the commit `before`.

        Raises CommitFailedError if another commit came first.
        """
        now_ms = int(time.time() * 1000)
        added = [f for b, f in files.items() if old.get(b) != f]
        gone = [f for b, f in old.items() if files.get(b) != f]
        properties = CommitProperties(custom_metadata=dict(metadata), max_commit_retries=0)
        with explained(self._store, "commit to", self._key):
            table = self._create() if before is None else open_table(self._store, self._key, before)
            assert table
            actions: list[AddAction | RemoveAction] = [*_additions(added, now_ms)]
            actions += [RemoveAction(f.name, True, now_ms, f.size_bytes, {}) for f in gone]
            table.create_write_transaction(actions, "append", schema(Decision), commit_properties=properties)

    def _create(self) -> DeltaTable:
        uri, options = self._store.table_uri(self._key), self._store.storage_options()
        try:
            made = DeltaTable.create(uri, schema(Decision), mode="error", configuration=KEEP_FOR_EVER, storage_options=options)
        except DeltaError as error:
            if "already exists" in str(error):
                raise CommitFailedError("another writer made the table") from None
            raise
        if made.version():  # of two that create a table at once, deltalake lets one describe it again in the next commit
            raise CommitFailedError("another writer made the table")
        return made


def _additions(files: Iterable[File], now_ms: int) -> list[AddAction]:
    return [AddAction(f.name, f.size_bytes, {}, now_ms, True, json.dumps({"numRecords": f.clips})) for f in files]
