"""Lists the recordings of every kind of source."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from components.discover.bucket import list_bucket
from components.discover.feeds import list_link, list_media, list_sample
from components.discover.items import Listed, SourceError, listed, nfc_name
from components.discover.lengths import stated_seconds
from components.discover.media import audio_files
from components.discover.podbbang import list_podbbang
from components.discover.sources import Source
from components.discover.youtube import downloader, list_video, list_youtube
from components.shared.state import state_of
from components.shared.task import report


def list_source(source: Source) -> Iterator[Listed]:
    """Yields the recordings of a source in its own order.

    Raises:
        SourceError: It cannot be listed completely; recordings already yielded count.
    """
    match source.kind:
        case "video":
            yield list_video(source.target)
        case "youtube":
            with downloader() as youtube:
                yield from list_youtube(source.target, youtube)
        case "podbbang":
            yield from list_podbbang(source.target)
        case "media":
            yield list_media(source.target)
        case "link":
            yield from list_link(source.target)
        case "local":
            yield from list_local(Path(source.target))
        case "bucket":
            yield from list_bucket(source.target)
        case "sample":
            yield from list_sample()
        case _:
            raise AssertionError(source.kind)


def list_local(path: Path) -> Iterator[Listed]:
    """Yields a file, or all files in a folder and its subfolders that may be audio, sorted; skips symlinks to outside.

    Raises:
        SourceError: There is no such path, or a part of it cannot be read; recordings already yielded count.
    """
    if path.is_file():
        yield _local(path)
        return
    if not path.is_dir():
        raise SourceError("there is no such file or folder; a path with a comma or # needs quotes")
    found, inside, outside = audio_files(path), path.resolve(), 0
    for file in found.files:
        if file.is_symlink() and not file.resolve().is_relative_to(inside):
            outside += 1
        else:
            yield _local(file)
    if outside:
        report(f"{path}: skipped {outside} symlinks that lead out of the folder")
    if found.told:
        report(f"{path}: {found.told}")
    if found.unreadable:
        more = f" and {len(found.unreadable) - 1} more" if len(found.unreadable) > 1 else ""
        raise SourceError(f"{found.unreadable[0]}{more} cannot be read")


def _local(path: Path) -> Listed:
    try:
        text = str(path)
        text.encode()
    except UnicodeEncodeError:
        return listed("local", "", str(path), "", title=path.name, refusal="expected a UTF-8 name, found another encoding: rename it")
    return listed("local", "", nfc_name(text, os.path.exists), text, title=path.name, seconds=stated_seconds(path), state=_state(path))


def _state(path: Path) -> str:
    """Returns size and time of a file; "" if it is gone meanwhile: `download` gives the reason."""
    try:
        found = path.stat()
    except OSError:
        return ""
    return state_of(bytes=found.st_size, modified=datetime.fromtimestamp(found.st_mtime, UTC).isoformat())
