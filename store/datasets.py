"""A dataset and its versions: a row per clip, kept or rejected, and the audio of each clip under its hash.

A version is one commit of the table of decisions. All else that it says is in files that never change, and that the commit names:
the measurements of its clips, its recordings with their accounts, and its speakers.
"""

import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from components.shared.rows import DatasetRow
from components.shared.table import from_table, schema
from store.blocks import DECIDED, MEASURED, Blocks
from store.decisions import DecisionTable, File
from store.interface import Store, StoreError
from store.objects import check_name, is_name
from store.tables import retried
from store.tags import TagStore
from store.version_rows import DatasetSpeaker, Recorded

NAMED = ("decisions", "measures", "recordings", "speakers")
"""The folders of a dataset with the files that versions name."""
_OWN = frozenset({*DECIDED, "clip", "recording", "samples"})
"""The columns of DatasetRow that the table of decisions has."""
VERSION_KEY = "speechmill.version"
_RUN = "speechmill.run"
_MADE = "speechmill.made_ms"
LINEAGE_KEY = "speechmill.lineage"
RECORDINGS_KEY = "speechmill.recordings"
SPEAKERS_KEY = "speechmill.speakers"


@dataclass(frozen=True)
class Version:
    """One version of a dataset: its number, the commit and the run that made it, and its lineage."""

    number: int
    commit: int
    run: str
    timestamp_ms: int
    lineage: dict[str, Any]
    """`stages`: image and settings of each stage; `sources_sha256`: hash of the sources; `seconds`: the dataset's seconds by outcome;
    `speakers`: who speaks most, their names, and ids that were merged; `correction`: what a person changed of them in this version;
    `rolled_back_to`: the number of the version that this one equals because a person went back to it."""
    recordings: str
    """Name of the file with its recordings."""
    speakers: str
    """Name of the file with its speakers."""


@dataclass(frozen=True)
class Change:
    """The next version of a dataset."""

    decisions: Iterable[tuple[str, pa.Table]]
    """The blocks that change, each with its Decision rows, sorted by clip; a block without rows leaves the version."""
    recordings: list[Recorded]
    speakers: list[DatasetSpeaker]
    lineage: dict[str, Any]


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


def old_log(dataset: str) -> str:
    """The key of the first commit of a dataset in the form of earlier releases (store/upgrade.py)."""
    return f"datasets/{check_name(dataset)}/table/_delta_log/{0:020d}.json"


def dataset_names(store: Store) -> list[str]:
    """Names of all datasets in a store, sorted. Includes datasets that have no version yet, and no folders with other names."""
    return [name for name in store.folders("datasets/") if is_name(name)]


def newest_recordings(store: Store, dataset: str) -> list[Recorded]:
    """The recordings of the newest version of a dataset; none if it has no version."""
    datasets = DatasetStore(store, dataset)
    versions = datasets.versions()
    return datasets.recordings(versions[-1]) if versions else []


