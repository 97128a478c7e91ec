"""Lists the recordings of every kind of source."""

import os
from collections.abc import Iterator
from pathlib import Path

import soundfile

from components.discover.bucket import list_bucket
from components.discover.feeds import list_link, list_media, list_sample
from components.discover.items import Listed, SourceError, listed
from components.discover.podbbang import list_podbbang
from components.discover.sources import Source, has_media_suffix
from components.discover.youtube import downloader, list_video, list_youtube
from components.shared.task import report

MAX_STATED_SECONDS = 1e6
"""Upper limit of credible lengths in headers: a header that was not completed states more."""


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
    """Yields a file, or all media files in a folder and its subfolders, sorted; skips symlinks to outside."""
    if path.is_file():
        yield _local(path)
        return
    if not path.is_dir():
        raise SourceError("there is no such file or folder")
    inside, outside = path.resolve(), 0
    for file in sorted(_files(path)):
        if not has_media_suffix(file.name):
            continue
        if file.is_symlink() and not file.resolve().is_relative_to(inside):
            outside += 1
        elif file.is_file():
            yield _local(file)
    if outside:
        report(f"{path}: skipped {outside} symlinks that lead out of the folder")


def _files(folder: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise SourceError(f"the folder {error.filename} cannot be read")

    for parent, _, names in os.walk(folder, onerror=fail, followlinks=False):
        yield from (Path(parent, name) for name in names)


def _local(path: Path) -> Listed:
    try:
        text = str(path)
        text.encode()
    except UnicodeEncodeError:
        return listed("local", "", str(path), "", title=path.name, refusal="expected a UTF-8 name, found another encoding: rename it")
    return listed("local", "", text, text, title=path.name, seconds=_seconds(path))


def _seconds(path: Path) -> float:
    """Returns a file's length by its header; 0 if libsndfile cannot read it: `download` measures it."""
    try:
        seconds = float(soundfile.info(path).duration)
    except (soundfile.LibsndfileError, RuntimeError, OSError):
        return 0.0
    return seconds if 0 < seconds < MAX_STATED_SECONDS else 0.0
