"""Datasets from before measurements were kept apart: one Delta table with all columns of a clip, a commit for each version.

`upgrade` makes each version again. The old table stays as it is, in `table/`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pyarrow as pa

from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow, Vector
from components.shared.table import empty, to_table
from store.blocks import DECIDED
from store.datasets import DatasetStore, Version, metadata_of, old_log, versions_in
from store.decisions import File
from store.interface import Store
from store.ledger import Ledger, LedgerRow
from store.tables import Table
from store.version_rows import DatasetSpeaker, Decision, Recorded


@dataclass(frozen=True, slots=True)
class _OldSpeaker:
    speaker: str
    centroid: Vector
    clips: int
    speech_seconds: float
    share: float
    first_version: int
    name: str


def is_old(store: Store, dataset: str) -> bool:
    """Whether a dataset has versions that `upgrade` has not made again."""
    if not store.exists(old_log(dataset)):
        return False
    return len(old_versions(store, dataset)) > len(versions_in(DatasetStore(store, dataset).table.history()))


def old_versions(store: Store, dataset: str) -> list[Version]:
    """The versions in the old form, oldest first; none if the old table does not exist."""
    return versions_in(_old_table(store, dataset).history())


def upgrade(store: Store, dataset: str) -> int:
    """Makes every old version of a dataset again in the new form, with the same number, run and lineage. Returns their number.

    An upgrade that was interrupted goes on where it stopped.
    """
    new, old = DatasetStore(store, dataset), _old_table(store, dataset)
    ledger = Ledger(store, dataset).rows()
    speakers = {s.speaker: s for s in Table(store, f"datasets/{dataset}/speakers", _OldSpeaker, "speaker").rows()}
    versions, done = old_versions(store, dataset), versions_in(new.table.history())
    before = _Before(new, old.rows(versions[len(done) - 1].commit) if done else [])
    for version in versions[len(done) :]:
        rows = old.rows(version.commit)
        files = before.files(rows)
        recordings = new.blocks.write_rows(Recorded, _recordings(rows, ledger, version, before.where))
        heard = new.blocks.write_rows(DatasetSpeaker, _speakers(rows, speakers, version))
        lineage = version.lineage | {"clips": {"all": len(rows), "kept": sum(r.kept for r in rows)}}
        history = new.table.history()
        own = versions_in(history)
        metadata = metadata_of(replace(version, lineage=lineage, recordings=recordings, speakers=heard))
        new.table.commit(history[0]["version"] if history else None, new.files(own[-1] if own else None), files, metadata)
    return len(versions)


def _old_table(store: Store, dataset: str) -> Table[DatasetRow]:
    return Table(store, f"datasets/{dataset}/table", DatasetRow, "clip")


class _Before:
    """The rows of the version before, with the block of each clip."""

    def __init__(self, dataset: DatasetStore, rows: Iterable[DatasetRow]) -> None:
        self._dataset = dataset
        self._known: dict[str, tuple[DatasetRow, str]] = {}
        self.where: dict[str, str] = {}
        for block, part in self._with_blocks(list(rows)).items():
            self._known |= {r.clip: (_measured(r), block) for r in part}

    def files(self, rows: list[DatasetRow]) -> dict[str, File]:
        """Writes the blocks and decisions of the next version's rows."""
        parts = self._with_blocks(rows)
        self._known = {r.clip: (_measured(r), block) for block, part in parts.items() for r in part}
        self.where = {r.recording: block for block, part in parts.items() for r in part}
        return {block: self._dataset.table.write(block, _decisions(block, part)) for block, part in parts.items()}

    def _with_blocks(self, rows: list[DatasetRow]) -> dict[str, list[DatasetRow]]:
        """The rows by block; those of a recording that changed are a new block together."""
        changed = {r.recording for r in rows if self._known.get(r.clip, (None, ""))[0] != _measured(r)}
        parts: dict[str, list[DatasetRow]] = {}
        for r in rows:
            parts.setdefault("" if r.recording in changed else self._known[r.clip][1], []).append(r)
        if new := parts.pop("", []):
            parts[self._dataset.blocks.write(to_table(DatasetRow, new))] = new
        return parts


