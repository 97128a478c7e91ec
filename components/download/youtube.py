"""Downloads YouTube videos and their metadata with yt-dlp."""

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from components.download import potoken
from components.download.disk import disk_full
from components.download.failures import private_address
from components.download.policy import ItemError, Policy
from components.shared.http import Received, causes
from components.shared.network import public_text, without_secrets
from components.shared.refusals import BLOCKED, NO_FORMATS, group_of, named
from components.shared.rows import Item
from components.shared.task import StageError, one_line, report

COOKIES, COOKIES_TEXT = "SPEECHMILL_COOKIES_FILE", "SPEECHMILL_COOKIES"
"""Environment variables with the path and the text of a cookie file in Netscape format, a secret."""

SOCKET_SECONDS = 60
_NOT_READY = {
    "is_upcoming": "upcoming: a premiere or a live stream that has not begun",
    "is_live": "live: a live stream, which has not ended",
    "post_live": "processing: a live stream that has just ended, of which YouTube gives the last hours alone",
}
"""Reasons, with their kinds of refusal, by yt-dlp's `live_status`."""


@contextlib.contextmanager
def downloader(target: Path, policy: Policy, received: Received) -> Iterator[Any]:
    """Yields a YoutubeDL that writes into the folder `target` and calls `received` after each block.

    All items share it: it caches YouTube's player.
    """
    from yt_dlp import YoutubeDL

    with tempfile.TemporaryDirectory() as own, YoutubeDL(options(target, Path(own), policy, received)) as found:
        yield found


def options(target: Path, own: Path, policy: Policy, received: Received) -> dict[str, Any]:
    """Returns yt-dlp's options; `own` is an empty folder for its other files.

    It may not start ffmpeg or other programs, because the guard of `public_only` does not cover them.
    """
    import deno

    if potoken.SERVER in os.environ:
        potoken.register()

    def refuse(info: dict[str, Any], *, incomplete: bool) -> None:
        check(info, policy)

    def count(state: dict[str, Any]) -> None:
        received(state.get("downloaded_bytes") or 0, state.get("total_bytes") or 0)

    waits = dict.fromkeys(("http", "fragment", "extractor"), lambda n: policy.limits.pause_after(n + 1))
    (own / "no-programs").mkdir()
    return {
        "format": "bestaudio/best",
        "outtmpl": str(target / "media").replace("%", "%%"),
        "noplaylist": True,
        "match_filter": refuse,
        "progress_hooks": [count],
        "retries": policy.retries,
        "fragment_retries": policy.retries,
        "extractor_retries": policy.retries,
        "skip_unavailable_fragments": False,
        "retry_sleep_functions": waits,
        "ratelimit": policy.rate_limit_bytes or None,
        "socket_timeout": SOCKET_SECONDS,
        "external_downloader": {"default": "native"},
        "ffmpeg_location": str(own / "no-programs"),
        "fixup": "never",
        "extractor_args": {"youtube": {}},
        "js_runtimes": {"deno": {"path": deno.find_deno_bin()}},
        "cachedir": False,
        "cookiefile": _cookies(own),
        "quiet": True,
        "noprogress": True,
        "color": "never",
        "logger": SimpleNamespace(debug=_ignore, info=_ignore, warning=_warn, error=_ignore),
    }


def check(info: dict[str, Any], policy: Policy) -> None:
    """Raises ItemError before the download unless yt-dlp found one recording of an allowed length and license."""
    if info.get("playlist_index") is not None:
        raise ItemError("a playlist, not one recording")
    if reason := _NOT_READY.get(info.get("live_status") or ("is_live" if info.get("is_live") else "")):
        raise ItemError(reason)
    policy.check_length(info.get("duration") or 0)
    policy.check_licence(info.get("license") or "")


def fetch(found: Any, item: Item, policy: Policy) -> tuple[Path, Item]:
    """Downloads an item's best audio; returns the file, and the item with metadata that the plan lacks.

    If YouTube blocks a player client, or gives it no sound, the next one is tried.

    Raises:
        ItemError: The item is refused or cannot be downloaded.
    """
    *others, last = policy.youtube_clients
    for client in others:
        try:
            return _fetch(found, item, client)
        except ItemError as error:
            if group_of(str(error)) not in (BLOCKED, NO_FORMATS):
                raise
            report(f"{item.recording}: {error}; trying the next of download_youtube_clients")
    return _fetch(found, item, last)


def _fetch(found: Any, item: Item, client: str) -> tuple[Path, Item]:
    """Downloads an item with one of yt-dlp's player clients."""
    from yt_dlp.utils import ExtractorError, YoutubeDLError

    found.params["extractor_args"]["youtube"]["player_client"] = [client]
    try:
        info = found.extract_info(item.url, download=True)
    except YoutubeDLError as error:
        if refused := private_address(error):
            raise ItemError(refused) from None
        if disk_full(error):
            raise
        said = next((_said(e) for e in causes(error) if isinstance(e, ExtractorError)), str(error).removeprefix("ERROR: "))
        raise ItemError(named(one_line(without_secrets(said, item.url)))) from None
    files = [Path(d["filepath"]) for d in info.get("requested_downloads") or []]
    if len(files) != 1:
        raise ItemError(f"expected one recording, found {len(files)}")
    return files[0], completed(item, info)


def _said(error: Any) -> str:
    """Returns the message of an ExtractorError without yt-dlp's request to report it; with the cause if yt-dlp did not expect it."""
    cause = error.cause if not error.expected else None
    return f"{error.orig_msg} ({type(cause).__name__}: {cause})" if cause and str(cause) not in error.orig_msg else str(error.orig_msg)


def completed(item: Item, info: dict[str, Any]) -> Item:
    """Fills gaps in the item with yt-dlp's metadata."""
    day = re.fullmatch(r"(\d{4})(\d\d)(\d\d)", info.get("upload_date") or "")
    return replace(
        item,
        title=item.title or _text(info.get("title")),
        channel=item.channel or _text(info.get("channel") or info.get("uploader")),
        published=item.published or ("-".join(day.groups()) if day else ""),
        licence=item.licence or _text(info.get("license")),
        seconds=item.seconds or float(info.get("duration") or 0),
    )


def _cookies(own: Path) -> str | None:
    """Copies the cookie file, because yt-dlp writes to it."""
    if text := os.environ.get(COOKIES_TEXT):
        (own / "cookies").write_text(text, encoding="utf-8")
        return str(own / "cookies")
    if COOKIES not in os.environ:
        return None
    try:
        return str(shutil.copyfile(os.environ[COOKIES], own / "cookies"))
    except OSError as error:
        raise StageError(f"expected {COOKIES} to name a file that can be read, found: {error.strerror}; fix or unset it") from None


def _text(value: str | None) -> str:
    """Returns a text that UTF-8 can encode: JSON may hold lone surrogates."""
    return (value or "").encode(errors="replace").decode()


def _ignore(_: str) -> None:
    """Drops details, and errors, which yt-dlp raises as well."""


def _warn(message: str) -> None:
    report(f"yt-dlp: {public_text(one_line(message))}")
