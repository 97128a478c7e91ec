"""Downloads the items of a plan one by one. Each becomes FLAC or a row with the reason for its failure."""

import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from components.download import bucket, youtube
from components.download.bounds import Meter, TimeIsUp, time_limit
from components.download.convert import probe, to_flac
from components.download.disk import Disk, disk_full
from components.download.failures import surprise
from components.download.live import LiveWatch
from components.download.playlists import playlist
from components.download.policy import ItemError, Policy
from components.shared.files import sha256
from components.shared.http import HttpError, transfer
from components.shared.network import public_url
from components.shared.refusals import BLOCKED, group_of, host_of, named
from components.shared.rows import SAMPLE_RATE_HZ, UNKNOWN_SECONDS, Item, Recording
from components.shared.state import joined
from components.shared.task import Progress, StageError, one_line, report

NETWORK_KINDS = {"youtube", "feed", "podbbang", "media"}
SAMPLE = Path(__file__).parent / "sample"
MOST_BLOCKS = 2
"""A host that blocks the crawler at so many recordings in a row is not asked for more of the shard. One alone can be an exception."""
SHORT_FRACTION, SHORT_SECONDS = 0.05, 1.0
"""A recording is too short if it lacks more than this share and these seconds of a stated length."""


@dataclass
class Shard:
    """State of the download of a plan."""

    audio: Path
    media: Path
    """Folder for the media file of the current item."""
    policy: Policy
    meter: Meter
    disk: Disk
    downloader: Any
    """A YoutubeDL, or None if the plan has no YouTube items."""
    first_of: dict[str, str]
    """First recording with a media file, by the file's hash."""
    short: int = 0
    """Number of recordings shorter than stated."""
    blocks: Counter[str] = field(default_factory=Counter)
    """How many recordings in a row each host has refused because of the crawler."""


Fetch = Callable[[Shard, Item], tuple[Path, Item]]


def download(items: list[Item], audio: Path, policy: Policy) -> tuple[list[Recording], int]:
    """Downloads all items of a plan in order and writes FLAC files into the folder `audio`.

    Returns:
        One row per item, in order, and the number of recordings shorter than stated.

    Raises:
        StageError: The disk is full, the cookie file is unreadable, or a bucket's server does not
            answer or rejects the credentials.
    """
    audio.mkdir(parents=True, exist_ok=True)
    progress = Progress(sum(i.seconds or UNKNOWN_SECONDS for i in items))
    rows: list[Recording] = []
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="speechmill-")))
        wants = any(i.kind == "youtube" for i in items)
        media = scratch / "media"
        meter = Meter(policy.max_bytes, progress)
        downloader = stack.enter_context(youtube.downloader(media, policy, meter)) if wants else None
        shard = Shard(audio, media, policy, meter, Disk(scratch, audio), downloader, {})
        for number, item in enumerate(items):
            row = not_asked(shard, item)
            if row is None:
                if item.kind in NETWORK_KINDS and any(i.kind in NETWORK_KINDS for i in items[:number]):
                    time.sleep(random.uniform(policy.sleep_seconds, policy.max_sleep_seconds))
                media.mkdir()
                row = outcome(shard, item)
                shutil.rmtree(media)
                heard(shard, row)
            rows.append(row)
            progress.add(item.seconds or UNKNOWN_SECONDS)
            became = row.reason or "; ".join(filter(None, (f"{row.seconds:.1f} s", row.conversion)))
            report(f"{number + 1} of {len(items)}, {row.recording}: {became}, {one_line(row.url)}")
        shard.disk.check()
    return rows, shard.short


def not_asked(shard: Shard, item: Item) -> Recording | None:
    """Returns the row of an item whose host blocks the crawler; None if the host does not, or if it is not known to."""
    host = host_of(item.kind, item.url)
    if shard.blocks[host] < MOST_BLOCKS:
        return None
    return replace(_row(item), reason=f"{BLOCKED}: not asked for, since {one_line(host)} refused the {MOST_BLOCKS} recordings before it")


def heard(shard: Shard, row: Recording) -> None:
    """Counts how often a host has blocked the crawler in a row."""
    host = host_of(row.kind, row.url)
    shard.blocks[host] = shard.blocks[host] + 1 if group_of(row.reason) == BLOCKED else 0


