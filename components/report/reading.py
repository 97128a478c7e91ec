"""Reads of a version what its page needs: sums over all clips, scores of many, and some clips whole.

A small dataset is read whole. Of a large one, the page draws the scores of SCORED clips and shows clips of SAMPLED ones, from
blocks spread over the dataset.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.rows import DatasetRow
from components.shared.table import from_table, schema
from store.datasets import DatasetStore, Version
from store.parquet import conformed
from store.truth import file_name

SCORED, SAMPLED = 1_000_000, 20_000
"""Most clips whose scores are drawn; most clips that are looked at one by one."""
_BLOCKS = 8
"""Number of blocks of a large dataset that the sample is of."""

T = TypeVar("T")


def sample(dataset: DatasetStore, version: Version) -> list[DatasetRow]:
    """At most SAMPLED clips, by whole recordings if possible; all clips of a dataset that has no more."""
    files = dataset.files(version)
    whole = sum(f.clips for f in files.values()) <= SAMPLED
    blocks = list(files) if whole else spread(list(files), _BLOCKS)
    names = [name for name in schema(DatasetRow).names if name not in ("vector", "words", "word_times")]
    found = list[DatasetRow]()
    for block in blocks:
        rows = dataset.rows_of(version, block, names)
        found += _rows(rows if whole else _first_recordings(rows, SAMPLED // len(blocks)))
    return sorted(found, key=lambda r: r.clip)


def scores(dataset: DatasetStore, version: Version, columns: Iterable[str]) -> pa.Table:
    """These columns of at most about SCORED clips."""
    files, names = dataset.files(version), [n for n in schema(DatasetRow).names if n in set(columns)]
    clips = sum(f.clips for f in files.values())
    blocks = list(files) if clips <= SCORED else spread(list(files), max(1, len(files) * SCORED // clips))
    tables = (dataset.rows_of(version, block, names) for block in blocks)
    return pa.concat_tables([pa.schema([schema(DatasetRow).field(n) for n in names]).empty_table(), *tables])


def of_sources(dataset: DatasetStore, version: Version, sources: set[str]) -> Iterator[DatasetRow]:
    """The clips of recordings that are named by their URL or by their file name, without vectors and words."""
    if not sources:
        return
    for table in dataset.tables(version, ("clip", "source", "start", "end", "tone")):
        known = [s for s in pc.unique(table["source"]).to_pylist() if s in sources or file_name(s) in sources]
        yield from _rows(table.filter(pc.is_in(table["source"], value_set=pa.array(known, pa.string()))))


def spread(things: Sequence[T], count: int) -> list[T]:
    """At most `count` of some things, at even distances."""
    places = np.linspace(0, len(things) - 1, min(count, len(things))).round().astype(int) if things else np.zeros(0, int)
    return [things[i] for i in np.unique(places)]


def _first_recordings(rows: pa.Table, clips: int) -> pa.Table:
    """The first recordings of a table that have no more clips together; at least a part of the first one."""
    recordings = rows["recording"].combine_chunks().dictionary_encode().indices.to_numpy()
    borders = [*(np.flatnonzero(np.diff(recordings)) + 1).tolist(), rows.num_rows]
    return rows.slice(0, max([b for b in borders if b <= clips], default=clips))


def _rows(table: pa.Table) -> list[DatasetRow]:
    """Rows of the columns that a table has; the others are empty."""
    return from_table(DatasetRow, conformed(DatasetRow, table, "a version"))
