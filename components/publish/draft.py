"""The next version of a dataset while it is made. Only the blocks that change are in memory, and those are small tables."""

import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.table import schema, sums_by
from store.blocks import MEASURED
from store.datasets import DatasetStore, Version
from store.version_rows import Decision

MOST_CLIPS = 32_768
"""Clips in a block: 30 MB with their vectors."""
SMALL_CLIPS, MOST_SMALL = 8_192, 16
"""If a version has more blocks than MOST_SMALL of fewer clips than SMALL_CLIPS, they are joined, so that readers need few requests."""


@dataclass
class Sums:
    """What decisions add up to."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """Samples by reason, up to its colon; those of kept clips by ""."""
    spoken: Counter[str] = field(default_factory=Counter)
    """Samples by speaker, without those of duplicates."""
    clips: Counter[str] = field(default_factory=Counter)
    """Number of clips by speaker."""
    kept_clips: int = 0
    """Number of clips that are kept."""
    recordings: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Kept and rejected samples by recording."""

    def add(self, decisions: pa.Table, sign: int = 1) -> None:
        """Adds decisions, or takes them away if `sign` is -1."""
        self.kept_clips += sign * (pc.sum(decisions["kept"]).as_py() or 0)
        for (reason,), samples, _ in sums_by(decisions, ["reason"]):
            self.outcomes[reason.partition(":")[0]] += sign * samples
        for (speaker,), _, clips in sums_by(decisions, ["speaker"]):
            self.clips[speaker] += sign * clips
        for (speaker,), samples, _ in sums_by(decisions.filter(pc.not_equal(decisions["reason"], "duplicate")), ["speaker"]):
            self.spoken[speaker] += sign * samples
        if sign > 0:
            for (recording, kept), samples, _ in sums_by(decisions, ["recording", "kept"]):
                before = self.recordings.get(recording, (0, 0))
                self.recordings[recording] = (before[0] + samples, before[1]) if kept else (before[0], before[1] + samples)

    def include(self, others: "Sums") -> None:
        """Adds the sums of other blocks. A recording is in one block."""
        self.outcomes.update(others.outcomes)
        self.spoken.update(others.spoken)
        self.clips.update(others.clips)
        self.kept_clips += others.kept_clips
        self.recordings |= others.recordings


