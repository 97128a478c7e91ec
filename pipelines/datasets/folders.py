"""Folders that appear when they are whole, and what is in each folder that is exported."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from components.shared.task import StageError

INCOMPLETE = ".incomplete"
"""End of the name of the folder in which an export is until it is whole."""
MANIFEST = "manifest.jsonl"
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]*")
Describe = Callable[[Path], None]
"""Writes descriptions of an export into its folder, which has all other files."""


class ExportError(StageError):
    """An export cannot be written."""


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
