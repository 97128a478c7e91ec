"""Fetches feeds and JSON for `discover`: small responses with short timeouts."""

from components.discover.items import SourceError
from components.shared import http
from components.shared.http import Answer, HttpError, Limits

LIMITS = Limits(attempts=3, pause_seconds=1.0, connect_seconds=15, read_seconds=30, total_seconds=300, max_bytes=64 * 2**20)
MEDIA_TYPES = ("audio/", "video/")
PAGE_PAUSE_SECONDS = 0.5
"""Pause between pages of one source, the same as in other clients of podbbang's API."""


def fetch(url: str) -> Answer:
    """Returns the response at a URL; `data` is empty for audio and video, which `download` fetches.

    Raises:
        SourceError: The request fails or exceeds LIMITS.
    """
    try:
        return http.fetch(url, LIMITS, skipped_types=MEDIA_TYPES)
    except HttpError as error:
        raise SourceError(str(error)) from None
