"""Lists the recordings of RSS and Atom feeds, page by page, and of single media URLs."""

import email.utils
import time
import urllib.parse
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from components.discover.dates import day_of
from components.discover.items import (
    Listed,
    SourceError,
    clean,
    is_web_url,
    link,
    listed,
    media_of,
    own_id,
    place_of,
    query_of,
    seconds_of,
    with_own_id,
)
from components.discover.media import by_name, by_type, link_may_be_audio, path_of
from components.discover.reader import read_feed
from components.discover.web import PAGE_PAUSE_SECONDS, fetch
from components.shared.http import Answer
from components.shared.network import public_url
from components.shared.state import state_of
from components.shared.task import one_line, report

SAMPLE = Path(__file__).parent / "sample" / "feed.xml"
MAX_PAGES = 1000
MAX_ENTRIES = 100_000
"""Largest number of entries of a feed with all its pages."""

MAX_SECONDS = 1200
"""Longest time for the pages of a feed: the stage has two hours for all sources."""

Described = Mapping[str, Any]
"""A feed or an entry, as `parser.parsed` describes it."""


def list_link(url: str) -> Iterator[Listed]:
    """Yields the recordings of the feed at a URL, or one recording if it is audio or video.

    Raises:
        SourceError: It is neither, or a page of the feed fails; recordings already yielded count.
    """
    answer = fetch(url)
    if answer.skipped:
        yield list_media(url)
    else:
        yield from _list_pages(answer, place_of(url))


def list_media(url: str) -> Listed:
    """Returns the recording at a direct URL; its title is the file name."""
    return listed("media", place_of(url), query_of(url), url, title=PurePosixPath(path_of(url)).name)


def list_sample() -> Iterator[Listed]:
    """Yields the recordings of the bundled feed. Its enclosures name files in `download`'s folder."""
    if not SAMPLE.is_file():
        raise SourceError("expected the bundled sample's feed, found none: this installation is incomplete")
    found = _read(SAMPLE.read_bytes(), "", "sample:")
    for entry in found["entries"]:
        if name := _audio(entry["media"])[0]:
            yield _listed("sample", "", entry, found["feed"], name, f"sample:{name}")


def _list_pages(answer: Answer, place: str) -> Iterator[Listed]:
    """Yields the recordings of a feed and of all pages that its rel=next links lead to."""
    seen_pages, seen, shared, started = {answer.url}, set[str](), set[str](), time.monotonic()
    for _ in range(MAX_PAGES):
        found = _read(answer.data, answer.content_type, answer.url)
        entries = _told_apart(list(_list_entries(found, answer.url, place)), shared)
        new = [entry for entry in entries if entry.item.recording not in seen]
        seen |= {entry.item.recording for entry in new}
        yield from new
        if found["more"] or len(seen) > MAX_ENTRIES:
            raise SourceError(f"expected at most {MAX_ENTRIES} entries, found more: only these were read")
        following = _next_page(found["feed"], answer.url)
        if not new or not following or following in seen_pages:
            return
        if time.monotonic() - started > MAX_SECONDS:
            raise SourceError(f"expected its pages within {MAX_SECONDS} s, found more: only {len(seen_pages)} were read")
        seen_pages.add(following)
        time.sleep(PAGE_PAUSE_SECONDS)
        answer = fetch(following)
    raise SourceError(f"expected at most {MAX_PAGES} pages, found more: only these were read")


def _read(data: bytes, content_type: str, url: str) -> Described:
    """Parses a feed and reports what is wrong with it. Raises SourceError if it is none."""
    found = read_feed(data, content_type)
    if not found["version"]:
        kind = content_type.partition(";")[0] or "no content type"
        raise SourceError(f"expected a feed (RSS or Atom) or audio, found {one_line(kind)[:60]}, which is neither{_hint(found, url)}")
    for problem in found["problems"]:
        report(f"{public_url(url)}: {one_line(problem)}")
    return found


