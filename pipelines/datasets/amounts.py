"""What the clips of a version add up to, from few columns of one block at a time."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow
from components.shared.table import schema, sums_by
from store.blocks import DECIDED
from store.datasets import DatasetStore, Version
from store.decisions import File
from store.version_rows import Recorded

KEPT_BY = ("gender", "speaker", "tone", "language")
"""The columns by which `dataset show` lists kept seconds."""


def kept_seconds(dataset: DatasetStore, version: Version, columns: Sequence[str] = KEPT_BY) -> dict[str, dict[str, float]]:
    """The kept seconds of a version by each value of some columns, the longest first."""
    return in_seconds(kept_samples(dataset, version, dataset.files(version), columns))


def kept_samples(
    dataset: DatasetStore, version: Version, blocks: Iterable[str], columns: Sequence[str] = KEPT_BY
) -> dict[str, Counter[str]]:
    """The kept samples in some blocks of a version by each value of some columns."""
    files, total = dataset.files(version), {c: Counter[str]() for c in columns}
    for block in blocks:
        rows = _kept(dataset, version, files[block], columns)
        for column in columns:
            total[column].update({value: samples for (value,), samples, _ in sums_by(rows, [column])})
    return total


def _kept(dataset: DatasetStore, version: Version, file: File, columns: Sequence[str]) -> pa.Table:
    """The column `samples` and these columns of the kept clips of a block.

    Decisions and measurements are in the order of their clips. If the block has no clip that was replaced since, the ids need not
    be read, which are most of the bytes.
    """
    wanted = [f for f in schema(DatasetRow) if f.name in ("samples", *columns)]
    decisions = dataset.table.read(file, {"samples", "kept", *columns})
    measures = dataset.blocks.read(file.block, [c for c in columns if c not in DECIDED])
    if measures.num_rows == decisions.num_rows:
        rows = pa.table([(decisions if f.name in decisions.column_names else measures)[f.name] for f in wanted], schema=pa.schema(wanted))
    else:
        rows = dataset.rows_of(version, file.block, [f.name for f in wanted])
    return rows.filter(decisions["kept"])


def in_seconds(samples: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, float]]:
    """Samples as seconds, the longest first."""
    return {c: {v: n / SAMPLE_RATE_HZ for v, n in Counter(by_value).most_common()} for c, by_value in samples.items()}


def recordings_with_kept_clips(dataset: DatasetStore, version: Version) -> tuple[int, int]:
    """Number of recordings of a version that have kept clips, and of all that have audio."""
    rows = dataset.blocks.read_table(Recorded, version.recordings, ["recording", "kept_samples"])
    return pc.sum(pc.greater(rows["kept_samples"], 0)).as_py() or 0, rows.num_rows
