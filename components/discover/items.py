"""Listed recordings, their stable ids, and cleaned texts from outside."""

import hashlib
import re
import unicodedata
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, replace

from components.shared.network import public_url
from components.shared.rows import Item

MAX_TEXT = 500
MAX_URL = 8192
"""Longest URL that is fetched. Servers refuse longer ones."""
MAX_STATED_SECONDS = 1e6
"""Upper limit of credible lengths, 11 days: a header that was not completed states more."""
_DURATION = re.compile(r"(?:(?:(\d{1,6}):)?(\d{1,6}):)?(\d{1,9}(?:\.\d+)?)", re.ASCII)
_NO_TEXT = {"Cc", "Cs", "Zl", "Zp"}


class SourceError(Exception):
    """A source cannot be listed completely. The message is one line without secrets."""


@dataclass(frozen=True)
class Listed:
    """A recording as its source lists it now, with the reason if it cannot be fetched."""

    item: Item
    refusal: str = ""
    media_sha256: str = ""
    """SHA-256 of its file, if it had to be compared with the one that the dataset has."""


def recording_id(kind: str, place: str, own: str) -> str:
    """Returns a recording's id: 16 hex digits of a hash of its kind, its place and its own id there.

    The place is a feed's host and path (`place_of`), a podbbang channel or a bucket. It is empty for
    YouTube, the bundled sample and local files, whose own id is the absolute path in NFC. A direct URL
    has its host and path as place and its query as own id: `download.php?id=7` and `?id=8` differ.
    """
    return hashlib.sha256("\n".join((kind, place, own)).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def place_of(url: str) -> str:
    """Returns host without port and path without query, which identify a feed whatever its key."""
    parts = urllib.parse.urlsplit(url)
    return f"{parts.hostname or ''}{parts.path or '/'}"


def query_of(url: str) -> str:
    """Returns the sorted query without signatures, keys and expiry times, which change."""
    return "&".join(sorted(urllib.parse.urlsplit(public_url(url)).query.split("&")))


def own_id(guid: str) -> str:
    """Returns the id that a feed gives. A URL loses its scheme and port, which may change."""
    if not is_web_url(guid):
        return guid
    parts = urllib.parse.urlsplit(guid)
    return f"{place_of(guid)}?{parts.query}#{parts.fragment}"


def media_of(url: str) -> str:
    """Returns what names a medium: host and path of a web URL, and its query without signatures; another text as it is."""
    return f"{place_of(url)}?{query_of(url)}" if is_web_url(url) else url


def nfc_name(path: str, exists: Callable[[str], bool]) -> str:
    """Returns a path's name for its id: in NFC, since macOS writes the same names in NFD. A file beside it with that name keeps it."""
    composed = unicodedata.normalize("NFC", path)
    return path if composed != path and exists(composed) else composed


def is_web_url(text: str) -> bool:
    """Checks whether a text is an http or https URL with a host."""
    try:
        parts = urllib.parse.urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # invalid brackets or port
        return False


def clean(text: object) -> str:
    """Returns a text as one line of Unicode NFC without control characters, cut to MAX_TEXT characters."""
    shown = "".join(c for c in str(text or "") if c.isspace() or unicodedata.category(c) not in _NO_TEXT)
    return unicodedata.normalize("NFC", " ".join(shown.split()))[:MAX_TEXT].rstrip()


def link(text: object) -> str:
    """Returns a URL without control characters and lone surrogates, which are invalid in URLs."""
    return "".join(c for c in str(text or "").strip() if unicodedata.category(c) not in _NO_TEXT)


def seconds_of(text: object) -> float:
    """Parses a length written as seconds, minutes:seconds or hours:minutes:seconds; 0 is unknown."""
    match = _DURATION.fullmatch(str(text or "").strip())
    if not match:
        return 0.0
    hours, minutes, seconds = match.groups()
    stated = int(hours or 0) * 3600.0 + int(minutes or 0) * 60.0 + float(seconds)
    return stated if stated < MAX_STATED_SECONDS else 0.0


def with_own_id(entry: Listed) -> Listed:
    """Returns a recording with an id that its medium makes its own, where its id is that of others as well."""
    item = entry.item
    return replace(entry, item=replace(item, recording=recording_id(item.kind, item.recording, media_of(item.url))))


def listed(
    kind: str, place: str, own: str, url: str, *, title: object = "", channel: object = "", published: str = "", licence: object = "",
    seconds: float = 0.0, refusal: str = "", state: str = "",
) -> Listed:  # fmt: skip
    """Returns a recording with its id. It is refused if its kind needs a web URL and it has none."""
    if not refusal and kind not in ("local", "bucket", "sample") and not (is_web_url(url) and len(url) <= MAX_URL):
        url = clean(url)
        refusal = f"expected an http or https link to its audio, found {url[:60] or 'none'}"
    item = Item(recording_id(kind, place, own), kind, url, clean(title), clean(channel), published, clean(licence), seconds, 0, state)
    return Listed(item, refusal)
