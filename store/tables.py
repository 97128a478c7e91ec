"""Delta Lake tables of typed rows. Each change is one commit, and the whole history is kept."""

import contextlib
import operator
import random
import re
import time
import urllib.parse
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any, Generic, TypeVar

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from components.shared.table import from_table, schema, to_table
from store.interface import Store, StoreError
from store.parquet import conformed, read_columns

Row = TypeVar("Row")
Result = TypeVar("Result")
_Compute = Callable[[list[Row], list[dict[str, Any]]], tuple[list[Row], Mapping[str, str]] | None]

# By default Delta Lake removes log entries after 30 days, and old versions with them.
KEEP_FOR_EVER = {
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 36500 days",
    "delta.deletedFileRetentionDuration": "interval 36500 days",
}
_TRIES = 30


class Table(Generic[Row]):
    """A Delta Lake table of rows of one dataclass. The column `id_column` identifies a row.

    In a table that is older than a column, the column holds the value of `empty`; the next commit adds it.
    """

    def __init__(self, store: Store, key: str, kind: type[Row], id_column: str) -> None:
        self._store, self._key, self._kind, self._id = store, key, kind, id_column

    def rows(self, commit: int | None = None) -> list[Row]:
        """All rows as of `commit`, by default as of now, sorted by id. Empty if the table does not exist."""
        with self._explained("read"):
            table = self._open(commit)
            return self._read(table) if table else []

    def columns(self, kind: type, commit: int | None = None) -> pa.Table:
        """Some columns of all rows as of `commit`, by default as of now, in no order: those of the dataclass `kind`.

        The other columns never come into memory. Empty if the table does not exist.
        """
        with self._explained("read"):
            table, names = self._open(commit), {f.name for f in fields(kind)}
            parts = [self._part(name, kind, names) for name in _files(table)] if table else []
            return pa.concat_tables([schema(kind).empty_table(), *parts])

    def history(self) -> list[dict[str, Any]]:
        """The metadata of every commit, newest first. `version` is the number of the commit."""
        with self._explained("read"):
            table = self._open(None)
            return table.history() if table else []

    def change(self, compute: _Compute[Row]) -> bool:
        """Replaces the rows in one commit; returns whether it made one. Tries up to 30 times if another writer commits first.

        `compute` takes the present rows and the history, and returns all new rows and the metadata of the commit, or None to commit
        nothing. It is called for each attempt. Raises StoreError if the store refuses or does not answer, if rows share an id, or
        if all attempts met a conflict.
        """
        return retried(lambda: self._attempt(compute), self._key, self._store.uri)

    def replace(self, compute: Callable[[list[Row]], Iterable[Row]]) -> None:
        """Replaces the rows by those that `compute` returns for the present ones, as `change` does, unless they are the same."""

        def changed(present: list[Row], _: object) -> tuple[list[Row], dict[str, str]] | None:
            rows = sorted(compute(present), key=operator.attrgetter(self._id))
            return None if rows == present else (rows, {})

        self.change(changed)

    def _attempt(self, compute: _Compute[Row]) -> bool:
        with self._explained("read"):
            table = self._open(None) or self._create()
            old, history = self._read(table), table.history()
        wanted = compute(old, history)
        if wanted is None:
            return False
        with self._explained("commit to"):
            self._commit(table, old, *wanted)
        return True

    def _commit(self, table: DeltaTable, old: list[Row], new: list[Row], metadata: Mapping[str, str]) -> None:
        """Merges the rows that differ. deltalake must not retry: the next attempt has to read what the other writer wrote."""
        before = {getattr(r, self._id): r for r in old}
        after = {getattr(r, self._id): r for r in new}
        if len(after) != len(new):
            raise StoreError(
                f"expected one row per {self._id} for {self._key} in {self._store.uri}, found {len(new) - len(after)} more: "
                "remove the duplicates"
            )
        changed = [r for i, r in after.items() if before.get(i) != r]
        gone = [r for i, r in before.items() if i not in after]
        properties = CommitProperties(custom_metadata=dict(metadata), max_commit_retries=0)
        self._add_columns(table)
        if not changed and not gone:  # an empty merge makes no commit, and a version needs one
            write_deltalake(table, schema(self._kind).empty_table(), mode="append", commit_properties=properties)
            return
        source = to_table(self._kind, [*changed, *gone]).append_column("gone", pa.array([False] * len(changed) + [True] * len(gone)))
        columns = {f.name: f"source.{f.name}" for f in fields(self._kind)}  # type: ignore[arg-type]
        (
            table.merge(
                source,
                f"target.{self._id} = source.{self._id}",
                source_alias="source",
                target_alias="target",
                commit_properties=properties,
            )
            .when_matched_delete("source.gone")
            .when_matched_update(columns)
            .when_not_matched_insert(columns)
            .execute()
        )

    def _add_columns(self, table: DeltaTable) -> None:
        """Adds missing columns in a separate commit, which is not a version. Delta Lake requires new columns to be nullable."""
        present = {f.name for f in table.schema().fields}
        if added := [f.with_nullable(True) for f in schema(self._kind) if f.name not in present]:
            fields = Schema.from_arrow(pa.schema(added)).fields
            table.alter.add_columns(fields, commit_properties=CommitProperties(max_commit_retries=0))

    def _open(self, commit: int | None) -> DeltaTable | None:
        return open_table(self._store, self._key, commit)

    def _create(self) -> DeltaTable:
        uri, options = self._store.table_uri(self._key), self._store.storage_options()
        return DeltaTable.create(uri, schema(self._kind), mode="ignore", configuration=KEEP_FOR_EVER, storage_options=options)

    def _read(self, table: DeltaTable) -> list[Row]:
        parts = [self._part(name, self._kind) for name in _files(table)]
        rows = (row for part in parts for row in from_table(self._kind, part))
        return sorted(rows, key=operator.attrgetter(self._id))

    def _part(self, name: str, kind: type, names: Collection[str] = ()) -> pa.Table:
        """The rows of one file as rows of `kind`; of the file's columns only those in `names`, if given."""
        key = f"{self._key}/{name}"
        return conformed(kind, read_columns(pa.BufferReader(self._store.read(key)), names or None), f"{key} in {self._store.uri}")

    def _explained(self, verb: str) -> contextlib.AbstractContextManager[None]:
        return explained(self._store, verb, self._key)


