"""Extracts a model's files from an archive. Names in an archive never become paths; links and devices are skipped."""

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from components.shared.model import File
from components.shared.task import StageError, one_line

BLOCK_BYTES = 1 << 20
MAX_BYTES = 4 << 30
"""Limit for a file of unknown size."""
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, RuntimeError)


def unpack(archive: Path, wanted: Mapping[str, File], folder: Path) -> None:
    """Extracts all wanted files of an archive into a folder; raises StageError as `extract` does, and if a file is missing."""
    found = extract(archive, wanted, folder)
    if missing := [path for path in wanted if path not in found]:
        raise StageError(f"expected {', '.join(wanted)} in {archive}, found no {', '.join(missing)}: it is another archive")


def extract(archive: Path, wanted: Mapping[str, File], folder: Path) -> set[str]:
    """Extracts the wanted files of a tar archive, compressed or not, or a zip archive (such as a wheel) into a folder.

    They may be in any folder of the archive; other files are ignored. Returns the paths of those that the archive has. Raises
    StageError if the archive is damaged or of another kind, or if a file occurs twice or is too large.
    """
    found: set[str] = set()
    try:
        for name, stream in _members(archive):
            path = next((p for p in wanted if f"/{name}".endswith(f"/{p}")), None)
            if path is None:
                continue
            if path in found:
                raise StageError(
                    f"expected one {path} in {archive}, found two: unpack it and name the folder of the right one (--from FOLDER)"
                )
            found.add(path)
            _write(stream, folder / path, wanted[path].bytes or MAX_BYTES, archive)
    except _BROKEN as error:
        if isinstance(error, OSError) and error.errno is not None:  # an error of the disk, not of the archive
            raise
        raise StageError(f"expected a whole tar or zip archive in {archive}, found {one_line(error)}: fetch it again") from None
    return found


def _members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yields the names and contents of the regular files of an archive."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                if not info.is_dir():
                    with opened.open(info) as stream:
                        yield info.filename, stream
        return
    with tarfile.open(archive) as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isreg() else None
            if content:
                yield member.name.removeprefix("./"), content


def _write(stream: IO[bytes], target: Path, max_bytes: int, archive: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with target.open("wb") as file:
        while block := stream.read(BLOCK_BYTES):
            written += len(block)
            if written > max_bytes:
                raise StageError(f"expected at most {max_bytes} bytes of {target.name} in {archive}, found more: it is another file")
            file.write(block)