class DatasetStore:
    """Reads and publishes the versions of one dataset."""

    def __init__(self, store: Store, name: str) -> None:
        self.name, self.store = check_name(name), store
        self.blocks = Blocks(store, name)
        self.table = DecisionTable(store, f"datasets/{name}/decisions")

    def versions(self) -> list[Version]:
        """All versions, oldest first. Raises StoreError if they are in the form of an earlier release."""
        history = self.table.history()
        if not history and self.store.exists(old_log(self.name)):
            raise StoreError(
                f"expected dataset {self.name} in {self.store.uri} in the form of this release, found that of an earlier one: "
                f"run `speechmill dataset upgrade {self.name}`, or publish into it"
            )
        return versions_in(history)

    def version(self, wanted: int | str | None = None) -> Version:
        """The version with this number or tag, by default the newest. Raises StoreError if it does not exist."""
        number = TagStore(self.store, self.name).version(wanted) if isinstance(wanted, str) else wanted
        versions = self.versions()
        found = [v for v in versions if number in (None, v.number)]
        if not found:
            there = f"versions 1 to {versions[-1].number}" if versions else "none"
            raise StoreError(
                f"expected {f'version {number}' if number else 'a version'} of dataset {self.name} in {self.store.uri}, found {there}: "
                "see `speechmill dataset list`"
            )
        return found[-1]

    def files(self, version: Version | None) -> dict[str, File]:
        """The decisions of a version by block; none before the first version."""
        return self.table.files(version.commit if version else None)

    def named(self, version: Version) -> set[str]:
        """The keys of the files of which a version consists, without audio and timelines. They are in the folders NAMED."""
        folder, files = f"datasets/{self.name}", self.files(version)
        found = {f"{folder}/decisions/{f.name}" for f in files.values()} | {f"{folder}/measures/{b}.parquet" for b in files}
        return found | {f"{folder}/recordings/{version.recordings}.parquet", f"{folder}/speakers/{version.speakers}.parquet"}

    def tables(self, version: Version, columns: Collection[str] = ()) -> Iterator[pa.Table]:
        """The clips of a version, one block at a time: `columns` of DatasetRow, by default all, in the order of DatasetRow.

        Each table is sorted by clip. A recording's clips are in one table.
        """
        return (self._rows_of(file, columns) for file in self.files(version).values())

    def rows_of(self, version: Version, block: str, columns: Collection[str] = ()) -> pa.Table:
        """The clips of one block of a version, as in `tables`."""
        return self._rows_of(self.files(version)[block], columns)

    def _rows_of(self, file: File, columns: Collection[str]) -> pa.Table:
        wanted = [f for f in schema(DatasetRow) if not columns or f.name in columns]
        decisions = self.table.read(file, {"clip", *(f.name for f in wanted if f.name in _OWN)})
        block, there = file.block, set(decisions.column_names)
        names = [f.name for f in wanted if f.name in MEASURED and f.name not in there]
        measures = self.measures(block, decisions["clip"], names) if names else decisions
        return pa.table([(decisions if f.name in there else measures)[f.name] for f in wanted], schema=pa.schema(wanted))

    def measures(self, block: str, clips: pa.ChunkedArray, columns: Collection[str]) -> pa.Table:
        """Measurements of these clips of a block, in their order. Raises StoreError if the block lacks one."""
        found = self.blocks.read(block, {"clip", *columns})
        if found["clip"].equals(clips):
            return found
        places = pc.index_in(clips, value_set=found["clip"])
        if places.null_count:
            raise StoreError(f"expected {len(clips)} clips in block {block} of dataset {self.name}, found {len(clips) - places.null_count}")
        return found.take(places)

    def columns(self, version: Version, kind: type) -> pa.Table:
        """Some columns of all rows of a version, in no order: those of the dataclass `kind`, which are `clip` and others of DatasetRow."""
        names = [f.name for f in fields(kind)]
        tables = (t.select(names) for t in self.tables(version, names))
        return pa.concat_tables([schema(kind).empty_table(), *tables])

    def rows(self, version: Version) -> list[DatasetRow]:
        """All rows of a version, kept or rejected, sorted by clip. They are all in memory, 3 kB each: for small datasets."""
        return sorted((r for t in self.tables(version) for r in from_table(DatasetRow, t)), key=lambda r: r.clip)

    def recordings(self, version: Version | None) -> list[Recorded]:
        """The recordings of a version that have audio, sorted by id; none before the first version."""
        return self.blocks.read_rows(Recorded, version.recordings) if version else []

    def speakers(self, version: Version | None) -> list[DatasetSpeaker]:
        """The speakers of a version, sorted by number, and those that have no clip any more; none before the first version."""
        return self.blocks.read_rows(DatasetSpeaker, version.speakers) if version else []

    def publish(self, run: str, compute: Callable[[list[Version]], Change]) -> Version | None:
        """Commits and returns one version, or returns None if neither the rows, the rules nor the names changed.

        A run publishes at most once: a second call commits nothing and returns the version of the first. `compute` takes all
        versions, and is called again if another writer commits first; everything that it reads is of the newest of them.
        """
        return retried(lambda: self._attempt(run, compute), f"dataset {self.name}", self.store.uri)

    def _attempt(self, run: str, compute: Callable[[list[Version]], Change]) -> Version | None:
        history = self.table.history()
        versions = versions_in(history)
        if own := [v for v in versions if v.run == run]:
            return own[0]
        change, before = compute(versions), versions[-1] if versions else None
        old = self.files(before)
        files, recordings = self._files_after(old, change), self.blocks.write_rows(Recorded, change.recordings)
        if _is_nothing_new(before, change, files == old, recordings):
            return None
        speakers = self.blocks.write_rows(DatasetSpeaker, change.speakers)
        return self._commit(history, run, old, files, change.lineage, recordings, speakers)

    def roll_back(self, run: str, to: Version) -> Version | None:
        """Commits and returns a version that equals an older one, or returns None if the newest equals it already.

        Its clips, recordings and speakers are in the same files. Ids of speakers that were given since stay given. Raises StoreError
        if a file of the older one was deleted since.
        """
        self._check_files(to)
        return retried(lambda: self._attempt_again(run, to), f"dataset {self.name}", self.store.uri)

    def _check_files(self, version: Version) -> None:
        """Raises StoreError unless the store has all files of a version, but for the audio."""
        wanted = self.named(version)
        there = {key for folder in NAMED for key in self.store.keys(f"datasets/{self.name}/{folder}/")}
        if gone := sorted(wanted - there):
            raise StoreError(
                f"expected the files of version {version.number} of dataset {self.name} in {self.store.uri}, found {len(gone)} of "
                f"{len(wanted)} missing, the first one {gone[0]}: choose another version"
            )

    def _attempt_again(self, run: str, to: Version) -> Version | None:
        history = self.table.history()
        versions, files = versions_in(history), self.files(to)
        newest, lineage = versions[-1], _lineage_again(to, versions)
        old = self.files(newest)
        same_files = (files, to.recordings, to.speakers) == (old, newest.recordings, newest.speakers)
        if newest.run == run or (same_files and _decisions(lineage) == _decisions(newest.lineage)):
            return newest if newest.run == run else None
        return self._commit(history, run, old, files, lineage, to.recordings, to.speakers)

    def _commit(
        self,
        history: list[dict[str, Any]],
        run: str,
        old: Mapping[str, File],
        files: Mapping[str, File],
        lineage: dict[str, Any],
        recordings: str,
        speakers: str,
    ) -> Version:
        """Commits a version after the newest in `history`, which has the `old` files."""
        numbers, now_ms = [v.number for v in versions_in(history)], int(time.time() * 1000)
        made = Version(numbers[-1] + 1 if numbers else 1, 0, run, now_ms, lineage, recordings, speakers)
        self.table.commit(history[0]["version"] if history else None, old, files, metadata_of(made))
        return next(v for v in self.versions() if v.run == run)

    def _files_after(self, old: Mapping[str, File], change: Change) -> dict[str, File]:
        files = dict(old)
        for block, decisions in change.decisions:
            if decisions.num_rows:
                files[block] = self.table.write(block, decisions)
            else:
                files.pop(block, None)
        return files


