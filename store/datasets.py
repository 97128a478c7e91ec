"""A dataset and its versions: a Delta table with a row per clip, kept or rejected, and the audio of each clip under its hash."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from components.shared.rows import DatasetRow
from store.interface import Store, StoreError
from store.objects import check_name, is_name
from store.tables import Table

_VERSION = "speechmill.version"
_RUN = "speechmill.run"
_LINEAGE = "speechmill.lineage"


@dataclass(frozen=True)
class Version:
    """One version of a dataset: its number, the commit and the run that made it, and its lineage."""

    number: int
    commit: int
    run: str
    timestamp_ms: int
    lineage: dict[str, Any]
    """`stages`: image and settings of each stage; `sources_sha256`: hash of the sources; `seconds`: the dataset's seconds by outcome;
    `speakers`: who speaks most, their names, and ids that were merged; `correction`: what a person changed of them in this version."""


def rules(lineage: dict[str, Any]) -> dict[str, Any]:
    """The selection rules of a version: the settings of `publish` in its lineage."""
    return lineage.get("stages", {}).get("publish", {}).get("settings", {})


def speaker_names(lineage: dict[str, Any]) -> dict[str, str]:
    """The names of a version's speakers by their ids, such as s0001; speakers without a name are not in it."""
    return lineage.get("speakers", {}).get("names", {})


def audio_key(dataset: str, sha256: str) -> str:
    """The key of a clip's FLAC file. `sha256` is the hash of the file, in hex digits."""
    return f"datasets/{check_name(dataset)}/audio/{sha256[:2]}/{sha256}.flac"


def timeline_key(dataset: str, sha256: str) -> str:
    """The key of a recording's timeline, a Parquet table of TimelineSpan rows. `sha256` is the hash of the file, in hex digits."""
    return f"datasets/{check_name(dataset)}/timelines/{sha256[:2]}/{sha256}.parquet"


def dataset_names(store: Store) -> list[str]:
    """Names of all datasets in a store, sorted. Includes datasets that have no version yet, and no folders with other names."""
    return [name for name in store.folders("datasets/") if is_name(name)]


class DatasetStore:
    """Reads and publishes the versions of one dataset."""

    def __init__(self, store: Store, name: str) -> None:
        self.name, self._store = check_name(name), store
        self._table = Table(store, f"datasets/{name}/table", DatasetRow, "clip")

    def versions(self) -> list[Version]:
        """All versions, oldest first. Commits that only maintain the table are not versions."""
        return _versions(self._table.history())

    def version(self, number: int | None = None) -> Version:
        """The version with this number, by default the newest. Raises StoreError if it does not exist."""
        versions = self.versions()
        found = [v for v in versions if number in (None, v.number)]
        if not found:
            there = f"versions 1 to {versions[-1].number}" if versions else "none"
            raise StoreError(
                f"expected {f'version {number}' if number else 'a version'} of dataset {self.name} in {self._store.uri}, found {there}: "
                "see `speechmill dataset list`"
            )
        return found[-1]

    def rows(self, version: Version) -> list[DatasetRow]:
        """All rows of a version, kept or rejected, sorted by clip."""
        return self._table.rows(version.commit)

    def columns(self, version: Version, kind: type) -> pa.Table:
        """Some columns of all rows of a version, in no order: those of the dataclass `kind`, which are `clip` and others of DatasetRow."""
        return self._table.columns(kind, version.commit)

    def publish(self, run: str, compute: Callable[[list[DatasetRow]], tuple[list[DatasetRow], dict[str, Any]]]) -> Version | None:
        """Commits and returns one version, or returns None if neither the rows, the rules nor the names changed.

        A run publishes at most once: a second call commits nothing and returns the version of the first. `compute` takes the rows
        of the newest version and returns all rows of the new version and its lineage, as in `Table.change`.
        """

        def changed(present: list[DatasetRow], history: list[dict[str, Any]]) -> tuple[list[DatasetRow], dict[str, str]] | None:
            versions = _versions(history)
            if any(v.run == run for v in versions):
                return None
            rows, lineage = compute(present)
            rows = sorted(rows, key=lambda r: r.clip)
            if rows == present and (not versions or _decisions(versions[-1].lineage) == _decisions(lineage)):
                return None
            number = versions[-1].number + 1 if versions else 1
            return rows, {_VERSION: str(number), _RUN: run, _LINEAGE: json.dumps(lineage, sort_keys=True)}

        self._table.change(changed)
        return next((v for v in self.versions() if v.run == run), None)


def _decisions(lineage: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What makes a version with the same rows another one: the rules and the speakers' names."""
    return rules(lineage), speaker_names(lineage)


def _versions(history: list[dict[str, Any]]) -> list[Version]:
    """The versions in a table's history, oldest first."""
    return [
        Version(int(c[_VERSION]), c["version"], c[_RUN], c["timestamp"], json.loads(c[_LINEAGE]))
        for c in reversed(history)
        if _VERSION in c
    ]