def _hint(found: Described, url: str) -> str:
    """Says what to list in place of a page that is no feed."""
    if feeds := [feed for href in found["feeds"] if is_web_url(feed := _absolute(url, href))]:
        return f": list the feed that this page names, {one_line(public_url(feeds[0]))}"
    return f": {found['hint']}" if found["hint"] else ""


def _told_apart(entries: list[Listed], shared: set[str]) -> Iterator[Listed]:
    """Yields a page's entries. Those with the same id but other media get ids of their own: some shows state one id for all.

    `shared` holds such ids of the pages before; the page's own are added.
    """
    media = defaultdict(set)
    for entry in entries:
        media[entry.item.recording].add(media_of(entry.item.url))
    shared |= {recording for recording, found in media.items() if len(found) > 1}
    yield from (with_own_id(entry) if entry.item.recording in shared else entry for entry in entries)


def _next_page(feed: Described, url: str) -> str:
    return next((page for rel, href in feed["links"] if rel == "next" and is_web_url(page := _absolute(url, href))), "")


def _list_entries(found: Described, url: str, place: str) -> Iterator[Listed]:
    left_out: Counter[str] = Counter()
    for entry in found["entries"]:
        enclosure, size = _audio(entry["media"])
        if enclosure:
            address = _absolute(url, enclosure)
            yield _listed("feed", place, entry, found["feed"], media_of(address), address, _state(entry, size))
        else:
            href, stated, _ = entry["media"][0] if entry["media"] else ("", "", "")
            left_out[clean(stated or PurePosixPath(path_of(href)).suffix)[:40] or "without a link"] += 1
    if left_out:
        kinds = ", ".join(f"{count} {kind}" for kind, count in left_out.most_common(10))
        report(f"{public_url(url)}: left out {left_out.total()} entries without audio: {kinds}")


def _audio(media: Iterable[tuple[str, str, str]]) -> tuple[str, str]:
    """Returns the link of an entry that may be audio and its stated size, or "" and "".

    Types that say nothing come before types that say something odd.
    """
    found = [(link(href), stated, size) for href, stated, size in media if link_may_be_audio(href, stated)]
    clear = [f for f in found if by_type(f[1]) or by_name(path_of(f[0])) or f[1] in ("", "application/octet-stream")]
    href, _, size = next(iter([*clear, *found]), ("", "", ""))
    return href, size


def _state(entry: Described, size: str) -> str:
    """Returns what an entry says of its file: size and length, and its dates, which hosts change with the file."""
    return state_of(
        stated_bytes=int(size) if size.isascii() and size.isdecimal() and len(size) < 19 else 0,
        stated_seconds=seconds_of(entry["itunes_duration"]),
        published=_moment(entry["published"]),
        updated=_moment(entry["updated"]),
    )


def _moment(text: str) -> str:
    """Returns a date and time in UTC, in ISO 8601, so that two forms of the same moment are equal; another text as it is."""
    for read in (email.utils.parsedate_to_datetime, datetime.fromisoformat):
        with suppress(ValueError, OverflowError):
            found = read(text.strip())
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    return text


def _listed(kind: str, place: str, entry: Described, feed: Described, fallback_id: str, url: str, state: str = "") -> Listed:
    return listed(
        kind,
        place,
        own_id(entry["id"].strip()) or fallback_id,
        url,
        title=entry["title"],
        channel=feed["title"],
        published=day_of(entry["published"]),
        licence=_licence(entry) or _licence(feed),
        seconds=seconds_of(entry["itunes_duration"]),
        state=state,
    )


def _absolute(base: str, href: str) -> str:
    try:
        return urllib.parse.urljoin(base, link(href))
    except ValueError:
        return link(href)


def _licence(stated: Described) -> str:
    """Returns the most specific license that an entry or a feed states, or ""."""
    links = [href for rel, href in stated["links"] if rel == "license"]
    return next((text for text in (*links, *(stated[k] for k in ("license", "podcast_license", "rights"))) if text), "")
