"""Lists YouTube playlists and channels with yt-dlp, without a request per video."""

import re
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from components.discover.items import Listed, SourceError, listed, seconds_of
from components.shared.network import public_text
from components.shared.task import one_line, report

_OPTIONS: dict[str, Any] = {
    "allowed_extractors": ["youtube.*"],
    "cachedir": False,
    "color": "never",
    "extract_flat": "in_playlist",
    "extractor_retries": 3,
    "noprogress": True,
    "quiet": True,
    "skip_download": True,
    "sleep_interval_requests": 0.5,
    "socket_timeout": 30,
}


def downloader() -> Any:
    """Creates a YoutubeDL that lists but does not download media."""
    from yt_dlp import YoutubeDL

    quiet = dict.fromkeys(("debug", "info", "error"), lambda _: None)
    warning = {"warning": lambda text: report(f"yt-dlp: {one_line(public_text(text))}")}
    return YoutubeDL(_OPTIONS | {"logger": SimpleNamespace(**quiet, **warning)})


def list_video(video: str) -> Listed:
    """Returns the recording of a video id, without any request."""
    return listed("youtube", "", video, f"https://www.youtube.com/watch?v={video}")


def list_youtube(url: str, youtube: Any) -> Iterator[Listed]:
    """Yields the videos of a playlist or of all tabs of a channel, in YouTube's order.

    Skips live streams that have not ended. `youtube` is a `downloader()`.

    Raises:
        SourceError: yt-dlp cannot list it.
    """
    from yt_dlp.utils import YoutubeDLError

    try:
        found = youtube.extract_info(url, download=False)
        if not found or found.get("entries") is None:
            raise SourceError("expected a playlist or channel, found neither")
        entries = list(_videos(found, {}, youtube))
    except YoutubeDLError as error:
        message = re.sub(r"^ERROR: |;? ?please report this issue on.*", "", str(error), flags=re.DOTALL)
        raise SourceError(one_line(public_text(message))) from None
    live = [e for e in entries if e.get("live_status") in ("is_live", "is_upcoming")]
    if live:
        report(f"{url}: skipped {len(live)} live streams that have not ended; a later run lists them")
    yield from (_listed(e) for e in entries if e not in live)


def _videos(found: Mapping[str, Any], above: Mapping[str, Any], youtube: Any) -> Iterator[Mapping[str, Any]]:
    """Yields the videos of a listing and its nested listings (a channel's tabs), with the channel's name."""
    names = {"channel": found.get("channel") or found.get("uploader") or above.get("channel")}
    for entry in found.get("entries") or ():
        if not entry:
            continue
        if entry.get("entries") is None and entry.get("_type") in ("url", "url_transparent") and not _is_video(entry):
            entry = youtube.extract_info(entry["url"], download=False) or {}
        if entry.get("entries") is not None:
            yield from _videos(entry, names, youtube)
        elif entry.get("id"):
            yield {**entry, "channel": entry.get("channel") or entry.get("uploader") or names["channel"]}


def _is_video(entry: Mapping[str, Any]) -> bool:
    return entry.get("ie_key") == "Youtube" or (entry.get("ie_key") is None and "watch?v=" in entry.get("url", ""))


def _listed(entry: Mapping[str, Any]) -> Listed:
    video, day = str(entry["id"]), str(entry.get("upload_date") or "")
    return listed(
        "youtube",
        "",
        video,
        f"https://www.youtube.com/watch?v={video}",
        title=entry.get("title"),
        channel=entry.get("channel"),
        published=f"{day[:4]}-{day[4:6]}-{day[6:]}" if re.fullmatch(r"\d{8}", day, re.ASCII) else "",
        licence=entry.get("license"),
        seconds=seconds_of(entry.get("duration")),
    )