def _measured(row: DatasetRow) -> DatasetRow:
    return replace(row, **{name: getattr(empty(DatasetRow), name) for name in DECIDED})


def _decisions(block: str, rows: Iterable[DatasetRow]) -> pa.Table:
    return to_table(Decision, (Decision(r.clip, r.recording, block, r.samples, r.speaker, r.speaker, r.kept, r.reason) for r in rows))


def _recordings(
    rows: Iterable[DatasetRow], ledger: Mapping[str, LedgerRow], version: Version, where: Mapping[str, str]
) -> Iterable[Recorded]:
    """The recordings of a version: those with clips, and those that the ledger has with audio but without clips."""
    kept: dict[str, int] = {r: 0 for r, row in ledger.items() if row.samples and not row.kept_samples and not row.rejected_samples}
    rejected = dict(kept)
    for r in rows:
        kept[r.recording] = kept.get(r.recording, 0) + r.samples * r.kept
        rejected[r.recording] = rejected.get(r.recording, 0) + r.samples * (not r.kept)
    names = {f.name for f in fields(Recorded)} & {f.name for f in fields(LedgerRow)}
    for recording in sorted(kept):
        known = ledger.get(recording, replace(empty(LedgerRow), recording=recording))
        columns: dict[str, Any] = {n: getattr(known, n) for n in names} | {"run": known.run or version.run}
        columns |= {"block": where.get(recording, ""), "kept_samples": kept[recording], "rejected_samples": rejected[recording]}
        outside = known.music_samples + known.noise_samples + known.silence_samples + known.unclipped_speech_samples
        samples = outside + kept[recording] + rejected[recording]
        yield Recorded(**columns | {"samples": samples, "seconds": samples / SAMPLE_RATE_HZ})


def _speakers(rows: Iterable[DatasetRow], known: Mapping[str, _OldSpeaker], version: Version) -> list[DatasetSpeaker]:
    """The speakers of a version, each with the mean voice that the dataset had last, or that of these rows if it knew none."""
    rows = list(rows)
    clips: dict[str, int] = {}
    heard: dict[str, int] = {}
    samples: dict[str, int] = {}
    for r in rows:
        if r.speaker:
            clips[r.speaker] = clips.get(r.speaker, 0) + 1
            heard[r.speaker] = heard.get(r.speaker, 0) + r.samples
            samples[r.speaker] = samples.get(r.speaker, 0) + r.samples * (r.reason != "duplicate")
    names, total = version.lineage.get("speakers", {}).get("names", {}), sum(samples.values()) or 1
    known = {s: _OldSpeaker(s, _centroid(rows, s), 0, 0.0, 0.0, version.number, "") for s in clips.keys() - known.keys()} | dict(known)
    there = [s for s in sorted(known, key=lambda s: int(s[1:])) if s in clips or known[s].first_version <= version.number]
    return [
        DatasetSpeaker(
            s,
            known[s].centroid,
            heard.get(s, 0) / SAMPLE_RATE_HZ,
            clips.get(s, 0),
            samples.get(s, 0) / SAMPLE_RATE_HZ,
            samples.get(s, 0) / total,
            known[s].first_version,
            names.get(s, ""),
        )
        for s in there
    ]


def _centroid(rows: Iterable[DatasetRow], speaker: str) -> Vector:
    """Mean vector of a speaker's clips, weighted by their lengths."""
    heard = [(np.frombuffer(r.vector, "<f4"), max(1, r.samples)) for r in rows if r.speaker == speaker and r.vector]
    return Vector(np.average([v for v, _ in heard], axis=0, weights=[n for _, n in heard]).astype("<f4").tobytes() if heard else b"")
