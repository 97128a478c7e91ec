"""Joins the tables of a recording into dataset rows and accounts for its samples."""

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.shared.events import EVENT, ClipEvents, EventSpan
from components.shared.extraction import Extraction
from components.shared.review import Review
from components.shared.rows import (
    VOICE,
    Account,
    Clip,
    DatasetRow,
    Fingerprint,
    Quality,
    Recording,
    Removed,
    Segment,
    Speaker,
    TimelineSpan,
    Tone,
    Turn,
    span,
)
from components.shared.table import empty
from components.shared.transcript import Transcript

Span = tuple[int, int]
Tag = Speaker | Tone | Quality | ClipEvents | Transcript
TAGS: dict[str, type[Tag]] = {
    "tag_speaker": Speaker,
    "tag_tone": Tone,
    "tag_quality": Quality,
    "tag_events": ClipEvents,
    "transcribe": Transcript,
}
"""The kind of row of each stage that measures clips."""

LEAST_BEFORE, BEFORE_SHARE = 4, 0.05
"""Number of clips per recording whose original sound is kept for comparison: at least this many, or this share of its clips."""

_COLUMNS = {f.name for f in dataclasses.fields(DatasetRow)} - {"clip"}


def outside(spans: Sequence[Span], covers: Sequence[Span]) -> int:
    """Counts the samples of `spans` that lie outside all `covers`, which are ordered and disjoint."""
    starts = np.array([c[0] for c in covers], np.int64)
    ends = np.array([c[1] for c in covers], np.int64)
    before = np.concatenate([[0], np.cumsum(ends - starts)])

    def covered(until: NDArray[np.int64]) -> NDArray[np.int64]:
        whole = np.searchsorted(ends, until, side="right")
        begun = np.append(starts, np.iinfo(np.int64).max)[whole]
        return before[whole] + np.where(until > begun, until - np.minimum(begun, until), 0)

    edges = np.array(spans, np.int64).reshape(-1, 2)
    return int(np.sum(edges[:, 1] - edges[:, 0]) - np.sum(covered(edges[:, 1]) - covered(edges[:, 0])))


def account(recording: Recording, segments: Sequence[Segment], clips: Sequence[Clip]) -> Account:
    """Counts the recording's samples outside its clips by kind.

    Raises ValueError if the segments do not cover the recording exactly, or if a clip lies outside it or overlaps another one.
    """
    heard, cuts = [span(s) for s in segments], [span(c) for c in clips]
    edges = [0, *(b for _, b in heard)]
    if [a for a, _ in heard] != edges[:-1] or edges[-1] != recording.samples:
        raise ValueError(f"segments of {recording.recording} do not cover its {recording.samples} samples without gap or overlap")
    if any(a >= b for a, b in cuts) or any(b > a for (_, b), (a, _) in zip([(0, 0), *cuts], [*cuts, (recording.samples, 0)], strict=True)):
        raise ValueError(f"clips of {recording.recording} are not ordered, disjoint and inside its {recording.samples} samples")
    left = {
        label: outside([s for s, row in zip(heard, segments, strict=True) if row.label == label], cuts)
        for label in ("music", "noise", "silence", "speech")
    }
    return Account(
        **dataclasses.asdict(recording),
        music_samples=left["music"],
        noise_samples=left["noise"],
        silence_samples=left["silence"],
        unclipped_speech_samples=left["speech"],
    )


def check_fingerprints(recordings: Iterable[Recording], fingerprints: Iterable[Fingerprint]) -> None:
    """Raises ValueError unless each recording has exactly one fingerprint and no fingerprint is left over."""
    expected, found = sorted(r.recording for r in recordings), sorted(f.recording for f in fingerprints)
    if found != expected:
        raise ValueError(f"expected a fingerprint of each of {len(expected)} recordings, found {len(found)}, or others: a stage lost one")


def columns(tag: Tag) -> dict[str, Any]:
    """Returns the columns of a dataset row that a tag provides."""
    return {f.name: getattr(tag, f.name) for f in dataclasses.fields(tag) if f.name in _COLUMNS}


