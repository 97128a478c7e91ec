"""Measures how pure clips are by their turns, and makes their rows."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from components.shared.clip_voices import ClipVoices
from components.shared.encoders import vectors_of
from components.shared.rows import Clip, Speaker, Turn, Vector
from components.shared.voices import Voice

NO_VOICE = Vector(b"")
Shares = tuple[float | None, float | None]


def shares(clip: Clip, turns: Sequence[Turn]) -> Shares:
    """Returns a clip's purity and its share of overlap, by the turns that overlap it: null if there are none."""
    spans = [(max(t.start, clip.start), min(t.end, clip.end), t.voice) for t in turns]
    alone, together = defaultdict[int, float](float), 0.0
    for start, end in pairwise(sorted({edge for a, b, _ in spans for edge in (a, b)})):
        voices = {voice for a, b, voice in spans if a <= start and b >= end}
        if len(voices) == 1:
            alone[voices.pop()] += end - start
        elif voices:
            together += end - start
    spoken = sum(alone.values()) + together
    if not spoken:
        return None, None
    return max(alone.values(), default=0.0) / spoken, together / (clip.end - clip.start)


def all_shares(clips: Sequence[Clip], turns: Sequence[Turn]) -> list[Shares]:
    """The `shares` of the clips of one recording. Both are ordered by start; clips are disjoint."""
    found, near, first = [], list[Turn](), 0
    for clip in clips:
        while first < len(turns) and turns[first].start < clip.end:
            near.append(turns[first])
            first += 1
        near = [t for t in near if t.end > clip.start]
        found.append(shares(clip, near))
    return found


def speaker_rows(
    clips: Sequence[Clip], measured: Sequence[Shares], voices: ClipVoices, reference: Voice | None, name: str
) -> list[Speaker]:
    """Returns the rows of clips. `measured` are their `shares`, `name` is the reference's."""
    own: Sequence[float | None] = [None] * len(clips)
    of_voice = own
    if reference is not None and voices.heard.any():
        of, labels = vectors_of(voices.voice_by), voices.labels
        of_voice = reference.similarities(voices.voice_totals, voices.voice_seconds, of)[labels].tolist()
        own = reference.similarities(voices.totals, voices.seconds, of).tolist()
    rows = []
    for i, (clip, (purity, overlap)) in enumerate(zip(clips, measured, strict=True)):
        if voices.labels[i] < 0:
            rows.append(Speaker(clip.clip, NO_VOICE, "", None, None, purity, overlap, name))
            continue
        unit = voices.totals[i] / np.linalg.norm(voices.totals[i])
        rows.append(Speaker(clip.clip, Vector(unit.astype("<f4").tobytes()), voices.voice_by, of_voice[i], own[i], purity, overlap, name))
    return rows
