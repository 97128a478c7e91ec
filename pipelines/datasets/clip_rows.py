"""Finds the rows of single clips in a version, without reading other blocks than theirs."""

from collections import defaultdict
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from components.shared.rows import DatasetRow
from components.shared.table import from_table
from pipelines.datasets.clip_changes import Example
from store.datasets import DatasetStore, Version
from store.version_rows import Recorded


def clip_rows(dataset: DatasetStore, version: Version, clips: Iterable[Example]) -> dict[str, DatasetRow]:
    """The rows of clips, each given with its recording, by id. Clips that the version lacks are left out."""
    wanted = dict(clips)
    by_block, found = defaultdict[str, list[str]](list), dict[str, DatasetRow]()
    blocks = blocks_of(dataset, version, wanted.values())
    for clip, recording in wanted.items():
        if block := blocks.get(recording):
            by_block[block].append(clip)
    for block, own in by_block.items():
        rows = dataset.rows_of(version, block)
        rows = rows.filter(pc.is_in(rows["clip"], value_set=pa.array(own, pa.string())))
        found |= {row.clip: row for row in from_table(DatasetRow, rows)}
    return found


def blocks_of(dataset: DatasetStore, version: Version, recordings: Iterable[str]) -> dict[str, str]:
    """The block of each recording that has clips in a version."""
    rows = dataset.blocks.read_table(Recorded, version.recordings, ["recording", "block"])
    rows = rows.filter(pc.is_in(rows["recording"], value_set=pa.array(sorted(set(recordings)), pa.string())))
    return {r: b for r, b in zip(rows["recording"].to_pylist(), rows["block"].to_pylist(), strict=True) if b}
