"""Parses the list of sources."""

import os
import re
import urllib.parse
from dataclasses import dataclass

from components.discover.items import is_web_url
from components.shared.network import public_url
from components.shared.task import StageError
from store.minio import object_place

_MEDIA_NAME = re.compile(
    r".*\.(?:3gp|aac|ac3|aiff?|amr|ape|au|avi|caf|flac|flv|m4[abv]|mk[av]|mov|mp[234]|mpe?g|og[agv]|opus|ts|w64|wav|webm|wm[av]|wv)",
    re.IGNORECASE | re.DOTALL,
)
_SUPPORTED = (
    "a YouTube video, playlist or channel, a podbbang channel or episode, an http(s) URL of a feed or of media,"
    " /path, ./path, ~/path, s3://bucket/folder, sample:"
)
"""Short enough for a one-line error."""
_COMMENT = re.compile(r"(?:^|(?<=[\s,]))#.*")
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
    entry or after a space starts a comment up to the line end.

    Raises:
        StageError: An entry is not supported, or there is none.
    """
    entries = [entry.strip() for line in text.lstrip("\ufeff").splitlines() for entry in _COMMENT.sub("", line).split(",")]
    found: dict[tuple[str, str], Source] = {}
    for source in (_source(entry) for entry in entries if entry):
        found.setdefault((source.kind, source.target), source)
    if not found:
        raise StageError(f"sources: expected at least one, found none. Supported: {_SUPPORTED}")
    return list(found.values())


def _source(entry: str) -> Source:
    name = public_url(entry)
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
        return Source("media" if has_media_suffix(urllib.parse.urlsplit(entry).path) else "link", entry, name)
    if "://" not in entry:
        path = os.path.expanduser(entry)  # noqa: PTH111  # pathlib raises for an unknown user
        if entry.startswith(("/", "./", "../", "~")) or os.path.exists(path):  # noqa: PTH110  # pathlib raises for a long name
            return Source("local", os.path.abspath(path), name)  # noqa: PTH100  # pathlib follows symlinks or keeps ".."
    raise StageError(f"sources: {name} is not supported. Supported: {_SUPPORTED}")


def has_media_suffix(path: str) -> bool:
    """Checks whether a path ends in the suffix of an audio or video file."""
    return bool(_MEDIA_NAME.fullmatch(urllib.parse.unquote(path)))


def _youtube(entry: str, host: str, rest: str) -> Source:
    """Returns the source of a YouTube URL. The URL of a video in a playlist is the video."""
    parts, name = urllib.parse.urlsplit(rest), public_url(entry)
    query = urllib.parse.parse_qs(parts.query)
    steps = [step for step in parts.path.split("/") if step]
    if host == "youtu.be":
        video = steps[0] if len(steps) == 1 else ""
    elif len(steps) == 2 and steps[0] in ("shorts", "live", "embed", "v"):
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