def tags_by_clip(clips: Iterable[Clip], tables: Iterable[tuple[str, Iterable[Tag]]]) -> dict[str, dict[str, Any]]:
    """Collects the measurements of every clip, from the rows of each stage, as columns of a dataset row; empty without a row.

    Raises ValueError if a stage has a row of an unknown clip, or two rows of one clip.
    """
    nothing = {name: value for kind in TAGS.values() for name, value in columns(empty(kind)).items()}
    found = {c.clip: dict(nothing) for c in clips}
    for stage, tags in tables:
        seen: set[str] = set()
        for tag in tags:
            if tag.clip not in found:
                raise ValueError(f"expected rows of known clips from {stage}, found one of {tag.clip}")
            if tag.clip in seen:
                raise ValueError(f"expected one row per clip from {stage}, found two of {tag.clip}")
            seen.add(tag.clip)
            found[tag.clip] |= columns(tag)
    return found


def extractions(clips: Iterable[Clip], tried: Sequence[Extraction]) -> dict[str, dict[str, float | None]]:
    """Returns how much of each clip is an extracted voice, and its gain, as columns of a dataset row by clip; null if nothing was tried.

    `tried` are the stretches of the clips' recording. Both are ordered by time.
    """
    found: dict[str, dict[str, float | None]] = {}
    for clip in clips:
        near = [(min(clip.end, t.end) - max(clip.start, t.start), t) for t in tried if t.start < clip.end and t.end > clip.start]
        kept = [
            (seconds, t.similarity_after - t.similarity_before)
            for seconds, t in near
            if t.kept and t.similarity_after is not None and t.similarity_before is not None
        ]
        seconds = sum(s for s, _ in kept)
        share = seconds / (clip.end - clip.start) if near else None
        gain = sum(s * gain for s, gain in kept) / seconds if kept else None
        found[clip.clip] = {"extracted_share": share, "extract_similarity_gain": gain}
    return found


def with_before(clips: Sequence[Clip]) -> set[str]:
    """Selects the clips whose original sound is kept: spread over the recording, the same in every run."""
    drawn = sorted((c.clip for c in clips), key=lambda clip: hashlib.sha256(clip.encode()).digest())
    return set(drawn[: max(LEAST_BEFORE, round(BEFORE_SHARE * len(drawn)))])


def timeline(
    segments: Iterable[Segment], turns: Iterable[Turn], events: Iterable[EventSpan], removed: Iterable[Removed]
) -> list[TimelineSpan]:
    """Returns the segments, turns, events and removed sounds of a recording, ordered by start."""
    heard = [TimelineSpan(s.recording, s.start, s.end, s.label, s.gender) for s in segments]
    heard += [TimelineSpan(t.recording, t.start, t.end, VOICE, str(t.voice) if t.voice >= 0 else "") for t in turns]
    heard += [TimelineSpan(e.recording, e.start, e.end, EVENT, e.name) for e in events]
    heard += [TimelineSpan(r.recording, r.start, r.end, r.filter, r.name) for r in removed]
    return sorted(heard, key=lambda h: (h.start, h.end, h.kind, h.label))


def dataset_row(
    recording: Recording, clip: Clip, audio_sha256: str, before_sha256: str, timeline_sha256: str, tags: Mapping[str, Any]
) -> DatasetRow:
    """Returns the dataset row of a clip; `publish` fills in `speaker`, `kept`, `reason` and reviews."""
    start, end = span(clip)
    return DatasetRow(
        clip=clip.clip,
        recording=recording.recording,
        source=recording.url,
        title=recording.title,
        channel=recording.channel,
        published=recording.published,
        licence=recording.licence,
        start=clip.start,
        end=clip.end,
        samples=end - start,
        gender=clip.gender,
        hard_cut=clip.hard_cut,
        audio_sha256=audio_sha256,
        before_sha256=before_sha256,
        timeline_sha256=timeline_sha256,
        speaker="",
        **tags,
        **dataclasses.asdict(Review()),
        kept=False,
        reason="",
    )
