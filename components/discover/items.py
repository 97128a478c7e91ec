"""What a source lists: recordings with ids that stay the same, and texts of strangers made fit for tables."""

import hashlib
import re
import unicodedata
import urllib.parse
from dataclasses import dataclass

from components.shared.network import public_url
from components.shared.rows import Item

MAX_TEXT = 500
_DURATION = re.compile(r"(?:(?:(\d{1,6}):)?(\d{1,6}):)?(\d{1,9}(?:\.\d+)?)", re.ASCII)
_NO_TEXT = {"Cc", "Cs", "Zl", "Zp"}


class SourceError(Exception):
    """A source cannot be listed, or not to its end: the reason in one line, without secrets."""


@dataclass(frozen=True)
class Listed:
    """One recording of a source as it is listed now, with the reason if it cannot be fetched."""

    item: Item
    refusal: str = ""


def recording_id(kind: str, place: str, own: str) -> str:
    """A recording's id: 16 hex digits of a hash of its kind, the place that gives out ids, and its own id there.

    The place is the feed's host and path (`place_of`), podbbang's channel, an object's bucket, and nothing for YouTube, whose ids are its
    own, for local files, whose id is their absolute path, and for the bundled sample. A direct URL is its own place;
    its own id is the rest, since `download.php?id=7` and `?id=8` are two recordings.
    """
    return hashlib.sha256("\n".join((kind, place, own)).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def place_of(url: str) -> str:
    """Host without port and path without query: what a feed is known by, whatever key it is fetched with."""
    parts = urllib.parse.urlsplit(url)
    return f"{parts.hostname or ''}{parts.path or '/'}"


def query_of(url: str) -> str:
    """The query, sorted, without what changes while the recording stays: signatures, keys and the time they end."""
    return "&".join(sorted(urllib.parse.urlsplit(public_url(url)).query.split("&")))


def own_id(guid: str) -> str:
    """An id as a feed gives it. Of one that is a URL, scheme and port are left out: they may change."""
    if not is_web_url(guid):
        return guid
    parts = urllib.parse.urlsplit(guid)
    return f"{place_of(guid)}?{parts.query}#{parts.fragment}"


def is_web_url(text: str) -> bool:
    """Whether the text is a URL with http or https and a host."""
    try:
        parts = urllib.parse.urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets or a port that are none
        return False


def clean(text: object) -> str:
    """A text from outside: Unicode NFC, on one line, without control characters, at most MAX_TEXT characters."""
    shown = "".join(c for c in str(text or "") if c.isspace() or unicodedata.category(c) not in _NO_TEXT)
    return unicodedata.normalize("NFC", " ".join(shown.split()))[:MAX_TEXT].rstrip()


def link(text: object) -> str:
    """A URL from outside without the control characters and lone surrogates that none may hold."""
    return "".join(c for c in str(text or "").strip() if unicodedata.category(c) not in _NO_TEXT)


def seconds_of(text: object) -> float:
    """A length written as seconds, minutes:seconds or hours:minutes:seconds; 0 is unknown."""
    match = _DURATION.fullmatch(str(text or "").strip())
    if not match:
        return 0.0
    hours, minutes, seconds = match.groups()
    return int(hours or 0) * 3600.0 + int(minutes or 0) * 60.0 + float(seconds)


def listed(
    kind: str, place: str, own: str, url: str, *, title: object = "", channel: object = "", published: str = "", licence: object = "",
    seconds: float = 0.0, refusal: str = "",
) -> Listed:  # fmt: skip
    """A recording with its id; refused unless it is a file of the user's, an object of a bucket, of the sample, or a web URL."""
    if not refusal and kind not in ("local", "bucket", "sample") and not is_web_url(url):
        url = clean(url)
        refusal = f"expected an http or https link to its audio, found {url[:60] or 'none'}"
    item = Item(recording_id(kind, place, own), kind, url, clean(title), clean(channel), published, clean(licence), seconds, 0)
    return Listed(item, refusal)
