"""Lists episodes of podbbang.com, page by page, through the JSON API of its own web pages."""

import json
import math
import os
import time
from collections.abc import Iterator, Mapping
from typing import Any

from components.discover.items import Listed, SourceError, link, listed, seconds_of
from components.discover.web import PAGE_PAUSE_SECONDS, fetch
from components.shared.state import state_of

API = "https://app-api6.podbbang.com"
PAGE_SIZE = 20


def list_podbbang(target: str) -> Iterator[Listed]:
    """Yields the episodes of a channel, newest first, or the one episode of `channel/episode`.

    Raises:
        SourceError: One does not exist, or a page cannot be fetched; episodes already yielded count.
    """
    channel, _, episode = target.partition("/")
    name = _get(f"channels/{channel}").get("title")
    for found in _episode(channel, episode) if episode else _episodes(channel):
        yield _listed(channel, name, found)


def _episodes(channel: str) -> Iterator[Mapping[str, Any]]:
    """Yields each episode once. An episode published meanwhile shifts others to a later page, so they repeat."""
    seen, page, pages = set[str](), 0, 1.0
    while page < pages:
        time.sleep(PAGE_PAUSE_SECONDS)
        answer = _get(f"channels/{channel}/episodes?offset={page}&limit={PAGE_SIZE}&sort=desc&episode_id=0&focus_center=0&with=image")
        found, total = _data(answer), _mapping(answer.get("summary")).get("totalCount")
        pages = math.ceil(total / PAGE_SIZE) if isinstance(total, int) else math.inf
        if not found:
            return
        yield from (e for e in found if str(e.get("id")) not in seen)
        if seen.issuperset(ids := {str(e.get("id")) for e in found}):
            return
        seen |= ids
        page += 1


def _episode(channel: str, episode: str) -> Iterator[Mapping[str, Any]]:
    time.sleep(PAGE_PAUSE_SECONDS)
    around = _data(_get(f"channels/{channel}/episodes?episode_id={episode}&focus_center=1&limit=3&sort=desc&with=image"))
    found = [e for e in around if str(e.get("id")) == episode]
    if not found:
        raise SourceError(f"channel {channel} has no episode {episode}")
    yield found[0]


def _listed(channel: str, name: object, episode: Mapping[str, Any]) -> Listed:
    media, number = _mapping(episode.get("media")), str(episode.get("id"))
    url = link(media.get("url"))
    refusal = "podbbang does not offer it for download" if episode.get("canDownload") is False or not url else ""
    return listed(
        "podbbang",
        channel,
        number,
        f"https://www.podbbang.com/channels/{channel}/episodes/{number}" if refusal else url,
        title=episode.get("title"),
        channel=name,
        published=_day(str(episode.get("publishedAt") or "")),
        seconds=seconds_of(media.get("duration")),
        state=state_of(stated_seconds=seconds_of(media.get("duration")), published=episode.get("publishedAt")),
        refusal=refusal,
    )


def _day(text: str) -> str:
    """Returns the date of `2025-12-18 09:05:00`, which is Korean time, or ""."""
    day = text[:10]
    return day if len(day) == 10 and [len(p) for p in day.split("-") if p.isdecimal()] == [4, 2, 2] else ""


def _get(path: str) -> Mapping[str, Any]:
    answer = fetch(f"{os.environ.get('SPEECHMILL_PODBBANG_API', API)}/{path}")
    try:
        return _mapping(json.loads(answer.data))
    except (ValueError, RecursionError):
        raise SourceError(f"expected JSON from podbbang, found {answer.content_type[:60] or 'no content type'}") from None


def _data(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = answer.get("data")
    if not isinstance(found, list):
        raise SourceError("expected a list of episodes from podbbang, found none: its API has changed")
    return [e for e in found if isinstance(e, dict) and e.get("id")]


def _mapping(found: object) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}
