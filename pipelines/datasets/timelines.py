"""Writes what a version of a dataset knows of each recording's timeline, one file a recording, in a format of other tools.

Of all rows it holds the few columns that it needs, as Arrow tables; texts of files exist one at a time.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.events import EVENT
from components.shared.rows import TimelineSpan
from components.shared.speaking import speakers_of, turns_of
from components.shared.table import from_table
from pipelines.datasets.folders import MANIFEST, Describe, ExportError, checked, whole
from pipelines.datasets.formats import FORMATS, UNKNOWN, Happened, Spoken, Stretch, Timeline, plain
from store.datasets import DatasetStore, Version, speaker_names, timeline_key
from store.interface import Store
from store.parquet import read_object


@dataclass(frozen=True)
class Exported:
    """What an export wrote."""

    recordings: int
    clips: int
    """Clips in the files; of a TextGrid all, of subtitles those with a text, of RTTM, which has turns, the clips to export."""
    turns: int
    """Turns in the recordings."""


def export_timelines(
    store: Store,
    dataset: DatasetStore,
    version: Version,
    folder: Path,
    *,
    kind: str,
    rejected: bool,
    done: Callable[[float], None],
    describe: Describe | None = None,
) -> Exported:
    """Writes one file per recording that has clips, named by the recording's id, and manifest.jsonl, one line per file.

    The folder appears when all files are in it.

    Args:
        store: The store that holds the dataset.
        dataset: The dataset.
        version: The version to export.
        folder: A new or an empty folder.
        kind: One of FORMATS.
        rejected: Whether to write rejected clips, too.
        done: Called after each recording with its share of all clips, 0 to 1.
        describe: Called with the folder that has all files, to add descriptions.

    Raises:
        ExportError: The folder holds other files, or there is nothing to write.
    """
    write, suffix = FORMATS[kind]
    stretches = dataset.columns(version, Stretch)
    _check(stretches, dataset.name, version, kind, rejected)
    names, made = speaker_names(version.lineage), datetime.fromtimestamp(version.timestamp_ms / 1000, UTC)
    what = f"{dataset.name} {version.number} {version.timestamp_ms} of {store.uri} as {kind}, {'all' if rejected else 'kept'}"
    recordings = clips = turns = 0
    with whole(folder, what, describe) as part, (part / MANIFEST).open("w", encoding="utf-8") as manifest:
        for own in by_recording(stretches):
            first = own[0]
            spans = read_timeline(store, dataset.name, first)
            seconds = max([*(s.end for s in spans), *(s.end for s in own)])
            timeline = Timeline(first.recording, seconds, spoken(spans, own), own, rejected, names, made, happened(spans))
            name = checked(first.recording, "recordings") + suffix
            (part / name).write_text(write(timeline), encoding="utf-8", newline="\n")
            here = _written(timeline, kind)
            line = {
                "file": name,
                "recording": first.recording,
                "source": first.source,
                "title": first.title,
                "channel": first.channel,
                "published": first.published,
                "licence": first.licence,
                "seconds": timeline.seconds,
                "clips": here,
                "turns": len(timeline.turns),
                "dataset": dataset.name,
                "version": version.number,
            }
            manifest.write(json.dumps(line, ensure_ascii=False) + "\n")
            recordings, clips, turns = recordings + 1, clips + here, turns + len(timeline.turns)
            done(len(own) / len(stretches))
    return Exported(recordings, clips, turns)


def by_recording(stretches: pa.Table) -> Iterator[list[Stretch]]:
    """Yields the clips of each recording, ordered by start; the recordings are ordered by id."""
    order = pc.sort_indices(stretches, [("recording", "ascending"), ("start", "ascending"), ("clip", "ascending")])
    stretches = stretches.take(order)
    ids = stretches["recording"].combine_chunks().dictionary_encode().indices.to_numpy()
    borders = [0, *(np.flatnonzero(np.diff(ids)) + 1).tolist(), len(ids)] if len(ids) else []
    for start, end in pairwise(borders):
        yield from_table(Stretch, stretches.slice(start, end - start))


def _check(stretches: pa.Table, dataset: str, version: Version, kind: str, rejected: bool) -> None:
    """Raises ExportError if there is nothing to write."""
    where, chosen = f"version {version.number} of dataset {dataset}", "" if rejected else "kept "
    wanted = stretches if rejected or kind == "textgrid" else stretches.filter(stretches["kept"])
    if not wanted.num_rows:
        raise ExportError(f"expected {chosen}clips in {where}, found none of {stretches.num_rows}: see `speechmill dataset show {dataset}`")
    if kind == "srt" and not any(text.as_py().strip() for text in wanted["text"]):
        raise ExportError(f"expected {chosen}clips with a text in {where}, found none: run with --transcribe-engine and --discover-again")


def read_timeline(store: Store, dataset: str, clip: Stretch) -> list[TimelineSpan]:
    """The timeline of a clip's recording; empty in a dataset from before there were timelines."""
    return read_object(store, timeline_key(dataset, sha256), TimelineSpan) if (sha256 := clip.timeline_sha256) else []


def spoken(spans: Sequence[TimelineSpan], clips: Sequence[Stretch]) -> list[Spoken]:
    """The turns of a timeline with their speakers, by the speakers of its clips."""
    turns = turns_of(spans)
    ids = speakers_of(turns, clips)
    return [Spoken(t.start, t.end, i or (f"voice{t.label}" if t.label else UNKNOWN)) for t, i in zip(turns, ids, strict=True)]


def happened(spans: Sequence[TimelineSpan]) -> list[Happened]:
    """The events of a timeline."""
    return [Happened(s.start, s.end, s.label) for s in spans if s.kind == EVENT]


def _written(timeline: Timeline, kind: str) -> int:
    """The number of clips in a file."""
    if kind == "srt":
        return sum(bool(plain(s.text)) for s in timeline.exported)
    return len(timeline.stretches if kind == "textgrid" else timeline.exported)