class Draft:
    """The decisions of the next version, block by block: those of the version before, until they change."""

    def __init__(self, dataset: DatasetStore, before: Version | None) -> None:
        self._dataset, self._files = dataset, dataset.files(before)
        self._measures: dict[str, pa.Table] = {}
        self._edited: dict[str, pa.Table] = {}
        self._reasons: dict[str, pa.Array] = {}
        self.moved: dict[str, str] = {}
        """The new block of each recording whose measurements `rewrite` replaced."""

    @property
    def blocks(self) -> list[str]:
        """The names of all blocks that have clips, sorted."""
        return sorted({b for b in self._files if b not in self._edited} | {b for b, table in self._edited.items() if table.num_rows})

    @property
    def edited(self) -> list[str]:
        """The names of the blocks that have other clips, voices or speakers than before."""
        return list(self._edited)

    @property
    def changed(self) -> Iterator[tuple[str, pa.Table]]:
        """The blocks that change and their decisions, sorted by clip, one at a time. A block may have no clip any more."""
        return ((block, self.decisions(block)) for block in (self._edited | self._reasons))

    def clips(self, block: str) -> int:
        """Number of clips in a block."""
        return self._edited[block].num_rows if block in self._edited else self._files[block].clips

    def decisions(self, block: str, columns: Collection[str] | None = None) -> pa.Table:
        """The decisions of a block as they are now, with these columns of Decision, by default all."""
        names = [n for n in schema(Decision).names if columns is None or n in columns]
        found = self._edited[block].select(names) if block in self._edited else self._dataset.table.read(self._files[block], names)
        if block in self._reasons:
            reasons = self._reasons[block].dictionary_decode()
            values = {"reason": reasons, "kept": pc.equal(reasons, "")}
            for name in [n for n in values if n in names]:
                found = with_column(found, name, values[name])
        return found

    def rows(self, block: str, columns: Collection[str]) -> pa.Table:
        """Columns of DatasetRow of a block: decisions as they are now, and measurements."""
        own = set(schema(Decision).names)
        decisions = self.decisions(block, {"clip", *(c for c in columns if c in own)})
        wanted = [c for c in columns if c not in own]
        measures = self.measures(block, decisions["clip"], wanted) if wanted else decisions
        return pa.table({c: (decisions if c in own else measures)[c] for c in columns})

    def before(self, block: str) -> pa.Table:
        """The decisions of a block in the version before; none of a new block."""
        return self._dataset.table.read(self._files[block]) if block in self._files else schema(Decision).empty_table()

    def measures(self, block: str, clips: pa.ChunkedArray, columns: Collection[str]) -> pa.Table:
        """Measurements of some clips of a block, in their order."""
        if block not in self._measures:
            return self._dataset.measures(block, clips, columns)
        own = self._measures[block].select(["clip", *(c for c in columns if c != "clip")])
        return own if own["clip"].equals(clips) else own.take(pc.index_in(clips, value_set=own["clip"]))

    def put(self, block: str, decisions: pa.Table) -> None:
        """Replaces the decisions of a block."""
        self._edited[block] = decisions

    def decide(self, block: str, reasons: pa.Array) -> None:
        """Sets the reason of each clip of a block; clips with the reason "" are kept."""
        self._reasons[block] = reasons.dictionary_encode()

    def add(self, rows: pa.Table, voices: Iterable[str], merged: Mapping[str, str], stay: Mapping[str, str] = {}) -> dict[str, str]:
        """Adds clips with their measurements, sorted by clip, and the voice of each, as new blocks. Returns the block by recording.

        `merged` are the ids whose clips belong to another speaker, and `stay` the speakers of clips that were there before.
        """
        voices = pa.array(list(voices), pa.string())
        blocks: dict[str, str] = {}
        for part, own in _parts(rows, voices):
            block = self._dataset.blocks.write(part)
            self._measures[block] = part.select(MEASURED)
            pairs = zip(part["clip"].to_pylist(), own.to_pylist(), strict=True)
            speakers = pa.array([stay.get(c) or merged.get(v, v) for c, v in pairs], pa.string())
            self.put(block, decided(block, part, own, speakers))
            blocks |= dict.fromkeys(pc.unique(part["recording"]).to_pylist(), block)
        return blocks

    def rewrite(self, block: str, rows: pa.Table) -> None:
        """Replaces the measurements of the clips of a block, in their order, by those in `rows`. The decisions stay."""
        decisions = self.decisions(block)
        new = self._dataset.blocks.write(rows)
        self._measures[new] = rows.select(MEASURED).combine_chunks()
        self.put(block, decisions.slice(0, 0))
        self.put(new, with_column(decisions, "block", pa.repeat(new, decisions.num_rows)))
        self.moved |= dict.fromkeys(pc.unique(decisions["recording"]).to_pylist(), new)

    def joined(self) -> dict[str, str]:
        """Joins small blocks if there are many. Returns the new block of each recording that moved."""
        small = [b for b in self.blocks if self.clips(b) < SMALL_CLIPS]
        if len(small) <= MOST_SMALL:
            return {}
        moved, batch, size = dict[str, str](), list[str](), 0
        for block in small:
            batch.append(block)
            size += self.clips(block)
            if size >= MOST_CLIPS - SMALL_CLIPS:
                moved |= self._join(batch)
                batch, size = [], 0
        return moved | (self._join(batch) if len(batch) > 1 else {})

    def _join(self, blocks: list[str]) -> dict[str, str]:
        old = [self.decisions(b) for b in blocks]
        measures = pa.concat_tables(self.measures(b, d["clip"], MEASURED) for b, d in zip(blocks, old, strict=True))
        decisions = pa.concat_tables(old)
        order = pc.sort_indices(decisions["clip"])
        block = self._dataset.blocks.write(measures := measures.take(order).combine_chunks())
        for name, table in zip(blocks, old, strict=True):
            self.put(name, table.slice(0, 0))
        decisions = decisions.take(order)
        self.put(block, with_column(decisions, "block", pa.repeat(block, decisions.num_rows)))
        self._measures[block] = measures
        return dict.fromkeys(pc.unique(decisions["recording"]).to_pylist(), block)

    def sums(self, total: Sums) -> Sums:
        """What all decisions add up to, if those of the version before add up to `total`, which this changes.

        `recordings` are those of the changed blocks.
        """
        for block, decisions in self.changed:
            total.add(self.before(block), -1)
            total.add(decisions)
        return total


def decided(block: str, rows: pa.Table, voices: pa.Array, speakers: pa.Array) -> pa.Table:
    """Decision rows of clips before the rules apply."""
    count = rows.num_rows
    columns = {"block": pa.repeat(block, count), "voice": voices, "speaker": speakers}
    columns |= {"kept": pa.repeat(False, count), "reason": pa.repeat("", count)}
    return pa.table([columns[n] if n in columns else rows[n] for n in schema(Decision).names], schema=schema(Decision))


def with_column(table: pa.Table, name: str, values: Any) -> pa.Table:
    """The table with other values in a column."""
    place = table.schema.get_field_index(name)
    return table.set_column(place, table.schema.field(place), values)


def _parts(rows: pa.Table, voices: pa.Array) -> Iterable[tuple[pa.Table, pa.Array]]:
    """Splits clips between recordings, into parts of about MOST_CLIPS."""
    if not rows.num_rows:
        return
    recordings = rows["recording"].combine_chunks().dictionary_encode().indices.to_numpy()
    starts = np.flatnonzero(np.diff(recordings, prepend=-1))
    first = 0
    for start, end in itertools.pairwise([*starts.tolist(), len(recordings)]):
        if end - first > MOST_CLIPS and start > first:
            yield rows.slice(first, start - first).combine_chunks(), voices.slice(first, start - first)
            first = start
    yield rows.slice(first).combine_chunks(), voices.slice(first)
