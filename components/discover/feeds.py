"""Lists the recordings of RSS and Atom feeds, page by page, and of single media URLs."""

import email.utils
import io
import time
import urllib.parse
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.sax import SAXException

import feedparser

from components.discover.items import Listed, SourceError, is_web_url, link, listed, own_id, place_of, query_of, seconds_of
from components.discover.sources import has_media_suffix
from components.discover.web import MEDIA_TYPES, PAGE_PAUSE_SECONDS, fetch
from components.shared.http import Answer
from components.shared.network import public_url
from components.shared.task import one_line, report

SAMPLE = Path(__file__).parent / "sample" / "feed.xml"
MAX_PAGES = 1000


def list_link(url: str) -> Iterator[Listed]:
    """Yields the recordings of the feed at a URL, or one recording if it is audio or video.

    Raises:
        SourceError: It is neither, or a page of the feed fails; recordings already yielded count.
    """
    answer = fetch(url)
    if answer.content_type.startswith(MEDIA_TYPES):
        yield list_media(url)
    else:
        yield from _list_pages(answer, place_of(url))


def list_media(url: str) -> Listed:
    """Returns the recording at a direct URL; its title is the file name."""
    title = Path(urllib.parse.unquote(urllib.parse.urlsplit(url).path)).name
    return listed("media", place_of(url), query_of(url), url, title=title)


def list_sample() -> Iterator[Listed]:
    """Yields the recordings of the bundled feed. Its enclosures name files in `download`'s folder."""
    if not SAMPLE.is_file():
        raise SourceError("expected the bundled sample's feed, found none: this installation is incomplete")
    feed = _parse(SAMPLE.read_bytes(), "", "sample:")
    for entry in feed.entries:
        for name in _enclosures(entry):
            yield _listed("sample", "", entry, feed, name, f"sample:{name}")
            break


def _list_pages(answer: Answer, place: str) -> Iterator[Listed]:
    """Yields the recordings of a feed and of all pages that its rel=next links lead to."""
    seen_pages, seen = {answer.url}, set[str]()
    for _ in range(MAX_PAGES):
        feed = _parse(answer.data, answer.content_type, answer.url)
        new = [entry for entry in _list_entries(feed, answer.url, place) if entry.item.recording not in seen]
        seen |= {entry.item.recording for entry in new}
        yield from new
        following = _next_page(feed, answer.url)
        if not new or not following or following in seen_pages:
            return
        seen_pages.add(following)
        time.sleep(PAGE_PAUSE_SECONDS)
        answer = fetch(following)
    raise SourceError(f"expected at most {MAX_PAGES} pages, found more: only these were read")


def _parse(data: bytes, content_type: str, url: str) -> Any:
    """Parses a feed from bytes, because feedparser would open a text as a URL or a file.

    Skips the HTML in descriptions: it is not used and takes six times as long as the rest.
    """
    headers = {"content-type": content_type} if "charset=" in content_type else {}
    feed = feedparser.parse(io.BytesIO(data), response_headers=headers, sanitize_html=False, resolve_relative_uris=False)
    if not feed.get("version"):
        found = content_type.partition(";")[0] or "no content type"
        raise SourceError(f"expected a feed (RSS or Atom) or audio, found {one_line(found)[:60]}, which is neither")
    if isinstance(feed.get("bozo_exception"), SAXException):
        report(f"{public_url(url)} is not well-formed XML ({one_line(feed.bozo_exception.getMessage())}): entries may be missing")
    return feed


def _next_page(feed: Any, url: str) -> str:
    for reference in feed.feed.get("links", []):
        if reference.get("rel") == "next" and is_web_url(following := _absolute(url, reference.get("href", ""))):
            return following
    return ""


def _list_entries(feed: Any, url: str, place: str) -> Iterator[Listed]:
    silent = 0
    for entry in feed.entries:
        enclosure = next(_enclosures(entry), "")
        if enclosure:
            address = _absolute(url, enclosure)
            own = f"{place_of(address)}?{query_of(address)}" if is_web_url(address) else address
            yield _listed("feed", place, entry, feed, own, address)
        silent += not enclosure
    if silent:
        report(f"{public_url(url)}: {silent} entries without audio")


def _enclosures(entry: Any) -> Iterator[str]:
    """Yields the media links of an entry, without those of another stated type, such as pictures."""
    found = [(e.get("href"), e.get("type")) for e in entry.get("enclosures", [])]
    found += [(m.get("url"), m.get("type") or m.get("medium")) for m in entry.get("media_content", [])]
    for href, stated in found:
        kind = (stated or "").lower()
        path = (href or "").partition("?")[0]
        if href and (kind.startswith(("audio", "video")) or has_media_suffix(path) or kind in ("", "application/octet-stream")):
            yield link(href)


def _listed(kind: str, place: str, entry: Any, feed: Any, fallback_id: str, url: str) -> Listed:
    return listed(
        kind,
        place,
        own_id(entry.get("id", "").strip()) or fallback_id,
        url,
        title=entry.get("title"),
        channel=feed.feed.get("title"),
        published=_date(entry),
        licence=_licence(entry) or _licence(feed.feed),
        seconds=seconds_of(entry.get("itunes_duration")),
    )


def _absolute(base: str, href: str) -> str:
    try:
        return urllib.parse.urljoin(base, link(href))
    except ValueError:
        return link(href)


def _date(entry: Any) -> str:
    """Returns the publication date in the feed's own time zone, because shows are named by that date."""
    text = entry.get("published", "").strip()
    for read in (email.utils.parsedate_to_datetime, datetime.fromisoformat):
        try:
            return read(text).date().isoformat()
        except (ValueError, OverflowError):
            continue
    parsed = entry.get("published_parsed")
    return f"{parsed.tm_year:04d}-{parsed.tm_mon:02d}-{parsed.tm_mday:02d}" if parsed else ""


def _licence(stated: Any) -> str:
    """Returns the most specific license that an entry or a feed states, or ""."""
    links = [reference.get("href", "") for reference in stated.get("links", []) if reference.get("rel") == "license"]
    return next((text for text in (*links, *(stated.get(k) for k in ("license", "podcast_license", "rights"))) if text), "")
