"""Which measurements differ between two versions, of clips that are in other blocks.

Of the older version a few blocks are in memory at a time, and of the newer one a single block. Vectors and lists are compared by hashes.
"""

from collections import defaultdict
from collections.abc import Iterable
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.rows import DatasetRow
from components.shared.table import schema
from pipelines.datasets.clip_changes import ClipChanges
from store.blocks import MEASURED, Blocks

BATCH_BLOCKS = 6
"""Blocks of the older version that are in memory at a time, each of up to 32,768 clips."""
_LISTS = [f.name for f in schema(DatasetRow) if pa.types.is_list(f.type)]


def compare_measurements(blocks: Blocks, moved: pa.Table, found: ClipChanges) -> None:
    """Adds the clips whose measurements differ to `found`.

    `moved` are the recordings whose clips are in other blocks, with the columns recording, before and after: these blocks.
    """
    moved = moved.filter(pc.and_(pc.not_equal(moved["before"], ""), pc.not_equal(moved["after"], "")))
    changed = pa.chunked_array([*found.changed, pa.array([], pa.string())])
    names = sorted(pc.unique(moved["before"]).to_pylist())
    for first in range(0, len(names), BATCH_BLOCKS):
        own = moved.filter(pc.is_in(moved["before"], value_set=pa.array(names[first : first + BATCH_BLOCKS])))
        old = pa.concat_tables([_read(blocks, block, recordings) for block, recordings in _by_block(own, "before")])
        for block, recordings in _by_block(own, "after"):
            _compare(old, _read(blocks, block, recordings), changed, found)


def _by_block(recordings: pa.Table, side: str) -> Iterable[tuple[str, pa.Array]]:
    by_block: dict[str, list[str]] = defaultdict(list)
    for block, recording in zip(recordings[side].to_pylist(), recordings["recording"].to_pylist(), strict=True):
        by_block[block].append(recording)
    return ((block, pa.array(own)) for block, own in by_block.items())


def _read(blocks: Blocks, block: str, recordings: pa.Array) -> pa.Table:
    """The measurements of the clips of some recordings in a block, with hashes in place of lists."""
    rows = blocks.read(block)
    rows = rows.filter(pc.is_in(rows["recording"], value_set=recordings))
    for name in _LISTS:
        rows = rows.set_column(rows.schema.get_field_index(name), name, hashes(rows[name].combine_chunks()))
    return rows


def hashes(lists: Any) -> pa.Array:
    """A hash of each list of numbers, or each list of texts as one text."""
    if isinstance(lists, pa.ChunkedArray):  # without any chunk, or of one chunk
        lists = lists.chunk(0) if lists.num_chunks else pa.array([], lists.type)
    if pa.types.is_string(lists.type.value_type):
        return pc.binary_join(lists, "\0")
    lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False).astype(np.int64)
    values = lists.flatten().to_numpy().view(np.uint32).astype(np.uint64)
    factors = np.random.default_rng(0).integers(2**63, size=int(lengths.max(initial=0)) + 1, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    starts = np.cumsum(lengths) - lengths
    places = np.arange(len(values)) - np.repeat(starts, lengths)
    sums = np.zeros(len(lengths), np.uint64)
    full = lengths > 0
    if full.any():
        sums[full] = np.add.reduceat((values + np.uint64(1)) * factors[places + 1], starts[full])
    return pa.array(sums + factors[0] * lengths.astype(np.uint64))


def _compare(old: pa.Table, new: pa.Table, changed: pa.ChunkedArray, found: ClipChanges) -> None:
    places = pc.index_in(new["clip"], value_set=old["clip"])
    new, old = new.filter(pc.is_valid(places)), old.take(places.drop_null())
    if not new.num_rows:
        return
    differs = {name: _differs(old[name], new[name]) for name in MEASURED}
    for name, mask in differs.items():
        if count := pc.sum(mask).as_py():
            found.columns[name] += count
    measured = reduce(pc.or_, differs.values())
    found.add("measured", new.filter(measured))
    only = new.filter(pc.and_(measured, pc.invert(pc.is_in(new["clip"], value_set=changed))))
    found.add("changed", only)
    found.clips["same"] -= only.num_rows


def _differs(old: pa.ChunkedArray, new: pa.ChunkedArray) -> Any:
    return pc.or_(pc.fill_null(pc.not_equal(old, new), False), pc.xor(pc.is_null(old), pc.is_null(new)))
