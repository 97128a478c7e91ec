"""Decides which clips of a draft are kept. It looks at blocks whose clips changed, and at all of them only if the rules did."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from components.publish.draft import Draft, with_column
from components.publish.repeats import Heard, Piece, heard_before, places
from components.publish.rules import DUPLICATE, Wanted, active, check_measured, columns, measured, reasons
from components.shared.rules import REPEATS
from store.repeats import Repeat
from store.version_rows import Recorded


def mark_duplicates(draft: Draft, before: Mapping[str, Recorded], same: Collection[str]) -> None:
    """Gives clips of duplicates their reason, ahead of all rules: they do not count for the dominant speaker.

    `before` are the recordings of the version before, and `same` are the duplicates now.
    """
    others = {r.block for name, r in before.items() if bool(r.duplicate_of) != (name in same)} - {""}
    duplicates = pa.array(sorted(same), pa.string())
    for block in sorted({*draft.edited, *(others & set(draft.blocks))}):
        decisions = draft.decisions(block)
        old = pc.if_else(pc.equal(decisions["reason"], DUPLICATE), "", decisions["reason"])
        now = pc.if_else(pc.is_in(decisions["recording"], value_set=duplicates), DUPLICATE, old)
        draft.put(block, with_column(decisions, "reason", now))


def as_json(wanted: Wanted) -> dict[str, Any]:
    """The rules that can reject a clip, as a version's lineage holds them."""
    found = {rule.name: wanted[rule.name] for rule in active(wanted)}
    return {n: [list(v) if isinstance(v, tuple) else v for v in value] if isinstance(value, tuple) else value for n, value in found.items()}


def decide(
    draft: Draft,
    wanted: Wanted,
    rules_before: Mapping[str, Any] | None,
    same: Collection[str],
    repeats: Sequence[Repeat],
    published: Mapping[str, str],
) -> None:
    """Sets the reason of every clip whose reason changes.

    Args:
        draft: The next version.
        wanted: The settings that `resolved` returned.
        rules_before: What `as_json` returned for the version before; None if it is not known.
        same: The duplicates.
        repeats: The repeats of the dataset.
        published: Date of publication by recording.
    """
    every = as_json(wanted) != rules_before
    found = _by_rules(draft, wanted, same, draft.blocks if every else [b for b in draft.edited if draft.clips(b)], every)
    heard, concerned = _heard_before(draft, wanted, found, repeats, published) if wanted["refuse_repeats"] else ({}, set())
    for block in sorted(concerned | found.keys()):
        old = draft.decisions(block, ["clip", "reason"])
        new = _with_repeats(old["clip"], _ruled(found.get(block), old["reason"]), heard)
        if block in found or not new.equals(old["reason"].combine_chunks()):
            draft.decide(block, new)


def _by_rules(draft: Draft, wanted: Wanted, same: Collection[str], blocks: Sequence[str], every: bool) -> dict[str, pa.Array]:
    """The reasons of the clips of some blocks by the rules that look at one clip at a time."""
    rules, found, has_value, clips = active(wanted), dict[str, pa.Array](), set[str](), 0
    for block in blocks:
        rows = draft.rows(block, sorted({"recording", *columns(rules)}))
        found[block], clips = reasons(rows, wanted, same).dictionary_encode(), clips + rows.num_rows
        if every:
            has_value |= {c for c in rows.column_names if c not in has_value and pc.any(measured(rows[c])).as_py()}
    if every:
        check_measured(wanted, clips, lambda column: column in has_value)
    return found


def _has_repeats(reason: pa.ChunkedArray) -> bool:
    return bool(pc.any(pc.starts_with(reason, REPEATS)).as_py())


def _ruled(found: pa.Array | None, reason: pa.ChunkedArray) -> pa.Array:
    """The reasons before repeats are looked for: as the rules found them now, or else as they were."""
    if found is not None:
        return found.dictionary_decode()
    return pc.if_else(pc.starts_with(reason, REPEATS), "", reason).combine_chunks()


def _with_repeats(clips: pa.ChunkedArray, reason: pa.Array, heard: Mapping[str, str]) -> pa.Array:
    """The reasons with those of clips that were heard before."""
    if not heard:
        return reason
    place = pc.index_in(clips, value_set=pa.array(list(heard), pa.string())).combine_chunks()
    earlier = pa.array([f"{REPEATS}:{clip}" for clip in heard.values()], pa.string()).take(place)
    return pc.if_else(pc.and_(pc.equal(reason, ""), pc.is_valid(earlier)), earlier, reason)


def _heard_before(
    draft: Draft, wanted: Wanted, found: Mapping[str, pa.Array], repeats: Sequence[Repeat], published: Mapping[str, str]
) -> tuple[dict[str, str], set[str]]:
    """The clips that were heard before, with the earlier clip of each; and the blocks whose reasons repeats may have changed."""
    around, kept, concerned = places(repeats, wanted["min_repeat_seconds"]), list[Heard](), set[str]()
    for block in draft.blocks:
        decisions = draft.decisions(block, ["clip", "recording", "reason"])
        candidates = pc.equal(_ruled(found.get(block), decisions["reason"]), "")
        own = list(_in_places(draft, block, decisions.filter(candidates), around, published))
        kept += own
        concerned |= {block} if own or _has_repeats(decisions["reason"]) else set()
    return heard_before(kept, repeats, wanted["min_repeat_seconds"]), concerned


def _in_places(
    draft: Draft, block: str, decisions: pa.Table, around: Mapping[str, list[Piece]], published: Mapping[str, str]
) -> Iterator[Heard]:
    """Those of some clips of a block that are in places where something repeats."""
    decisions = decisions.filter(pc.is_in(decisions["recording"], value_set=pa.array(sorted(around), pa.string())))
    if not decisions.num_rows:
        return
    rows = draft.measures(block, decisions["clip"], ["clip", "start", "end"])
    codes = decisions["recording"].combine_chunks().dictionary_encode()
    starts, ends, numbers = rows["start"].to_numpy(), rows["end"].to_numpy(), codes.indices.to_numpy()
    for number, recording in enumerate(codes.dictionary.to_pylist()):
        own = np.flatnonzero(numbers == number)
        for i in own[_touching(starts[own], ends[own], around[recording])].tolist():
            yield Heard(rows["clip"][i].as_py(), recording, published.get(recording, ""), float(starts[i]), float(ends[i]))


def _touching(starts: NDArray[np.float64], ends: NDArray[np.float64], pieces: Sequence[Piece]) -> NDArray[np.bool_]:
    """Which stretches have something in common with some pieces, which are in order and do not overlap."""
    firsts, lasts = np.array([p.start for p in pieces]), np.array([p.end for p in pieces])
    next_piece = np.minimum(np.searchsorted(lasts, starts, side="right"), len(pieces) - 1)
    return np.asarray((lasts[next_piece] > starts) & (firsts[next_piece] < ends))
