"""Parses the list of sources."""

import hashlib
import os
import re
import unicodedata
import urllib.parse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from components.discover.items import is_web_url
from components.discover.media import by_name, path_of
from components.shared.network import public_url
from components.shared.task import StageError
from store.minio import object_place

_SUPPORTED = (
    "a YouTube video, playlist or channel, a podbbang channel or episode, an http(s) URL of a feed or of media,"
    ' /path, ./path, ~/path, "a path with , or #", s3://bucket/folder, sample:'
)
"""Short enough for a one-line error."""
_ENDS = re.compile(r",|(?:^|(?<=[\s,]))#|$")
"""Where an entry of a line may end: at a comma, at a comment, or with the line."""
_MAX_PATH = 4096
_QUOTED = re.compile(r"""(["'])(?P<entry>.*?)\1\s*(?=,|#|$)""")
_PODCAST = re.compile(r"(?:feed|pcast|itpc|podcast):(?://)?(?P<place>.+)", re.IGNORECASE)
"""Links that open a podcast program. They mean http, or the scheme that follows."""
_PODBBANG = re.compile(r"(?:https?://)?(?:www\.|m\.)?podbbang\.com/(?:ch|channels)/(\d+)(?:/episodes/(\d+))?/?(?:[?#].*)?", re.IGNORECASE)
_YOUTUBE = re.compile(r"(?:https?://)?(?:www\.|m\.|music\.)?(youtube\.com|youtu\.be)(/.*)", re.IGNORECASE)
_YOUTUBE_LIST = re.compile(r"/(?:@[^/]+|(?:channel|c|user)/[^/]+)(?:/[a-z]+)?/?", re.IGNORECASE)
_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")


@dataclass(frozen=True)
class Source:
    """One entry of the list of sources."""

    kind: str
    """video (YouTube), youtube (playlist, channel), podbbang, media, link (feed or media), local, bucket, sample."""
    target: str
    """URL, video id, podbbang channel or channel/episode, absolute path, or s3://bucket/key."""
    name: str
    """The entry without secrets, for logs and tables."""


def parse(text: str) -> list[Source]:
    """Returns the sources in a text in order, each once.

    Commas and line ends separate entries; a comma inside a URL is written %2C. `#` at the start of an
    entry or after a space starts a comment up to the line end. Neither counts inside quotes, nor inside the path of
    a file or folder that exists.

    Raises:
        StageError: An entry is not supported, or there is none.
    """
    found: dict[tuple[str, str], Source] = {}
    for line in text.lstrip("\ufeff").splitlines():
        for entry in _entries(line):
            source = _source(entry)
            found.setdefault((source.kind, source.target), source)
    if not found:
        raise StageError(f"sources: expected at least one, found none. Supported: {_SUPPORTED}")
    return list(found.values())


def sha256_of(sources: Iterable[Source]) -> str:
    """Returns the SHA-256 of the sources, without their secrets and order."""
    names = {source.name if source.kind == "local" else f"{source.kind} {public_url(source.target)}" for source in sources}
    return hashlib.sha256("\n".join(sorted(unicodedata.normalize("NFC", name) for name in names)).encode(errors="replace")).hexdigest()


def _entries(line: str) -> Iterator[str]:
    """Yields the entries of a line."""
    rest = line.strip(" \t,")
    while rest and not rest.startswith("#"):
        if quoted := _QUOTED.match(rest):
            entry, end = quoted["entry"], quoted.end()
        else:
            end = _end(rest)
            entry = rest[:end].strip()
        if entry:
            yield entry
        rest = rest[end:].lstrip(" \t,")


def _end(rest: str) -> int:
    """Returns where the first entry ends: the longest path that exists, else at the first comma or comment."""
    ends = [match.start() for match in _ENDS.finditer(rest)]
    if "://" not in rest[: ends[0]]:
        for end in reversed([end for end in ends if end <= _MAX_PATH]):
            if os.path.exists(located(rest[:end].strip())):  # noqa: PTH110  # pathlib raises for a long name
                return end
    return ends[0]


def located(entry: str) -> str:
    """Returns the path of an entry as the disk has it: macOS writes names in another Unicode form than people type them."""
    return _on_disk(os.path.abspath(os.path.expanduser(entry)))  # noqa: PTH100, PTH111  # pathlib follows symlinks or keeps "..", raises


def _on_disk(path: str) -> str:
    """Returns the path of a file that exists and whose name is the same in NFC, or the path itself."""
    folder, name = os.path.split(path)
    if path.isascii() or os.path.lexists(path) or not name:
        return path
    folder = _on_disk(folder)
    wanted = unicodedata.normalize("NFC", name)
    try:
        same = [n for n in sorted(os.listdir(folder)) if unicodedata.normalize("NFC", n) == wanted]  # noqa: PTH208
    except (OSError, ValueError):
        same = []
    return os.path.join(folder, same[0] if same else name)  # noqa: PTH118


def _source(entry: str) -> Source:
    name = public_url(entry)
    if podcast := _PODCAST.fullmatch(entry):
        entry = podcast["place"] if is_web_url(podcast["place"]) else f"http://{podcast['place']}"
    if entry == "sample:":
        return Source("sample", "", name)
    if entry.startswith("s3://"):
        object_place(entry)  # raises if the bucket's name is invalid
        return Source("bucket", entry, name)
    if match := _PODBBANG.fullmatch(entry):
        return Source("podbbang", "/".join(part for part in match.groups() if part), name)
    if match := _YOUTUBE.fullmatch(entry):
        return _youtube(entry, match[1].lower(), match[2])
    if is_web_url(entry):
        return Source("media" if by_name(path_of(entry)) else "link", entry, name)
    if "://" not in entry and (entry.startswith(("/", "./", "../", "~")) or os.path.exists(located(entry))):  # noqa: PTH110
        return Source("local", located(entry), name)
    raise StageError(f"sources: {name} is not supported. Supported: {_SUPPORTED}")


def _youtube(entry: str, host: str, rest: str) -> Source:
    """Returns the source of a YouTube URL. The URL of a video in a playlist is the video."""
    parts, name = urllib.parse.urlsplit(rest), public_url(entry)
    query = urllib.parse.parse_qs(parts.query)
    steps = [step for step in parts.path.split("/") if step]
    if host == "youtu.be":
        video = steps[0] if len(steps) == 1 else ""
    elif len(steps) == 2 and steps[0] in ("shorts", "live", "diarize", "v"):
        video = steps[1]
    else:
        video = query.get("v", [""])[0] if steps == ["watch"] else ""
    if _VIDEO_ID.fullmatch(video):
        return Source("video", video, name)
    if playlist := query.get("list", [""])[0] if steps in (["playlist"], ["watch"]) else "":
        return Source("youtube", f"https://www.youtube.com/playlist?list={urllib.parse.quote(playlist)}", name)
    if host == "youtube.com" and _YOUTUBE_LIST.fullmatch(parts.path):
        return Source("youtube", f"https://www.youtube.com{parts.path}", name)
    raise StageError(f"sources: {name} is not a YouTube video, playlist or channel. Supported: {_SUPPORTED}")
