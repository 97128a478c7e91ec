"""Which clips of a dataset differ between two versions, from the decisions of the blocks that differ.

Blocks that both versions have in the same file are not read. Of the others, only the decisions are in memory, about 50 bytes for each
clip that is not in the same block of the other version.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.table import schema, sums_by
from store.datasets import DatasetStore, Version
from store.decisions import File
from store.version_rows import Decision

COMPARED = ("speaker", "kept", "reason")
"""The columns of a decision that may change while a clip stays."""
KINDS = ("added", "removed", "rejected", "kept", "other_reason", "speaker", "measured")
"""Kinds of change: only in the newer version, only in the older one, kept before and rejected now, rejected before and kept now, rejected
for another reason, another speaker, other measurements. A clip may have several of the last four."""
_COLUMNS = ("clip", "recording", "samples", *COMPARED)
_PART_CLIPS = 500_000

Example = tuple[str, str]
"""A clip and its recording."""
Move = tuple[str, str]
"""Reasons before and after, up to their colons; "" of a kept clip."""


@dataclass
class ClipChanges:
    """What differs between the clips of two versions."""

    most_examples: int
    clips: Counter[str] = field(default_factory=Counter)
    """Number of clips by kind of change; `same` are those without any, `changed` those that both versions have and that differ."""
    samples: Counter[str] = field(default_factory=Counter)
    """Their samples."""
    columns: Counter[str] = field(default_factory=Counter)
    """Number of clips that both versions have, by the column that differs."""
    moves: Counter[Move] = field(default_factory=Counter)
    """Samples of clips that both versions have and whose reason differs."""
    moved_clips: Counter[Move] = field(default_factory=Counter)
    """The number of these clips."""
    examples: dict[str, list[Example]] = field(default_factory=lambda: defaultdict(list))
    """A few clips of each kind of change, each with its recording."""
    changed: list[pa.Array] = field(default_factory=list)
    """Clips whose decisions differ, of the recordings whose clips are in other blocks."""

    def add(self, kind: str, rows: pa.Table) -> None:
        """Counts clips of one kind, which have the columns clip, recording and samples."""
        self.clips[kind] += rows.num_rows
        self.samples[kind] += pc.sum(rows["samples"]).as_py() or 0
        room = self.most_examples - len(self.examples[kind])
        if room > 0:
            self.examples[kind] += zip(rows["clip"][:room].to_pylist(), rows["recording"][:room].to_pylist(), strict=True)

    def compare(self, old: pa.Table, new: pa.Table, moved: Any) -> None:
        """Compares clips that both versions have, in the same order. `moved` are the recordings whose clips are in other blocks."""
        differs = {c: pc.not_equal(old[c], new[c]) for c in COMPARED}
        for column, mask in differs.items():
            self.columns[column] += _count(mask)
        self._count_moves(old, new, differs["reason"])
        kinds = {
            "rejected": pc.and_(differs["kept"], old["kept"]),
            "kept": pc.and_(differs["kept"], new["kept"]),
            "other_reason": pc.and_(differs["reason"], pc.invert(pc.or_(old["kept"], new["kept"]))),
            "speaker": differs["speaker"],
        }
        for kind, mask in kinds.items():
            self.add(kind, new.filter(mask))
        changed = pc.or_(pc.or_(differs["kept"], differs["reason"]), differs["speaker"])
        self.add("changed", new.filter(changed))
        self.add("same", new.filter(pc.invert(changed)))
        if len(moved):
            self.changed.append(new.filter(pc.and_(changed, pc.is_in(new["recording"], value_set=moved)))["clip"].combine_chunks())

    def _count_moves(self, old: pa.Table, new: pa.Table, differs: pa.ChunkedArray) -> None:
        reasons = {"before": old["reason"].filter(differs), "after": new["reason"].filter(differs)}
        both = pa.table(reasons | {"samples": new["samples"].filter(differs)})
        for (before, after), samples, clips in sums_by(both, ["before", "after"]):
            self.moves[_short(before), _short(after)] += samples
            self.moved_clips[_short(before), _short(after)] += clips


def clip_changes(dataset: DatasetStore, a: Version, b: Version, moved: pa.ChunkedArray, most_examples: int) -> ClipChanges:
    """Compares the decisions of two versions. `moved` are the recordings whose clips are in other blocks."""
    files = dataset.files(a), dataset.files(b)
    found, left = ClipChanges(most_examples), (list[pa.Table](), list[pa.Table]())
    for block in sorted({*files[0], *files[1]}):
        one, two = files[0].get(block), files[1].get(block)
        if one and one == two:
            found.clips["same"] += one.clips
            continue
        only = _compare(_read(dataset, one), _read(dataset, two), found, moved)
        for rows, own in zip(only, left, strict=True):
            if rows.num_rows:
                own.append(_compact(rows))
    for old, new in _parts(*left):
        only = _compare(old, new, found, moved)
        found.add("removed", only[0])
        found.add("added", only[1])
    return found


def changed_blocks(a: Mapping[str, File], b: Mapping[str, File]) -> tuple[list[str], list[str], list[str]]:
    """The blocks that both versions have in the same file, and the other ones of each."""
    same = [block for block, file in a.items() if b.get(block) == file]
    return same, sorted(a.keys() - set(same)), sorted(b.keys() - set(same))


def _read(dataset: DatasetStore, file: File | None) -> pa.Table:
    names = [n for n in schema(Decision).names if n in _COLUMNS]
    return dataset.table.read(file, names) if file else schema(Decision).empty_table().select(names)


def _compare(old: pa.Table, new: pa.Table, found: ClipChanges, moved: Any) -> tuple[pa.Table, pa.Table]:
    """Compares the clips that are in both tables. Returns those that are in one of them only."""
    if old["clip"].equals(new["clip"]):
        found.compare(old, new, moved)
        return old.slice(0, 0), new.slice(0, 0)
    places = pc.index_in(new["clip"], value_set=old["clip"])
    both = pc.is_valid(places)
    found.compare(old.take(places.drop_null()), new.filter(both), moved)
    gone = pc.invert(pc.is_in(old["clip"], value_set=new["clip"]))
    return old.filter(gone), new.filter(pc.invert(both))


def _compact(rows: pa.Table) -> pa.Table:
    """The table in few bytes."""
    for name in ("recording", "speaker", "reason"):
        rows = rows.set_column(rows.schema.get_field_index(name), name, rows[name].combine_chunks().dictionary_encode())
    return rows.combine_chunks()


def _plain(rows: pa.Table) -> pa.Table:
    for name in ("recording", "speaker", "reason"):
        rows = rows.set_column(rows.schema.get_field_index(name), name, rows[name].cast(pa.string()))
    return rows


def _parts(old: list[pa.Table], new: list[pa.Table]) -> Iterable[tuple[pa.Table, pa.Table]]:
    """Splits both sides by recording into pairs of at most about _PART_CLIPS, so that a clip and its counterpart are in one pair."""
    names = [t["recording"].chunk(i).dictionary for t in (*old, *new) for i in range(t["recording"].num_chunks)]
    if not names:
        return
    recordings = pc.unique(pa.chunked_array(names))
    parts = 1 + max(sum(t.num_rows for t in side) for side in (old, new)) // _PART_CLIPS
    sides = [[_split(t, recordings, parts) for t in side] for side in (old, new)]
    nothing = _compact(schema(Decision).empty_table().select([n for n in schema(Decision).names if n in _COLUMNS]))
    for number in range(parts):
        one, two = (pa.concat_tables([_plain(nothing), *(_plain(t[number]) for t in side)]) for side in sides)
        yield one.combine_chunks(), two.combine_chunks()


def _split(rows: pa.Table, recordings: pa.Array, parts: int) -> list[pa.Table]:
    if parts == 1:
        return [rows]
    places = pc.index_in(rows["recording"].cast(pa.string()), value_set=recordings).to_numpy()
    numbers = places.astype(np.int64) * parts // len(recordings)
    rows = rows.take(np.argsort(numbers, kind="stable"))
    bounds = np.searchsorted(np.sort(numbers), np.arange(parts + 1))
    return [rows.slice(first, last - first) for first, last in itertools.pairwise(bounds.tolist())]


def _count(mask: pa.ChunkedArray) -> int:
    return pc.sum(mask).as_py() or 0


def _short(reason: str) -> str:
    return reason.partition(":")[0]
