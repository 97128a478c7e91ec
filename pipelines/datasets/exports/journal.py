"""What an export has written so far, on disk, so that the same export continues after an interruption."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

Line = dict[str, Any]
"""What a manifest says of a clip, by the names of COLUMNS, with `audio`, the file of the clip, and `split`."""


class Journal:
    """A file with one record for each finished file of an export: its split, and the lines of its clips."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.files: Counter[str] = Counter()
        """Finished files of each split."""
        self.clips: Counter[str] = Counter()
        """Clips in the finished files of each split."""
        path.touch()
        whole = 0
        for end, split, lines in self._records():
            whole, self.files[split], self.clips[split] = end, self.files[split] + 1, self.clips[split] + len(lines)
        with path.open("rb+") as file:
            file.truncate(whole)  # the process was killed within a record
        self._file = path.open("ab", buffering=0)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def append(self, split: str, lines: Sequence[Line]) -> None:
        """Adds a file of a split, which is under its name already."""
        self._file.write(json.dumps([split, lines], ensure_ascii=False).encode() + b"\n")
        self.files[split] += 1
        self.clips[split] += len(lines)

    def lines(self, wanted: str | None = None) -> Iterator[Line]:
        """The lines of all clips, or those of a split, in the order in which they were added. One file's lines are in memory at a time."""
        for _, split, lines in self._records():
            if wanted in (None, split):
                yield from lines

    def _records(self) -> Iterator[tuple[int, str, list[Line]]]:
        """Yields the end of each whole record, its split and its lines."""
        with self._path.open("rb") as file, suppress(ValueError):
            while (record := file.readline()).endswith(b"\n"):
                split, lines = json.loads(record)
                yield file.tell(), split, lines
