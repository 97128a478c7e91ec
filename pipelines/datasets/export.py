"""Writes recordings and tables as files for people, and folders that appear when they are whole. exports/ writes clips.

A recording may last hours: ffmpeg converts it as a stream.
"""

import csv
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from components.shared.audio import ffmpeg, ffmpeg_input
from components.shared.task import StageError, one_line

LOSSY_BITRATE = "192k"
INCOMPLETE = ".incomplete"
"""End of the name of the folder in which an export is until it is whole."""
MANIFEST = "manifest.jsonl"
AUDIO_SUFFIXES = (".flac", ".wav", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".wma")
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]*")
Describe = Callable[[Path], None]
"""Writes descriptions of an export into its folder, which has all other files."""


class ExportError(StageError):
    """An export cannot be written."""


def convert(flac: Path, target: Path) -> None:
    """Converts a FLAC file of any length to the format of the target's suffix, one of AUDIO_SUFFIXES."""
    if target.suffix.casefold() == ".flac":
        shutil.copyfile(flac, target)
    else:
        subprocess.run([ffmpeg(), *ffmpeg_input(flac), "-b:a", LOSSY_BITRATE, f"file:{target}"], check=True)


def empty_folder(folder: Path) -> Path:
    """Returns the folder, made if it does not exist; raises ExportError if it is not empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportError(f"expected an empty or a new folder to write to, found files in {folder}: name another one")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def whole(folder: Path, what: str, describe: Describe | None = None) -> Iterator[Path]:
    """Yields a folder for files, which becomes `folder` when the `with` block ends without an error.

    Until then it is in `.<name>.incomplete` beside `folder`. If `folder` is there, it may be where another disk is mounted: then it is
    in INCOMPLETE inside, and at the end its files move to `folder`, the manifest last. After an interruption, the files of the same
    export (`what`) are yielded again, and those of another one deleted.

    Args:
        folder: A new or an empty folder.
        what: Everything on which the files depend.
        describe: Called with the folder when all other files are in it.

    Raises:
        ExportError: The folder holds other files.
    """
    part = folder / INCOMPLETE if folder.exists() else folder.with_name(f".{folder.name}{INCOMPLETE}")
    files, note = part / "files", part / "export.txt"
    if not files.exists() or not note.exists() or note.read_text(encoding="utf-8") != what:
        shutil.rmtree(part, ignore_errors=True)
        if folder.exists():
            empty_folder(folder)
        files.mkdir(parents=True)
        note.write_text(what, encoding="utf-8")
    yield files
    if describe:
        describe(files)
    if folder.exists():
        for path in sorted((p for p in files.rglob("*") if p.is_file()), key=lambda p: p.name == MANIFEST):
            target = folder / path.relative_to(files)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
    else:
        files.rename(folder)
    shutil.rmtree(part)


def checked(name: str, kind: str) -> str:
    """Returns an id that becomes a file's name. Raises ExportError if it may be a path; `kind` says whose ids these are."""
    if not _NAME.fullmatch(name):
        raise ExportError(f"expected ids of {kind} of letters, digits, - and _, found {name!r}: the dataset's table is damaged")
    return name


def write_csv(path: Path, columns: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
    """Writes a table with a header; times are in seconds, missing values are empty."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(lines)


def write_textgrid(path: Path, spans: Iterable[tuple[float, float, str]], seconds: float, tier: str) -> None:
    """Writes a Praat TextGrid with one interval tier in the short text format; gaps between spans get empty labels."""
    intervals: list[tuple[float, float, str]] = []
    at = 0.0
    for start, end, label in [*spans, (seconds, seconds, "")]:
        if start > at:
            intervals.append((at, start, ""))
        if end > start:
            intervals.append((start, end, label))
        at = end
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "0", str(seconds), "<exists>", "1", '"IntervalTier"']
    lines += [f'"{tier}"', "0", str(seconds), str(len(intervals))]
    lines += [line for start, end, label in intervals for line in (str(start), str(end), f'"{_quoted(label)}"')]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _quoted(label: str) -> str:
    """Escapes a label for Praat's quotes, on one line."""
    return one_line(label).replace('"', '""')