def _files(table: DeltaTable) -> list[str]:
    """The names of a table's files."""
    return [urllib.parse.unquote(uri.rpartition("/")[2]) for uri in table.file_uris()]


def open_table(store: Store, key: str, commit: int | None = None) -> DeltaTable | None:
    """A Delta table as of a commit, by default as of now. None if it does not exist."""
    try:
        return DeltaTable(store.table_uri(key), version=commit, storage_options=store.storage_options())
    except TableNotFoundError:
        return None


@contextlib.contextmanager
def explained(store: Store, verb: str, key: str) -> Iterator[None]:
    """Turns an error of the store into a StoreError: deltalake raises OSError, and sometimes a DeltaError that quotes the store's."""
    try:
        yield
    except (OSError, DeltaError) as error:
        if isinstance(error, DeltaError) and not re.search(r"Generic \w+ error", str(error)):
            raise
        raise store.refusal(f"{verb} the table {key}", error) from None


def retried(attempt: Callable[[], Result], what: str, where: str) -> Result:
    """Calls `attempt` until no other writer commits first, up to 30 times. Raises StoreError if all attempts met a conflict."""
    for tried in range(_TRIES):
        try:
            return attempt()
        except CommitFailedError as error:  # from a commit, or from creating the table at the same time as another writer
            refusal = error
            time.sleep(random.uniform(0, 0.1 * (tried + 1)))
    raise StoreError(f"could not commit to {what} in {where} in {_TRIES} attempts: {refusal}: run it again")
