"""Finds where the speaker changes and where two speak at the same time."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from components.shared.rows import Turn, span, to_samples

OVERLAP_SECONDS = 0.2
"""Shortest overlap that is cut out of the clips beside it. A shorter one is a breath or the end of a word."""


@dataclass(frozen=True)
class Borders:
    """Samples at which clips end, in order."""

    changes: Sequence[int] = ()
    """The middle between the words of two speakers; a clip ends at the quietest moment nearby."""
    overlaps: Sequence[int] = ()
    """Starts and ends of overlaps. A clip ends exactly there."""

    @property
    def all(self) -> list[int]:
        return sorted({*self.changes, *self.overlaps})


def borders_of(turns: Sequence[Turn]) -> Borders:
    """Returns the borders of a recording's turns, which are ordered by start."""
    parts = _parts(turns)
    shortest = to_samples(OVERLAP_SECONDS)
    long = [(a, b) for a, b, voices in parts if len(voices) > 1 and b - a >= shortest]
    alone = [(a, b, voices) for a, b, voices in parts if len(voices) == 1]
    edges = {edge for part in long for edge in part}
    changes = []
    for (_, before, one), (after, _, other) in pairwise(alone):
        if one != other and not any(before <= a and b <= after for a, b in long):
            changes.append((before + after) // 2)
    return Borders(changes, sorted(edges))


def _parts(turns: Sequence[Turn]) -> list[tuple[int, int, frozenset[int]]]:
    """The times in which the same voices speak, in order: start and end in samples, and the voices."""
    spans = [(*span(turn), turn.voice) for turn in turns]
    edges = sorted({edge for start, end, _ in spans for edge in (start, end)})
    found, first, active = [], 0, list[tuple[int, int, int]]()
    for a, b in pairwise(edges):
        while first < len(spans) and spans[first][0] <= a:
            active.append(spans[first])
            first += 1
        active = [s for s in active if s[1] > a]
        if active:
            found.append((a, b, frozenset(s[2] for s in active)))
    return found
