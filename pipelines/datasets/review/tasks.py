"""Clips as tasks of a review server, and how the server gets their sound."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from components.shared.task import StageError
from store.datasets import DatasetStore, Version, audio_key, speaker_names
from store.minio import MinioStore

NEIGHBORS = 2
"""Number of clips before and after whose texts are shown."""
LINK_DAYS = 7
"""How long a link to a clip in a bucket holds: the most that S3 allows."""
RENEW_DAYS = 3
"""A link that holds less than this is made anew by the next push."""
LOCAL = "/data/local-files/?d="
Json = dict[str, Any]


def key_of(data: Mapping[str, Any]) -> tuple[str, float, float] | None:
    """What tells tasks apart: clip, start and end. None for a task that is not of Speechmill."""
    try:
        return str(data["clip"]), float(data["start"]), float(data["end"])
    except (KeyError, TypeError, ValueError):
        return None


def links(store: MinioStore, dataset: str) -> Callable[[str], str]:
    """Returns a function that gives a link to a clip's sound in a bucket, by its hash. It holds for LINK_DAYS."""
    return lambda sha256: store.link(audio_key(dataset, sha256), timedelta(days=LINK_DAYS))


def files(root: Path, store: Path, dataset: str) -> Callable[[str], str]:
    """Returns a function that gives the address at which Label Studio serves a clip's sound from a folder of its machine.

    Raises:
        StageError: The store is not in `root`, which is the folder whose files Label Studio may serve.
    """
    if not store.resolve().is_relative_to(root.resolve()):
        raise StageError(
            f"--files-root: expected the folder of Label Studio's files to hold the store {store}, found {root}: "
            "start Label Studio with LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT set to the store or a folder above it"
        )
    inside = store.resolve().relative_to(root.resolve())
    return lambda sha256: LOCAL + quote((inside / audio_key(dataset, sha256)).as_posix())


def expires(url: str) -> datetime | None:
    """When a link ends; None for an address that does not."""
    found = parse_qs(urlsplit(url).query)
    if not {"X-Amz-Date", "X-Amz-Expires"} <= found.keys():
        return None
    made = datetime.strptime(found["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return made + timedelta(seconds=int(found["X-Amz-Expires"][0]))


def needs_new_link(url: str) -> bool:
    """Whether a link ends soon."""
    end = expires(url)
    return end is not None and end < datetime.now(UTC) + timedelta(days=RENEW_DAYS)


def tasks_of(dataset: DatasetStore, version: Version, clips: Sequence[Mapping[str, Any]], sound: Callable[[str], str]) -> list[Json]:
    """The data of tasks for clips that `offered` returned, in their order. `sound` gives the address of a clip's sound by its hash."""
    names = speaker_names(version.lineage)
    media = {r.recording: r.media_sha256 for r in dataset.recordings(version)}
    around = _neighbors(dataset, version, {c["recording"] for c in clips})
    found = []
    for c in clips:
        before, after = _beside(around[c["recording"]], c["clip"])
        speaker = f"{c['speaker']} ({names[c['speaker']]})" if c["speaker"] in names else c["speaker"]
        seconds = c["samples"] / 44_100
        about = [c["title"] or c["recording"], f"{_clock(c['start'])} + {seconds:.1f} s", *(x for x in (speaker, c["tone"]) if x)]
        found.append(
            {
                "clip": c["clip"],
                "recording": c["recording"],
                "start": c["start"],
                "end": c["end"],
                "media_sha256": media.get(c["recording"], ""),
                "dataset": dataset.name,
                "version": version.number,
                "text": c["text"],
                "before": before,
                "after": after,
                "second": f"Other engine: {c['text_second']}" if c["text_second"] and c["text_second"] != c["text"] else " ",
                "about": " · ".join(about),
                "audio": sound(c["audio_sha256"]),
            }
        )
    return found


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def _neighbors(dataset: DatasetStore, version: Version, recordings: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
    """The clips of recordings with their texts, by start."""
    wanted, found = pa.array(sorted(recordings), pa.string()), defaultdict[str, list[tuple[float, str, str]]](list)
    for table in dataset.tables(version, ("clip", "recording", "start", "text")):
        own = table.filter(pc.is_in(table["recording"], value_set=wanted))
        for row in own.to_pylist():
            found[row["recording"]].append((row["start"], row["clip"], row["text"]))
    return {r: [(clip, text) for _, clip, text in sorted(rows)] for r, rows in found.items()}


def _beside(clips: Sequence[tuple[str, str]], clip: str) -> tuple[str, str]:
    """The texts before and after a clip. A blank stands for none, because Label Studio asks for a value."""
    place = next(i for i, (name, _) in enumerate(clips) if name == clip)
    before, after = clips[max(0, place - NEIGHBORS) : place], clips[place + 1 : place + 1 + NEIGHBORS]
    return tuple(re.sub(r"\s+", " ", " ".join(t for _, t in own)).strip() or " " for own in (before, after))  # type: ignore[return-value]
