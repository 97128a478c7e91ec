"""Scores the clips of a dataset against the ground truth of its show."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple


class Row(NamedTuple):
    """A clip: seconds on its episode's timeline, female, male or "", and whether the dataset keeps it."""

    start: float
    end: float
    gender: str
    kept: bool


@dataclass(frozen=True)
class Score:
    """Shares of time over the kept clips; 0 where there is none."""

    recall: float
    """Share of the speech in the episodes that lies in a clip."""
    idle: float
    """Share of the clips in which nobody speaks."""
    gender: float
    """Share of the speech in the clips where the clip has the speaker's gender."""
    repeated_seconds: float
    """Seconds that lie in more than one clip."""


def score(truths: Mapping[str, Mapping[str, Any]], rows: Mapping[str, Iterable[Row]]) -> Score:
    """Scores all episodes. Both mappings have the episodes' names as keys."""
    spoken = kept = found = right = repeated = 0.0
    for name, truth in truths.items():
        said = [(u["start"], u["end"], u["gender"]) for u in truth["utterances"]]
        clips = sorted(r for r in rows[name] if r.kept)
        spoken += sum(end - start for start, end, _ in said)
        kept += sum(r.end - r.start for r in clips)
        repeated += sum(max(0.0, a.end - b.start) for a, b in pairwise(clips))
        for row in clips:
            for start, end, gender in said:
                seconds = max(0.0, min(end, row.end) - max(start, row.start))
                found += seconds
                right += seconds * (row.gender[:1].upper() == gender)
    return Score(_share(found, spoken), _share(kept - found, kept), _share(right, found), repeated)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
