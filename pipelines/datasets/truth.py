"""Reads ground truth from files: the tones of stretches of recordings."""

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.shared.task import StageError, one_line
from store.truth import Truth

_COLUMNS = ("source", "start", "end", "tone")


def read_truth_file(path: Path) -> list[Truth]:
    """Returns the rows of a CSV file with the header source,start,end,tone, or of a JSON lines file with these keys, in UTF-8.

    Raises StageError, with the line, if the file is not valid.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise StageError(f"expected UTF-8 text in {path}, could not read it: {one_line(error)}") from None
    rows = [_row(line, fields, path) for line, fields in (_json_lines if text.lstrip().startswith("{") else _csv_lines)(text, path)]
    if not rows:
        raise StageError(f"expected stretches of recordings with their tones in {path}, found none")
    return rows


def _csv_lines(text: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(text.splitlines())
    if sorted(reader.fieldnames or ()) != sorted(_COLUMNS):
        raise StageError(f"expected the header {','.join(_COLUMNS)} in {path}, found {one_line(','.join(reader.fieldnames or ()))!r}")
    yield from ((reader.line_num, fields) for fields in reader)


def _json_lines(text: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield number, dict(json.loads(line))
            except (ValueError, TypeError) as error:
                raise StageError(f"expected a JSON object in line {number} of {path}, found something else ({error})") from None


def _row(line: int, fields: dict[str, Any], path: Path) -> Truth:
    found = one_line(list(fields.values()))
    wrong = StageError(f"expected a source, a start and a later end in seconds, and a tone in line {line} of {path}, found {found}")
    if sorted(map(str, fields)) != sorted(_COLUMNS) or not all(isinstance(fields[name], str) for name in ("source", "tone")):
        raise wrong
    try:
        row = Truth(fields["source"].strip(), float(fields["start"]), float(fields["end"]), fields["tone"].strip())
    except (TypeError, ValueError):
        raise wrong from None
    if not row.source or not 0 <= row.start < row.end or not math.isfinite(row.end):
        raise wrong
    return row
