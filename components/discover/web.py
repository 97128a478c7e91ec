"""Fetches feeds and JSON for `discover`: small responses with short timeouts."""

from dataclasses import replace

from components.discover.items import SourceError
from components.discover.media import by_type, is_text
from components.shared import http
from components.shared.http import Answer, HttpError, Limits

LIMITS = Limits(attempts=3, pause_seconds=1.0, connect_seconds=15, read_seconds=30, total_seconds=300, max_bytes=64 * 2**20)
_TEXT_BEGINNINGS = (b"<\0", b"\0<", b"\0\0\0<")
"""Of XML in UTF-16 and UTF-32 without a byte order mark."""
PAGE_PAUSE_SECONDS = 0.5
"""Pause between pages of one source, the same as in other clients of podbbang's API."""


def fetch(url: str) -> Answer:
    """Returns the response at a URL. Audio and video are skipped, whatever the server calls them: `download` fetches them.

    Raises:
        SourceError: The request fails or exceeds LIMITS.
    """
    try:
        return http.fetch(url, LIMITS, skip=_is_media)
    except HttpError as error:
        raise SourceError(str(error)) from None


def state_at(url: str) -> str:
    """Returns the state of the file at a URL that its server states, by one request. Raises SourceError if that fails."""
    try:
        return http.state_at(url, replace(LIMITS, attempts=1))
    except HttpError as error:
        raise SourceError(str(error)) from None


def _is_media(content_type: str, start: bytes) -> bool:
    stated = by_type(content_type)
    unclear = stated is None or content_type.startswith("text/plain")  # servers call files so that they do not know
    return bool(stated) or (unclear and bool(start) and not is_text(start) and not start.startswith(_TEXT_BEGINNINGS))
