"""Parses one feed with feedparser: `python -m components.discover.parser CONTENT_TYPE MEMORY_BYTES SECONDS`.

It reads a document from its input and writes what `discover` needs of it as JSON. Memory and computing time are limited.
It imports little, because it starts anew for every page of a feed.
"""

import gc
import html
import io
import json
import re
import resource
import sys
from typing import Any
from xml.sax import SAXException

import feedparser

from components.discover.encodings import decode

MAX_ENTRIES = 100_000
MAX_CHARACTERS = 20_000
"""Longest text of an entry. Ids are hashed and URLs must be whole, so they are not cut."""
MAX_HEAD = 1_000_000
"""Part of a web page that is searched for feeds."""

_LINK = re.compile(r"<link\b[^>]{0,2000}>", re.IGNORECASE)
_FEED_TYPE = re.compile(r"application/(rss|atom)\+xml", re.IGNORECASE)
_HREF = re.compile(r"""\bhref\s*=\s*["']?([^\s"'>]+)""", re.IGNORECASE)
_HINTS = (
    (re.compile(r"\s*(<\?xml[^>]{0,1000}>\s*)?<opml\b", re.IGNORECASE), "it is a list of feeds (OPML): list its feeds"),
    (re.compile(r"\s*\{"), "a JSON feed is not supported: list the RSS or Atom feed of the show"),
    (re.compile(r"\s*(<!doctype html|<html\b)", re.IGNORECASE), "it is a web page: list the address of the show's RSS feed"),
)
_TEXTS = ("title", "published", "itunes_duration", "license", "podcast_license", "rights")
_REFERENCES = re.compile(r"(?:&#(?:[xX][0-9a-fA-F]+|[0-9]+);?)+")
_REFERENCE = re.compile(r"&#(?:[xX]([0-9a-fA-F]+)|([0-9]+));?")
_DECLARATION = re.compile(r"\s*<\?xml[^>]{0,1000}>")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def parsed(data: bytes, content_type: str = "") -> dict[str, Any]:
    """Parses a document of any kind.

    Returns:
        version: "" if it is no feed.
        problems: What is wrong with it, one line each.
        feed: Title, licenses and links.
        entries: The same for each entry, with its id, when it was updated, and its media: triples of a URL, a stated type and size.
        more: Whether there are more than MAX_ENTRIES.
        feeds: URLs of the feeds that a web page names.
        hint: What to do if it is no feed, or "".
    """
    text, problem = decode(data, content_type)
    if declaration := _DECLARATION.match(text):
        text = text[declaration.end() :]
    text = _NOT_XML.sub("", _REFERENCES.sub(_mended, text))
    # Bytes, because feedparser would open a text as a name. The HTML in descriptions is not used and takes six times as long as the rest.
    document = io.BytesIO(b'<?xml version="1.0" encoding="utf-8"?>\n' + text.encode(errors="ignore"))
    found = feedparser.parse(document, sanitize_html=False, resolve_relative_uris=False)
    problems = [f"its text is damaged: {problem}"] if problem else []
    if isinstance(broken := found.get("bozo_exception"), SAXException):
        problems.append(f"it is not well-formed XML ({broken.getMessage()}): entries may be missing")
    return {
        "version": found.get("version") or "",
        "problems": problems,
        "feed": _described(found.feed),
        "entries": [_entry(entry) for entry in found.entries[:MAX_ENTRIES]],
        "more": len(found.entries) > MAX_ENTRIES,
        "feeds": [
            html.unescape(link[1]) for tag in _LINK.findall(text[:MAX_HEAD]) if _FEED_TYPE.search(tag) and (link := _HREF.search(tag))
        ],
        "hint": next((hint for pattern, hint in _HINTS if pattern.match(text[:MAX_HEAD])), ""),
    }


def _described(found: Any) -> dict[str, Any]:
    """Returns the texts of a feed or an entry, and its links as pairs of rel and URL."""
    texts = {name: str(found.get(name) or "")[:MAX_CHARACTERS] for name in _TEXTS}
    return texts | {"links": [(str(link.get("rel") or ""), str(link.get("href") or "")) for link in found.get("links") or []]}


def _entry(entry: Any) -> dict[str, Any]:
    updated = str(dict.get(entry, "updated") or "")  # feedparser's own `get` would return the date of publication in its place
    return _described(entry) | {"id": entry.get("id") or "", "updated": updated[:MAX_CHARACTERS], "media": _media(entry)}


def _media(entry: Any) -> list[tuple[str, str, str]]:
    found = [(e.get("href"), e.get("type"), e.get("length")) for e in entry.get("enclosures") or []]
    found += [(m.get("url"), m.get("type") or m.get("medium"), m.get("filesize")) for m in entry.get("media_content") or []]
    return [(str(url), str(stated or ""), str(size or "")) for url, stated, size in found if url]


def _mended(run: re.Match[str]) -> str:
    """Puts two references to halves of a character together, and drops references to what is no character."""
    made, half = "", 0
    for reference in _REFERENCE.finditer(run[0]):
        digits, base = (reference[1], 16) if reference[1] else (reference[2], 10)
        number = int(digits, base) if len(digits.lstrip("0")) < 9 else sys.maxunicode + 1
        if half and 0xDC00 <= number < 0xE000:
            made += chr(0x10000 + ((half - 0xD800) << 10) + (number - 0xDC00))
        elif number <= sys.maxunicode and not 0xD800 <= number < 0xE000 and not _NOT_XML.match(chr(number)):
            made += reference[0]
        half = number if 0xD800 <= number < 0xDC00 else 0
    return made


def main() -> None:
    content_type, memory_bytes, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    for limit, most in ((resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(limit, (most, most))
    gc.disable()  # with millions of entries it takes most of the time
    try:
        sys.stdout.write(json.dumps(parsed(sys.stdin.buffer.read(), content_type)))
        sys.stdout.flush()
    except Exception as error:
        raise SystemExit(f"{type(error).__name__}: {error}") from None


if __name__ == "__main__":
    main()
