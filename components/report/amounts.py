"""Where a version's seconds went, and whose and what they are: sums over its rows."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow

OUTSIDE = ("music", "noise", "silence", "unclipped_speech")
"""What a recording's seconds are that are in no clip."""
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Step:
    """One step from what was crawled to what is kept."""

    reason: str
    """Why its seconds are left out."""
    seconds: float
    left_seconds: float
    """What is left after it."""
    clips: int
    """How many clips it is about; 0 for what is in no clip."""


@dataclass(frozen=True)
class Share:
    """What a column's value has of the clips' seconds."""

    name: str
    seconds: float
    kept_seconds: float
    clips: int


def seconds_of(row: DatasetRow) -> float:
    """Length of a clip."""
    return row.samples / SAMPLE_RATE_HZ


def reason_of(row: DatasetRow) -> str:
    """Why a clip is rejected, without what is told behind a colon."""
    return row.reason.partition(":")[0]


def outside_seconds(seconds: Mapping[str, float]) -> dict[str, float]:
    """Seconds in no clip by what they are, of where a version's lineage says that its seconds went."""
    return {name: seconds.get(f"rejected_{name}_seconds", 0.0) for name in OUTSIDE}


def funnel(rows: Iterable[DatasetRow], outside: Mapping[str, float]) -> list[Step]:
    """The way from the crawled seconds to the kept ones: first what is in no clip, then the clips' reasons, the longest first."""
    samples: Counter[str] = Counter()
    clips: Counter[str] = Counter()
    for row in rows:
        name = "" if row.kept else reason_of(row)
        samples[name] += row.samples
        clips[name] += 1
    kept = samples.pop("", 0) / SAMPLE_RATE_HZ
    reasons = sorted(samples, key=lambda name: (-samples[name], name))
    lost = [(name, outside[name], 0) for name in outside if outside[name]]
    lost += [(name, samples[name] / SAMPLE_RATE_HZ, clips[name]) for name in reasons]
    left = kept + sum(seconds for _, seconds, _ in lost)
    steps = []
    for name, seconds, count in lost:
        left -= seconds
        steps.append(Step(name, seconds, max(left, 0.0), count))
    return steps


def shares(rows: Iterable[DatasetRow], column: str) -> list[Share]:
    """What every value of a column of texts has of the clips' seconds; the one with most kept seconds first. "" is unknown."""
    samples: dict[str, int] = defaultdict(int)
    kept: dict[str, int] = defaultdict(int)
    clips: Counter[str] = Counter()
    for row in rows:
        name = getattr(row, column) or UNKNOWN
        samples[name] += row.samples
        kept[name] += row.samples * row.kept
        clips[name] += 1
    order = sorted(samples, key=lambda name: (-kept[name], -samples[name], name))
    return [Share(name, samples[name] / SAMPLE_RATE_HZ, kept[name] / SAMPLE_RATE_HZ, clips[name]) for name in order]


def most(found: Sequence[Share], count: int) -> list[Share]:
    """The first of them, and one more that is all others together."""
    rest = found[count:]
    if len(rest) < 2:
        return list(found)
    others = Share(f"{len(rest)} more", sum(s.seconds for s in rest), sum(s.kept_seconds for s in rest), sum(s.clips for s in rest))
    return [*found[:count], others]