def _is_nothing_new(before: Version | None, change: Change, same_files: bool, recordings: str) -> bool:
    if before is None:
        return not change.recordings
    return same_files and recordings == before.recordings and _decisions(before.lineage) == _decisions(change.lineage)


def _decisions(lineage: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What makes a version with the same rows another one: the rules and the speakers' names."""
    return rules(lineage), speaker_names(lineage)


def _lineage_again(to: Version, versions: list[Version]) -> dict[str, Any]:
    """The lineage of a version that equals `to`, without what happened in that one. `given`: how many ids of speakers were given."""
    speakers = to.lineage.get("speakers", {})
    given = max(v.lineage.get("speakers", {}).get("given", 0) for v in versions)
    kept = {name: said for name, said in to.lineage.items() if name not in ("correction", "replaced")}
    return kept | {"rolled_back_to": to.number, "speakers": speakers | {"given": given}}


def metadata_of(version: Version) -> dict[str, str]:
    """The metadata of the commit that makes a version."""
    return {
        VERSION_KEY: str(version.number),
        _RUN: version.run,
        _MADE: str(version.timestamp_ms),
        LINEAGE_KEY: json.dumps(version.lineage, sort_keys=True),
        RECORDINGS_KEY: version.recordings,
        SPEAKERS_KEY: version.speakers,
    }


def versions_in(history: list[dict[str, Any]]) -> list[Version]:
    """The versions in a table's history, oldest first. Commits that only maintain the table are not versions."""
    return [
        Version(
            int(c[VERSION_KEY]),
            c["version"],
            c[_RUN],
            int(c.get(_MADE, c["timestamp"])),
            json.loads(c[LINEAGE_KEY]),
            c.get(RECORDINGS_KEY, ""),
            c.get(SPEAKERS_KEY, ""),
        )
        for c in reversed(history)
        if VERSION_KEY in c
    ]
