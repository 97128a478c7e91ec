"""The clips of a version as rows of a page, and their sound before and after the pipeline."""

import dataclasses
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import soundfile

from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow
from components.shared.task import StageError
from pipelines.datasets.sql import QueryError, answer
from store.datasets import DatasetStore, Version, audio_key

FIRST = ("kept", "reason", "text", "speaker", "tone", "seconds", "title", "start", "end")
"""The columns that come first; the others follow in the order of DatasetRow."""
_NOT_SHOWN = ("vector", "word_times", "events_top_probabilities", "samples", "audio_sha256", "before_sha256", "timeline_sha256")
_DIGITS = 4
BEFORE, AFTER = "before", "after"
_ARTIFACTS = "runs/"
_DOWNLOADED = "/recordings/audio/{recording}.flac"
"""The end of the key of a recording among the artifacts of `download`."""


class ClipError(StageError):
    """A sound cannot be given."""


@dataclasses.dataclass(frozen=True)
class Clips:
    """The rows of a page."""

    columns: Sequence[str]
    rows: list[dict[str, Any]]
    """One for each clip: texts, numbers, and true or false, by column; `clip` is its id."""
    left_out: int
    """Number of clips beyond the limit."""


def clips_of(dataset: DatasetStore, version: Version, where: str, limit: int) -> Clips:
    """Returns the clips of a version for which an SQL condition on the columns of DatasetRow holds, by recording and start.

    Raises:
        QueryError: The condition is no condition, or names no column.
    """
    names = [f.name for f in dataclasses.fields(DatasetRow) if f.name not in _NOT_SHOWN]
    columns = [*FIRST, *(name for name in names if name not in FIRST)]
    chosen = ", ".join(f'samples / {SAMPLE_RATE_HZ}.0 AS "seconds"' if name == "seconds" else f'"{name}"' for name in columns)
    condition = f"WHERE ({where})" if where else ""
    query = f'SELECT {chosen}, audio_sha256, before_sha256 FROM clips {condition} ORDER BY recording, "start"'
    try:
        with answer(dataset, version, query) as batches:
            rows, count = _first(batches, limit)
    except QueryError as error:
        raise QueryError(f"--where: expected a condition on columns of clips, such as kept AND dnsmos < 3: {error}") from None
    return Clips(columns, rows, count - len(rows))


def _first(batches: pa.RecordBatchReader, limit: int) -> tuple[list[dict[str, Any]], int]:
    """Returns the first rows, and the number of all."""
    rows: list[dict[str, Any]] = []
    count = 0
    for batch in batches:
        count += batch.num_rows
        wanted = batch.slice(0, max(0, limit - len(rows)))
        rows += [{name: _shown(value) for name, value in row.items()} for row in wanted.to_pylist()]
    return rows, count


def _shown(value: Any) -> Any:
    """A value as JSON can hold it: numbers with four significant digits, lists as texts."""
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if abs(value) < 1000 else round(value, 2)
    return ", ".join(map(str, value)) if isinstance(value, list) else value


class Sounds:
    """Gives the sound of clips as FLAC files in a folder, which a browser can seek in."""

    def __init__(self, dataset: DatasetStore, rows: Sequence[dict[str, Any]], folder: Path) -> None:
        self._dataset, self._folder = dataset, folder
        self._rows = {row["clip"]: (number, row) for number, row in enumerate(rows)}
        self._downloaded: dict[str, str] | None = None

    def file(self, clip: str, which: str) -> Path:
        """Returns the file of a clip: AFTER is as it was published, BEFORE the same time of the recording as downloaded.

        Raises:
            ClipError: There is no such clip, or the run's artifacts with the recording are deleted.
        """
        if clip not in self._rows or which not in (BEFORE, AFTER):
            raise ClipError(f"expected a clip of the page, found {clip!r}")
        number, row = self._rows[clip]
        path = self._folder / f"{number}-{which}.flac"
        if not path.exists():
            path.write_bytes(self._after(row) if which == AFTER else self._before(row))
        return path

    def _after(self, row: dict[str, Any]) -> bytes:
        return self._dataset.store.read(audio_key(self._dataset.name, row["audio_sha256"]))

    def _before(self, row: dict[str, Any]) -> bytes:
        if row["before_sha256"]:
            return self._dataset.store.read(audio_key(self._dataset.name, row["before_sha256"]))
        key = self._recordings().get(row["recording"])
        if key is None:
            raise ClipError(f"recording {row['recording']} as downloaded is not among the artifacts of runs any more")
        start = round(row["start"] * SAMPLE_RATE_HZ)
        with self._dataset.store.open(key) as file:
            sound, rate = soundfile.read(file, start=start, stop=round(row["end"] * SAMPLE_RATE_HZ), dtype="int16", always_2d=True)
        made = BytesIO()
        soundfile.write(made, sound, rate, format="FLAC")
        return made.getvalue()

    def _recordings(self) -> dict[str, str]:
        """Returns the keys of downloaded recordings by recording; of several the one that comes last."""
        if self._downloaded is None:
            self._downloaded = dict(_downloads(self._dataset.store.keys(_ARTIFACTS)))
        return self._downloaded


def _downloads(keys: Iterator[str]) -> Iterator[tuple[str, str]]:
    for key in keys:
        name = key.rpartition("/")[2].removesuffix(".flac")
        if key.endswith(_DOWNLOADED.format(recording=name)):
            yield name, key
