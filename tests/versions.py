"""Versions of datasets with given rows, without the stage that makes them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow, Vector
from components.shared.table import empty, schema, to_table
from store.datasets import Change, DatasetStore, Version
from store.version_rows import DatasetSpeaker, Decision, Recorded


def put_version(
    dataset: DatasetStore, new: Iterable[DatasetRow], run: str = "run", lineage: dict[str, Any] | None = None, block_clips: int = 10**9
) -> Version | None:
    """Commits a version with these rows in place of all others, in blocks of `block_clips` clips."""
    return change_version(dataset, lambda _: new, run, lineage, block_clips)


def add_rows(dataset: DatasetStore, run: str, *new: DatasetRow) -> Version | None:
    """Commits a version with more rows than the newest one."""
    return change_version(dataset, lambda rows: [*rows, *new], run)


def change_version(
    dataset: DatasetStore,
    compute: Callable[[list[DatasetRow]], Iterable[DatasetRow]],
    run: str = "run",
    lineage: dict[str, Any] | None = None,
    block_clips: int = 10**9,
) -> Version | None:
    """Commits a version with the rows that `compute` returns for those of the newest one."""

    def change(versions: list[Version]) -> Change:
        rows = sorted(compute(dataset.rows(versions[-1]) if versions else []), key=lambda r: r.clip)
        parts = [rows[i : i + block_clips] for i in range(0, len(rows), block_clips)]
        blocks = {dataset.blocks.write(to_table(DatasetRow, part)): part for part in parts}
        gone = {b: [] for b in dataset.files(versions[-1] if versions else None) if b not in blocks}
        decisions = ((block, _decisions(block, part)) for block, part in (gone | blocks).items())
        where = {r.recording: block for block, part in blocks.items() for r in part}
        return Change(decisions, list(_recordings(rows, where)), _speakers(rows, lineage or {}), _lineage(rows, lineage or {}))

    return dataset.publish(run, change)


def _decisions(block: str, rows: Sequence[DatasetRow]) -> pa.Table:
    if not rows:
        return schema(Decision).empty_table()
    found = (Decision(r.clip, r.recording, block, r.samples, r.speaker, r.speaker, r.kept, r.reason) for r in rows)
    return to_table(Decision, found)


def _recordings(rows: Sequence[DatasetRow], where: dict[str, str]) -> Iterator[Recorded]:
    for recording in sorted({r.recording for r in rows}):
        own = [r for r in rows if r.recording == recording]
        samples, kept = sum(r.samples for r in own), sum(r.samples for r in own if r.kept)
        first = own[0]
        yield replace(
            empty(Recorded),
            recording=recording,
            url=first.source,
            title=first.title,
            channel=first.channel,
            published=first.published,
            licence=first.licence,
            media_sha256=recording,
            samples=samples,
            seconds=samples / SAMPLE_RATE_HZ,
            kept_samples=kept,
            rejected_samples=samples - kept,
            run="run",
            block=where[recording],
        )


def _speakers(rows: Sequence[DatasetRow], lineage: dict[str, Any]) -> list[DatasetSpeaker]:
    found = []
    total = sum(r.samples for r in rows if r.speaker) or 1
    for speaker in sorted({r.speaker for r in rows} - {""}):
        own = [r for r in rows if r.speaker == speaker]
        heard = [(np.frombuffer(r.vector, "<f4"), max(1, r.samples)) for r in own if r.vector]
        mean = np.average([v for v, _ in heard], axis=0, weights=[n for _, n in heard]) if heard else np.zeros(0)
        samples, name = sum(r.samples for r in own), lineage.get("speakers", {}).get("names", {}).get(speaker, "")
        seconds = sum(n for _, n in heard) / SAMPLE_RATE_HZ
        centroid = Vector(mean.astype("<f4").tobytes())
        found.append(DatasetSpeaker(speaker, centroid, seconds, len(own), samples / SAMPLE_RATE_HZ, samples / total, 1, name))
    return found


def _lineage(rows: Sequence[DatasetRow], lineage: dict[str, Any]) -> dict[str, Any]:
    seconds = {"kept_seconds": sum(r.samples for r in rows if r.kept) / SAMPLE_RATE_HZ}
    for r in rows:
        if not r.kept:
            name = f"rejected_{r.reason.partition(':')[0]}_seconds"
            seconds[name] = seconds.get(name, 0.0) + r.samples / SAMPLE_RATE_HZ
    spoken = {s: sum(r.samples for r in rows if r.speaker == s) / SAMPLE_RATE_HZ for s in sorted({r.speaker for r in rows} - {""})}
    speakers = {"given": len(spoken), "count": len(spoken), "dominant": max(spoken, key=lambda s: spoken[s], default="")}
    speakers |= {"speech_seconds": sum(spoken.values()), "seconds": spoken}
    defaults = {"stages": {}, "sources_sha256": "0" * 64, "seconds": seconds, "speakers": speakers}
    return {**defaults, **lineage, "clips": {"all": len(rows), "kept": sum(r.kept for r in rows)}}
