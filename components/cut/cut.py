"""Turns the segments of a recording into clips. All positions are samples of the recording's timeline."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise

import numpy as np

from components.cut.pauses import FRAME, NEIGHBOURHOOD, PAUSE_DB, Levels, loudest_around
from components.cut.split import split
from components.cut.turns import Borders
from components.shared.rows import SAMPLE_RATE_HZ, Clip, Segment, span, to_samples

ReadLevels = Callable[[int, int], Levels]

MIN_SECONDS = 0.3
"""Shortest clip, padding included. Shorter speech is in no clip; `collect` counts it as unclipped speech."""

SETTLE_SECONDS = 0.5
"""How far the border between two adjacent stretches may move to a pause.

If the gender changes without a gap, the border from `segment` is off by some tenths of a second. In five six-minute episodes 21 of 78
such borders lay inside speech; at the quietest moment within 0.25 s, 9 still do, within 0.5 s 6, within 1 s 2. But from 0.75 s on,
borders move past words of the other voice.
"""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Speech from sample `start` to `end`."""

    start: int
    end: int
    gender: str = ""
    hard_cut: bool = False
    """Whether it ends in the middle of speech."""


def clips_of(
    recording: str,
    length: int,
    segments: Sequence[Segment],
    read_levels: ReadLevels,
    max_seconds: float,
    merge_gap_seconds: float,
    pad_seconds: float,
    borders: Borders | None = None,
) -> list[Clip]:
    """Returns the clips of one recording of `length` samples, in order and disjoint.

    Args:
        read_levels: Returns the levels of the frames between two samples (pauses.frame_levels). It is called only for stretches that
            are too long or adjacent to another one.
        max_seconds: Longest clip, padding included.
        merge_gap_seconds: Speech on both sides of a gap of at most this length is one stretch.
        pad_seconds: Padding before and after a stretch, if there is room.
        borders: Where the speaker changes and where two speak; if it is not known, clips end where the gender changes.
    """
    shortest, longest = to_samples(MIN_SECONDS), int(max_seconds * SAMPLE_RATE_HZ)
    known = borders or Borders()
    joined = stretches(segments, to_samples(merge_gap_seconds), known.all, by_gender=borders is None)
    speech = with_genders(settled(joined, read_levels, frozenset(known.overlaps)), segments)
    clips = []
    for stretch in padded(speech, to_samples(pad_seconds), length):
        if stretch.end - stretch.start >= shortest:
            for piece in pieces(stretch, shortest, longest, read_levels):
                name = f"{recording}-{piece.start * 1000 // SAMPLE_RATE_HZ:08d}"
                start, end = piece.start / SAMPLE_RATE_HZ, piece.end / SAMPLE_RATE_HZ
                clips.append(Clip(name, recording, start, end, piece.gender, piece.hard_cut))
    return clips


def with_genders(speech: Sequence[Stretch], segments: Sequence[Segment]) -> list[Stretch]:
    """Gives each stretch the gender of most of the speech in it. Both are ordered by time; stretches are disjoint."""
    found, first = [], 0
    for stretch in speech:
        samples = defaultdict[str, int](int)
        while first < len(segments) and span(segments[first])[1] <= stretch.start:
            first += 1
        for segment in islice(segments, first, None):
            start, end = span(segment)
            if start >= stretch.end:
                break
            if segment.label == "speech":
                samples[segment.gender] += min(end, stretch.end) - max(start, stretch.start)
        found.append(replace(stretch, gender=max(samples, key=lambda gender: (samples[gender], gender), default=stretch.gender)))
    return found


def stretches(segments: Sequence[Segment], gap: int, borders: Sequence[int] = (), by_gender: bool = True) -> list[Stretch]:
    """Joins speech over gaps of at most `gap` samples, but not over a border or, `by_gender`, a change of gender."""
    found: list[Stretch] = []
    for part in _speech(segments, borders):
        last = found[-1] if found else None
        part = part if by_gender else replace(part, gender="")
        if last and last.gender == part.gender and part.start - last.end <= gap and not _between(borders, last.end, part.start):
            found[-1] = replace(last, end=part.end)
        else:
            found.append(part)
    return found


def _speech(segments: Sequence[Segment], borders: Sequence[int]) -> Iterator[Stretch]:
    """Every speech segment, split at the borders inside it."""
    for segment in segments:
        if segment.label == "speech":
            start, end = span(segment)
            edges = [start, *borders[bisect_right(borders, start) : bisect_left(borders, end)], end]
            for a, b in pairwise(edges):
                yield Stretch(a, b, segment.gender)


def _between(borders: Sequence[int], start: int, end: int) -> bool:
    """Whether there is a border between two samples, inclusive."""
    return bisect_left(borders, start) < bisect_right(borders, end)


def settled(speech: Sequence[Stretch], read_levels: ReadLevels, fixed: Collection[int] = ()) -> list[Stretch]:
    """Moves the common border of adjacent stretches to the quietest moment nearby; no stretch becomes shorter than a clip.

    The samples `fixed` stay: beyond them, two people speak.
    """
    found = list(speech)
    for i, (left, right) in enumerate(pairwise(speech)):
        if left.end == right.start:
            border, hard = (left.end, True) if left.end in fixed else _quietest_border(left, right, read_levels)
            found[i] = replace(found[i], end=border, hard_cut=hard)
            found[i + 1] = replace(right, start=border)
    return found


def _quietest_border(left: Stretch, right: Stretch, read_levels: ReadLevels) -> tuple[int, bool]:
    """Returns the best border between two stretches, and whether it lies inside speech."""
    settle = to_samples(SETTLE_SECONDS) // FRAME
    before, after = (min(NEIGHBOURHOOD + settle, (s.end - s.start) // FRAME) for s in (left, right))
    if before + after == 0:
        return left.end, True
    spare = [(s.end - s.start - to_samples(MIN_SECONDS)) // 2 // FRAME for s in (left, right)]
    movable = min(spare) >= 0  # otherwise a stretch could become too short for a clip
    first, last = (before - min(settle, spare[0]), before + min(settle, spare[1])) if movable else (before, before)
    loudness = loudest_around(read_levels(left.end - before * FRAME, left.end + after * FRAME))
    edge = first + int(np.argmin(loudness[first : last + 1]))
    return left.end + (edge - before) * FRAME, bool(loudness[edge] > PAUSE_DB)


def pieces(stretch: Stretch, shortest: int, longest: int, read_levels: ReadLevels) -> list[Stretch]:
    """Splits a stretch that is longer than `longest` samples."""
    size = stretch.end - stretch.start
    cuts = split(read_levels(stretch.start, stretch.end), size, shortest, longest) if size > longest else []
    starts = [stretch.start, *(stretch.start + at for at, _ in cuts)]
    hard = [*(is_hard for _, is_hard in cuts), stretch.hard_cut]
    return [Stretch(a, b, stretch.gender, h) for a, b, h in zip(starts, [*starts[1:], stretch.end], hard, strict=True)]


def padded(speech: Sequence[Stretch], pad: int, length: int) -> list[Stretch]:
    """Adds up to `pad` samples on both sides of stretches, inside the recording; neighbors share the room between them."""
    found = []
    for i, stretch in enumerate(speech):
        before = stretch.start - speech[i - 1].end if i > 0 else 2 * stretch.start
        after = speech[i + 1].start - stretch.end if i + 1 < len(speech) else 2 * (length - stretch.end)
        found.append(replace(stretch, start=stretch.start - min(pad, before // 2), end=stretch.end + min(pad, after // 2)))
    return found
