"""How `discover` asks web servers: feeds and JSON, small and soon."""

from components.discover.items import SourceError
from components.shared import http
from components.shared.http import Answer, HttpError, Limits

LIMITS = Limits(attempts=3, pause_seconds=1.0, connect_seconds=15, read_seconds=30, total_seconds=300, max_bytes=64 * 2**20)
MEDIA_TYPES = ("audio/", "video/")
PAGE_PAUSE_SECONDS = 0.5
"""Between the pages of one source: what other users of podbbang's API keep to."""


def fetch(url: str) -> Answer:
    """The response at a URL; `data` is empty if it is audio or video, which `download` fetches.

    Raises:
        SourceError: It cannot be had within LIMITS.
    """
    try:
        return http.fetch(url, LIMITS, skipped_types=MEDIA_TYPES)
    except HttpError as error:
        raise SourceError(str(error)) from None
