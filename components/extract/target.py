"""Whose voice is wanted in a recording, and where others speak over it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from components.shared.encoders import vectors_of
from components.shared.rows import SAMPLE_RATE_HZ, Turn, span
from components.shared.voices import Voice, table
from components.shared.windows import Windows, covered

LEAST_SECONDS = 0.5
"""Shortest stretch: a shorter one is too little to compare voices by, and has no DNSMOS."""
MOST_SECONDS = 10.0
"""Longer overlap is worked on in parts, each of which is kept or not."""

Span = tuple[int, int]
"""The first sample of a stretch, and the one after its last."""


@dataclass(frozen=True)
class Target:
    """The wanted voice of a recording."""

    voice: int
    """Its number in the recording."""
    vector: NDArray[np.float32]
    """Its vector, of length 1: the reference's, or without one that of its windows in the recording."""
    voice_by: str
    """The encoder of the vector."""


def target_of(windows: Windows, reference: Voice | None) -> Target | None:
    """Returns the voice that is most like the reference, or without one the voice that speaks most, the host.

    None if no voice is like enough to the reference to be the same.
    """
    numbers = np.unique(windows.voices).tolist()
    voices = [_voice(windows, windows.voices == number) for number in numbers]
    of = vectors_of(windows.voice_by)
    if reference is None:
        chosen = int(np.argmax([voice.seconds for voice in voices]))
        total = voices[chosen].total
    else:
        alike = reference.similarities(*table(voices), of)
        chosen = int(np.argmax(alike))
        total = reference.total
        if alike[chosen] < of.voice:
            return None
    return Target(numbers[chosen], (total / np.linalg.norm(total)).astype(np.float32), windows.voice_by)


def _voice(windows: Windows, which: NDArray[np.bool_]) -> Voice:
    return Voice(windows.vectors[which].sum(axis=0, dtype=np.float64), covered(windows.starts[which], windows.ends[which]))


def overlaps(turns: Sequence[Turn], voice: int) -> list[Span]:
    """Returns the stretches in which a voice speaks and another one does, in order, of LEAST_SECONDS to MOST_SECONDS each.

    The turns are of one recording, ordered by start.
    """
    own = [span(turn) for turn in turns if turn.voice == voice]
    others = [span(turn) for turn in turns if turn.voice != voice]
    found: list[Span] = []
    for start, end in sorted((max(a, c), min(b, d)) for a, b in own for c, d in _near(others, a, b)):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return [part for start, end in found if end - start >= LEAST_SECONDS * SAMPLE_RATE_HZ for part in _parts(start, end)]


def _near(spans: Sequence[Span], start: int, end: int) -> list[Span]:
    """Those that overlap a stretch."""
    return [(a, b) for a, b in spans if a < end and b > start]


def _parts(start: int, end: int) -> list[Span]:
    """Splits a stretch into equal parts of at most MOST_SECONDS."""
    count = -(-(end - start) // round(MOST_SECONDS * SAMPLE_RATE_HZ))
    return list(pairwise(start + (end - start) * i // count for i in range(count + 1)))
