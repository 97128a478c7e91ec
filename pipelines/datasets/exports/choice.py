"""Which clips of a version an export holds, and what their lines say."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.rows import DatasetRow
from components.shared.table import from_table
from pipelines.datasets.exports.journal import Line
from pipelines.datasets.exports.kinds import KINDS, LANGUAGE
from pipelines.datasets.exports.lines import GPT_SOVITS_LANGUAGES, gpt_sovits_language
from pipelines.datasets.exports.splits import WHOLE, Splits
from pipelines.datasets.exports.wanted import COLUMNS, Wanted
from pipelines.datasets.facts import Facts, distinct, filled
from pipelines.datasets.folders import ExportError
from pipelines.datasets.sql import answer
from store.datasets import DatasetStore, Version, speaker_names

_ROWS = 1024
_OWN = tuple(f.name for f in fields(DatasetRow) if f.name in COLUMNS)


def chosen(dataset: DatasetStore, facts: Facts, wanted: Wanted) -> pa.Table:
    """The facts of the clips to export, with the column `split`.

    Raises:
        ExportError: There are none, or a split has none.
        QueryError: `where` is no expression on the columns of a clip.
    """
    clips = facts.kept
    if wanted.where:
        with answer(dataset, facts.version, f"SELECT clip FROM clips WHERE kept AND (\n{wanted.where}\n)") as batches:
            clips = clips.filter(pc.is_in(clips["clip"], value_set=batches.read_all()["clip"]))
    found = _usable(clips, KINDS[wanted.kind].needs)
    if not found.num_rows:
        raise ExportError(_none_of(facts, clips, wanted))
    pairs = zip(found["speaker"].to_pylist(), found["recording"].to_pylist(), strict=True)
    splits = pa.array([wanted.splits.of(*pair) if wanted.splits else WHOLE for pair in pairs], pa.string())
    if wanted.splits:
        _check_splits(found, wanted.splits, set(splits.unique().to_pylist()))
    return found.append_column("split", splits)


def _usable(clips: pa.Table, needs: str) -> pa.Table:
    """The clips that a format can hold."""
    if not needs:
        return clips
    found = filled(clips, "text")
    if needs == LANGUAGE:
        known = [tag for tag in found["language"].unique().to_pylist() if gpt_sovits_language(tag)]
        found = found.filter(pc.is_in(found["language"], value_set=pa.array(known, pa.string())))
    return found


def _none_of(facts: Facts, clips: pa.Table, wanted: Wanted) -> str:
    where, name = f"version {facts.version.number} of dataset {facts.dataset}", facts.dataset
    if not facts.kept.num_rows:
        return f"expected kept clips in {where}, found none of {facts.rows.num_rows}: see `speechmill dataset show {name}`"
    if not clips.num_rows:
        return f"--where: expected it to be true for some of the {facts.kept.num_rows} kept clips of {where}, found it true for none"
    needs = KINDS[wanted.kind].needs
    known = f", one of {', '.join(GPT_SOVITS_LANGUAGES)}," if needs == LANGUAGE else ""
    return f"expected kept clips with a {needs}{known} in {where}, found none: run with --transcribe-engine and --discover-again"


def _check_splits(clips: pa.Table, splits: Splits, found: set[str]) -> None:
    """Raises ExportError if a split has no clip: its reader would find no file."""
    if empty := [name for name, _ in splits.shares if name not in found]:
        number = distinct(clips, splits.by)
        other = "--split-by recording, " if splits.by == "speaker" else ""
        raise ExportError(
            f"--split: expected clips in every split, found none in {' and '.join(empty)}, because there are only {number} "
            f"{splits.by}s: try {other}greater shares or fewer splits"
        )


def rows(dataset: DatasetStore, version: Version, clips: pa.Table, wanted: Wanted) -> Iterator[tuple[DatasetRow, Line]]:
    """Yields the rows of clips, each with its line as far as it is known without the sound.

    Those of a recording come together and ordered by start. The same version gives the same order. One block is in memory at a time.
    """
    names, ids = speaker_names(version.lineage), clips["clip"]
    for table in dataset.tables(version):
        own = table.filter(pc.is_in(table["clip"], value_set=ids))
        for start in range(0, own.num_rows, _ROWS):
            for row in from_table(DatasetRow, own.slice(start, _ROWS)):
                known: dict[str, Any] = {"speaker_name": names.get(row.speaker, ""), "dataset": dataset.name, "version": version.number}
                split = wanted.splits.of(row.speaker, row.recording) if wanted.splits else WHOLE
                yield row, {"split": split} | _said(row) | known


def _said(row: DatasetRow) -> Line:
    """A clip's columns, vectors as lists of numbers."""
    times = np.frombuffer(row.word_times, "<f4").reshape(-1, 2)
    return {name: getattr(row, name) for name in _OWN} | {
        "word_times": [[round(float(t), 3) for t in span] for span in times],
        "events_top_probabilities": [round(float(p), 3) for p in np.frombuffer(row.events_top_probabilities, "<f4")],
    }
