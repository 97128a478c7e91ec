"""Reads a shard's tables, clean audio and what was extracted from it; writes its part of the dataset, and all clips to the store."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from components.collect.collect import TAGS, account, check_fingerprints, dataset_row, extractions, tags_by_clip, timeline, with_before
from components.shared.audio import flac_bytes, pcm_sha256, read_mono, renditions
from components.shared.events import EventSpan
from components.shared.extraction import Extraction
from components.shared.rows import Account, Clip, DatasetRow, Fingerprint, Recording, Removed, Segment, TimelineSpan, Turn, span
from components.shared.table import by_recording, read_rows, write_rows
from components.shared.task import Outcome, Progress, run
from store.datasets import audio_key, timeline_key
from store.interface import Store
from store.ledger import Ledger
from store.objects import open_store
from store.parquet import to_bytes


def put_audio(store: Store, dataset: str, audio: Path, clip: Clip) -> str:
    """Writes a clip's audio, mixed to mono, to the store unless it exists there; returns its hash."""
    pcm = read_mono(audio, *span(clip))
    sha256 = pcm_sha256(pcm)
    if not store.exists(key := audio_key(dataset, sha256)):
        store.write(key, flac_bytes(pcm))
    return sha256


def put_timeline(store: Store, dataset: str, heard: Iterable[TimelineSpan]) -> str:
    """Writes a recording's timeline to the store unless it exists there; returns its hash."""
    table = to_bytes(TimelineSpan, heard)
    sha256 = hashlib.sha256(table).hexdigest()
    if not store.exists(key := timeline_key(dataset, sha256)):
        store.write(key, table)
    return sha256


def main(
    shard: str,
    dataset: str,
    store: str,
    recordings: Path,
    removed: Path,
    fingerprints: Path,
    segments: Path,
    turns: Path,
    extracted: Path,
    clean: Path,
    clips: Path,
    speakers: Path,
    tones: Path,
    quality: Path,
    events: Path,
    transcripts: Path,
    part: Path,
) -> Outcome:
    target = open_store(store)
    found = read_rows(recordings, Recording)
    known_by = read_rows(fingerprints, Fingerprint)
    check_fingerprints(found, known_by)
    cleaned = {r.recording: r.samples for r in read_rows(clean, Recording)}
    heard = by_recording(read_rows(segments, Segment))
    spoken = by_recording(read_rows(turns, Turn))
    cut = read_rows(clips, Clip)
    cuts = by_recording(cut)
    replaced = by_recording(read_rows(extracted, Extraction))
    taken = by_recording(read_rows(removed, Removed))
    happened = by_recording(read_rows(events, EventSpan, "spans"))
    tables = zip(TAGS.items(), (speakers, tones, quality, events, transcripts), strict=True)
    tags = tags_by_clip(cut, [(stage, read_rows(table, kind)) for (stage, kind), table in tables])
    progress = Progress(sum(r.seconds for r in found))
    rows: list[DatasetRow] = []
    accounts: list[Account] = []
    with renditions(extracted, clean) as audio:
        for recording in found:
            name = recording.recording
            if cleaned.get(name) != recording.samples:
                raise ValueError(
                    f"expected {recording.samples} clean samples of recording {name}, found {cleaned.get(name)}: a stage changed its length"
                )
            accounts.append(account(recording, heard[name], cuts[name]))
            whole, file = timeline(heard[name], spoken[name], happened[name], taken[name]), f"{name}.flac"
            seen = put_timeline(target, dataset, whole)
            compared, own = with_before(cuts[name]), extractions(cuts[name], replaced[name])
            for clip in cuts[name]:
                sha256 = put_audio(target, dataset, audio / file, clip)
                before = put_audio(target, dataset, recordings / "audio" / file, clip) if clip.clip in compared else ""
                rows.append(dataset_row(recording, clip, sha256, before, seen, tags[clip.clip] | own[clip.clip]))
            progress.add(recording.seconds)
    write_rows(part, Account, accounts, "recordings")
    write_rows(part, Fingerprint, known_by, "fingerprints")
    write_rows(part, DatasetRow, rows)
    Ledger(target, dataset).survived(shard)
    return {"shard": shard, "recordings": len(found), "failed_recordings": sum(r.samples == 0 for r in found), "clips": len(rows)}


if __name__ == "__main__":
    run(main)