def outcome(shard: Shard, item: Item) -> Recording:
    """Downloads and converts one item; returns its row, with a reason if that failed."""
    row, step = _row(item), "download"
    shard.meter.sized = True
    try:
        with time_limit(shard.policy.timeout_minutes):
            if item.kind not in FETCH:
                raise ItemError(f"{one_line(item.kind)} is not supported by this version")
            if item.kind != "youtube":  # YouTube states the license only with the video
                shard.policy.check_licence(item.licence)
            path, item = FETCH[item.kind](shard, item)
            row, step = _row(item, sha256(path)), "conversion"
            if first := shard.first_of.get(row.media_sha256):
                return replace(row, duplicate_of=first, reason=f"duplicate of {first}")
            return converted(shard, row, path, item.seconds)
    except TimeIsUp:
        return replace(row, reason=too_slow(step, shard.policy.timeout_minutes, shard.meter.sized))
    except ItemError as error:
        return replace(row, reason=str(error))
    except StageError:
        raise
    except Exception as error:
        if disk_full(error):
            shutil.rmtree(shard.media)
            shard.media.mkdir()
            return replace(row, reason=shard.disk.filled(error))
        reason, trace = surprise(error, item.url)
        report(trace)
        return replace(row, reason=reason)


def converted(shard: Shard, row: Recording, path: Path, stated_seconds: float) -> Recording:
    """Converts a media file to FLAC; returns its row with the length."""
    if reason := playlist(path):
        raise ItemError(reason)
    found, flac = probe(path), shard.audio / f"{row.recording}.flac"
    if found.other_tracks:
        report(f"{row.recording}: audio {found.track} is taken, not {', '.join(found.other_tracks)}")
    made = to_flac(path, flac, found, shard.policy.max_seconds)
    shard.disk.took(path.stat().st_size + flac.stat().st_size)
    shard.first_of[row.media_sha256] = row.recording
    row = replace(row, seconds=made.samples / SAMPLE_RATE_HZ, samples=made.samples, conversion=made.notes)
    shard.short += too_short(row, {"its file": found.seconds, "its source": stated_seconds})
    return row


def too_slow(step: str, minutes: float, sized: bool) -> str:
    """Returns the reason of a recording whose time is up; `sized`: whether its source states the size of the file."""
    live = "" if sized or step != "download" else "; its source states no size, so it may be a live stream, which has no end"
    return f"its {step} did not end within {minutes:g} minutes, the limit download_timeout_minutes{live}"


def too_short(row: Recording, stated: dict[str, float]) -> bool:
    """Checks whether a recording lacks much of a stated length (seconds, 0 if unknown); logs a warning."""
    short = {who: s for who, s in stated.items() if s - row.seconds > max(SHORT_SECONDS, SHORT_FRACTION * s)}
    for who, seconds in short.items():
        report(f"warning: {row.recording} holds {row.seconds:.1f} s of the {seconds:.1f} s that {who} states: the rest is missing")
    return bool(short)


def _row(item: Item, media_sha256: str = "") -> Recording:
    """Returns the row of an item without audio."""
    return Recording(
        recording=item.recording,
        kind=item.kind,
        url=public_url(item.url),
        title=item.title,
        channel=item.channel,
        published=item.published,
        licence=item.licence,
        seconds=0.0,
        samples=0,
        media_sha256=media_sha256,
        duplicate_of="",
        reason="",
        conversion="",
        state=item.state,
    )


def _direct(shard: Shard, item: Item) -> tuple[Path, Item]:
    watch = LiveWatch(shard.media / "media")

    def received(have: int, total: int) -> None:
        shard.meter(have, total)
        if not total and not shard.policy.rate_limit_bytes:  # a limited rate can equal the rate of playing by chance
            watch(have)

    try:
        said = transfer(item.url, shard.media / "media", shard.policy.limits, received=received)
    except HttpError as error:
        raise ItemError(named(str(error))) from None
    return shard.media / "media", replace(item, state=joined(item.state, said))


def _youtube(shard: Shard, item: Item) -> tuple[Path, Item]:
    return youtube.fetch(shard.downloader, item, shard.policy)


def _local(shard: Shard, item: Item) -> tuple[Path, Item]:
    if not Path(item.url).is_file():
        raise ItemError("no such file")
    size = Path(item.url).stat().st_size
    shard.meter(size, size)
    return Path(item.url), item


def _bucket(shard: Shard, item: Item) -> tuple[Path, Item]:
    bucket.fetch(item.url, shard.media / "media", shard.policy, shard.meter)
    return shard.media / "media", item


def _sample(_: Shard, item: Item) -> tuple[Path, Item]:
    name = item.url.removeprefix("sample:")
    if name not in {p.name for p in SAMPLE.glob("*")}:
        raise ItemError("no such file in the bundled sample")
    return SAMPLE / name, item


FETCH: dict[str, Fetch] = {
    "youtube": _youtube,
    "feed": _direct,
    "podbbang": _direct,
    "media": _direct,
    "local": _local,
    "bucket": _bucket,
    "sample": _sample,
}
