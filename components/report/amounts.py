"""Sums the seconds of a version's rows by outcome and by the values of a column."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow

OUTSIDE = ("music", "noise", "silence", "unclipped_speech")
"""The kinds of seconds that are in no clip."""
UNKNOWN = "unknown"
"""Shown for an empty value."""


@dataclass(frozen=True)
class Step:
    """One step from the crawled to the kept seconds."""

    reason: str
    """Reason of the rejected clips, or one of OUTSIDE."""
    seconds: float
    """Seconds that this step takes away."""
    left_seconds: float
    """Seconds that are left after it."""
    clips: int
    """Number of rejected clips; 0 for seconds in no clip."""


@dataclass(frozen=True)
class Share:
    """The seconds of all clips with one value of a column."""

    name: str
    """The value."""
    seconds: float
    kept_seconds: float
    clips: int


def seconds_of(row: DatasetRow) -> float:
    """Length of a clip in seconds."""
    return row.samples / SAMPLE_RATE_HZ


def reason_of(row: DatasetRow) -> str:
    """The reason why a clip is rejected, without the part after a colon."""
    return row.reason.partition(":")[0]


def outside_seconds(seconds: Mapping[str, float]) -> dict[str, float]:
    """The seconds in no clip, by kind. `seconds` is the part of a version's lineage about its seconds."""
    return {name: seconds.get(f"rejected_{name}_seconds", 0.0) for name in OUTSIDE}


def funnel(rows: Iterable[DatasetRow], outside: Mapping[str, float]) -> list[Step]:
    """The steps from the crawled to the kept seconds: first those in no clip, then each reason, the longest first."""
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
    """The seconds of each value of a text column, most kept seconds first. "" becomes UNKNOWN."""
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
    """The first `count` shares, and one that sums all others."""
    rest = found[count:]
    if len(rest) < 2:
        return list(found)
    others = Share(f"{len(rest)} more", sum(s.seconds for s in rest), sum(s.kept_seconds for s in rest), sum(s.clips for s in rest))
    return [*found[:count], others]
