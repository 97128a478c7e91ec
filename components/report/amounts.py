"""Sums the seconds of a version's rows by outcome and by the values of a column."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow
from components.shared.table import sums_by

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


class Amounts:
    """The samples and clips of a version by outcome and by the values of some columns, added up block by block."""

    COLUMNS = ("samples", "kept", "reason")
    """The columns that each table needs, beside those to add up by."""

    def __init__(self, columns: Iterable[str]) -> None:
        self._by_reason: Counter[str] = Counter()
        self._clips: Counter[str] = Counter()
        self._by_value: dict[str, dict[str, Counter[str]]] = {column: defaultdict(Counter) for column in columns}

    def add(self, table: pa.Table) -> None:
        """Adds the clips of a table."""
        for (kept, reason), samples, clips in sums_by(table, ["kept", "reason"]):
            name = "" if kept else reason.partition(":")[0]
            self._by_reason[name] += samples
            self._clips[name] += clips
        for column, found in self._by_value.items():
            for (value, kept), samples, clips in sums_by(table, [column, "kept"]):
                found[value].update(samples=samples, kept=samples * kept, clips=clips)

    @property
    def clips(self) -> int:
        """Number of clips, kept or rejected."""
        return sum(self._clips.values())

    @property
    def kept_clips(self) -> int:
        """Number of kept clips."""
        return self._clips[""]

    @property
    def seconds(self) -> float:
        """Seconds in clips."""
        return sum(self._by_reason.values()) / SAMPLE_RATE_HZ

    @property
    def kept_seconds(self) -> float:
        """Seconds in kept clips."""
        return self._by_reason[""] / SAMPLE_RATE_HZ

    def funnel(self, outside: Mapping[str, float]) -> list[Step]:
        """The steps from the crawled to the kept seconds: first those in no clip, then each reason, the longest first."""
        samples = {name: count for name, count in self._by_reason.items() if name}
        reasons = sorted(samples, key=lambda name: (-samples[name], name))
        lost = [(name, outside[name], 0) for name in outside if outside[name]]
        lost += [(name, samples[name] / SAMPLE_RATE_HZ, self._clips[name]) for name in reasons]
        left = self.kept_seconds + sum(seconds for _, seconds, _ in lost)
        steps = []
        for name, seconds, count in lost:
            left -= seconds
            steps.append(Step(name, seconds, max(left, 0.0), count))
        return steps

    def shares(self, column: str) -> list[Share]:
        """The seconds of each value of a column, most kept seconds first. "" becomes UNKNOWN. Empty if no clip has a value."""
        found = self._by_value[column]
        if not found.keys() - {""}:
            return []
        order = sorted(found, key=lambda name: (-found[name]["kept"], -found[name]["samples"], name or UNKNOWN))
        return [
            Share(name or UNKNOWN, own["samples"] / SAMPLE_RATE_HZ, own["kept"] / SAMPLE_RATE_HZ, own["clips"])
            for name, own in ((name, found[name]) for name in order)
        ]


def most(found: Sequence[Share], count: int) -> list[Share]:
    """The first `count` shares, and one that sums all others."""
    rest = found[count:]
    if len(rest) < 2:
        return list(found)
    others = Share(f"{len(rest)} more", sum(s.seconds for s in rest), sum(s.kept_seconds for s in rest), sum(s.clips for s in rest))
    return [*found[:count], others]
