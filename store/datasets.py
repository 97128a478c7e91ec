"""A dataset and its versions: a Delta table with one row a clip, kept or not, and the clips' audio under its hash."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from components.shared.rows import DatasetRow
from store.interface import Store, StoreError
from store.objects import check_name
from store.tables import Table

_VERSION = "speechmill.version"
_RUN = "speechmill.run"
_LINEAGE = "speechmill.lineage"


@dataclass(frozen=True)
class Version:
    """One version of a dataset: the commit that made it, the run, and what led to it."""

    number: int
    commit: int
    run: str
    timestamp_ms: int
    lineage: dict[str, Any]
    """`stages`: image and settings of each; `sources_sha256`; `seconds`: where the dataset's seconds went."""


def rules(lineage: dict[str, Any]) -> dict[str, Any]:
    """The settings of `publish` that selected a version's clips."""
    return lineage.get("stages", {}).get("publish", {}).get("settings", {})


def audio_key(dataset: str, sha256: str) -> str:
    """Where a clip's FLAC file lies in the store."""
    return f"datasets/{check_name(dataset)}/audio/{sha256[:2]}/{sha256}.flac"


def timeline_key(dataset: str, sha256: str) -> str:
    """Key of a recording's timeline, a table of TimelineSpan rows."""
    return f"datasets/{check_name(dataset)}/timelines/{sha256[:2]}/{sha256}.parquet"


def dataset_names(store: Store) -> list[str]:
    """Names of all datasets of a store, in order, also of those without a version."""
    return store.folders("datasets/")


class DatasetStore:
    """Reads and publishes the versions of one dataset."""

    def __init__(self, store: Store, name: str) -> None:
        self.name, self._store = check_name(name), store
        self._table = Table(store, f"datasets/{name}/table", DatasetRow, "clip")

    def versions(self) -> list[Version]:
        """All versions, the first one first. Maintenance commits are none."""
        return _versions(self._table.history())

    def version(self, number: int | None = None) -> Version:
        """One version, the newest without a number; StoreError where it does not exist."""
        versions = self.versions()
        found = [v for v in versions if number in (None, v.number)]
        if not found:
            there = f"versions 1 to {versions[-1].number}" if versions else "none"
            raise StoreError(
                f"expected {f'version {number}' if number else 'a version'} of dataset {self.name} in {self._store.uri}, found {there}"
            )
        return found[-1]

    def rows(self, version: Version) -> list[DatasetRow]:
        """All rows of a version, kept or not, in the order of their clips."""
        return self._table.rows(version.commit)

    def publish(self, run: str, compute: Callable[[list[DatasetRow]], tuple[list[DatasetRow], dict[str, Any]]]) -> Version | None:
        """Commits one version: all rows and their lineage as `compute` makes them of the newest version's rows.

        Returns:
            The version, or None if the rows and the rules stay as they are. A run that has published before gets its version again.
        """

        def changed(present: list[DatasetRow], history: list[dict[str, Any]]) -> tuple[list[DatasetRow], dict[str, str]] | None:
            versions = _versions(history)
            if any(v.run == run for v in versions):
                return None
            rows, lineage = compute(present)
            rows = sorted(rows, key=lambda r: r.clip)
            if rows == present and (not versions or rules(versions[-1].lineage) == rules(lineage)):
                return None
            number = versions[-1].number + 1 if versions else 1
            return rows, {_VERSION: str(number), _RUN: run, _LINEAGE: json.dumps(lineage, sort_keys=True)}

        self._table.change(changed)
        return next((v for v in self.versions() if v.run == run), None)


def _versions(history: list[dict[str, Any]]) -> list[Version]:
    """The versions in a table's history, the first one first."""
    return [
        Version(int(c[_VERSION]), c["version"], c[_RUN], c["timestamp"], json.loads(c[_LINEAGE]))
        for c in reversed(history)
        if _VERSION in c
    ]
