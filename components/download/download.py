"""Fetches the items of a plan one after the other; each becomes FLAC or a row with the reason why not."""

import errno
import hashlib
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from components.download import youtube
from components.download.convert import probe, to_flac
from components.download.failures import surprise
from components.download.policy import ItemError, Policy
from components.download.transfer import transfer
from components.shared.network import public_url
from components.shared.rows import SAMPLE_RATE_HZ, Item, Recording
from components.shared.task import Progress, StageError, one_line, report

NETWORK_KINDS = {"youtube", "feed", "podbbang", "media"}
SAMPLE = Path(__file__).parent / "sample"
SHORT_FRACTION, SHORT_SECONDS = 0.05, 1.0
"""A recording that lacks more than both of a stated length is reported as too short."""


@dataclass
class Shard:
    """What is known while the items of a plan are fetched."""

    audio: Path
    media: Path
    """Where one medium lies while it is worked on."""
    policy: Policy
    downloader: Any
    """yt-dlp's, where the plan has items for it."""
    first_of: dict[str, str]
    """Recording by the hash of its media."""
    short: int = 0
    """Recordings that are shorter than stated."""


Fetch = Callable[[Shard, Item], tuple[Path, Item]]


def download(items: list[Item], audio: Path, policy: Policy) -> tuple[list[Recording], int]:
    """Fetches all items in their order.

    Args:
        items: The plan.
        audio: Folder for the FLAC files.
        policy: How to fetch.

    Returns:
        One row an item, in their order, and how many recordings are shorter than stated.

    Raises:
        StageError: The disk is full, or the cookie file cannot be read.
    """
    audio.mkdir(parents=True, exist_ok=True)
    progress = Progress(sum(i.seconds for i in items))
    rows: list[Recording] = []
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="speechmill-")))
        wants = any(i.kind == "youtube" for i in items)
        media = scratch / "media"
        shard = Shard(audio, media, policy, stack.enter_context(youtube.downloader(media, policy)) if wants else None, {})
        for number, item in enumerate(items):
            if item.kind in NETWORK_KINDS and any(i.kind in NETWORK_KINDS for i in items[:number]):
                time.sleep(random.uniform(policy.sleep_seconds, policy.max_sleep_seconds))
            media.mkdir()
            row = outcome(shard, item)
            shutil.rmtree(media)
            rows.append(row)
            progress.add(item.seconds)
            report(f"{number + 1} of {len(items)}, {row.recording}: {row.reason or f'{row.seconds:.1f} s'}, {one_line(row.url)}")
    return rows, shard.short


def outcome(shard: Shard, item: Item) -> Recording:
    """Fetches and converts one item: its row, with a reason where that failed."""
    row = Recording(
        item.recording, item.kind, public_url(item.url), item.title, item.channel, item.published, item.licence, 0.0, 0, "", "", ""
    )
    try:
        if item.kind not in FETCH:
            raise ItemError(f"{one_line(item.kind)} is not supported by this version")
        if item.kind != "youtube":
            shard.policy.check_licence(item.licence)
        path, item = FETCH[item.kind](shard, item)
        row = replace(
            row, title=item.title, channel=item.channel, published=item.published, licence=item.licence, media_sha256=sha256(path)
        )
        if first := shard.first_of.get(row.media_sha256):
            return replace(row, duplicate_of=first, reason=f"duplicate of {first}")
        found = probe(path)
        samples = to_flac(path, shard.audio / f"{item.recording}.flac", found.channels)
        shard.first_of[row.media_sha256] = item.recording
        row = replace(row, seconds=samples / SAMPLE_RATE_HZ, samples=samples)
        shard.short += too_short(row, {"its file": found.seconds, "its source": item.seconds})
        return row
    except ItemError as error:
        return replace(row, reason=str(error))
    except StageError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StageError(
                f"expected room for a recording, found none on the disk of {error.filename or tempfile.gettempdir()}"
            ) from None
        reason, trace = surprise(error, item.url)
        report(trace)
        return replace(row, reason=reason)


def too_short(row: Recording, stated: dict[str, float]) -> bool:
    """Whether a recording lacks much of a stated length, in seconds, 0 where unknown; says so."""
    short = {who: s for who, s in stated.items() if s - row.seconds > max(SHORT_SECONDS, SHORT_FRACTION * s)}
    for who, seconds in short.items():
        report(f"warning: {row.recording} holds {row.seconds:.1f} s of the {seconds:.1f} s that {who} states: the rest could not be had")
    return bool(short)


def sha256(path: Path) -> str:
    """Hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _direct(shard: Shard, item: Item) -> tuple[Path, Item]:
    transfer(item.url, shard.media / "media", shard.policy)
    return shard.media / "media", item


def _youtube(shard: Shard, item: Item) -> tuple[Path, Item]:
    return youtube.fetch(shard.downloader, item)


def _local(_: Shard, item: Item) -> tuple[Path, Item]:
    path = Path(url2pathname(urlsplit(item.url).path) if item.url.startswith("file://") else item.url)
    if not path.is_file():
        raise ItemError("no such file")
    return path, item


def _sample(_: Shard, item: Item) -> tuple[Path, Item]:
    name = item.url.removeprefix("sample:")
    if name not in {p.name for p in SAMPLE.glob("*")}:
        raise ItemError("no such file in the bundled sample")
    return SAMPLE / name, item


FETCH: dict[str, Fetch] = {"youtube": _youtube, "feed": _direct, "podbbang": _direct, "media": _direct, "local": _local, "sample": _sample}
