"""One recording from its start to its end: what was heard in it, what was taken out of it, and what became of its clips."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from components.report.amounts import reason_of
from components.report.texts import clock, shortened
from components.shared.rows import DatasetRow, TimelineSpan

HEARD = ("speech", "music", "noise", "silence")
CANDIDATES = 20
"""Recordings whose timelines are read to find the one with the most variety."""
MOST_LINES, MOST_LANES = 12, 6
MOST_STRETCHES, LEAST_STRETCHES = 3000, 500
"""Drawn of all together, and of each of what was removed, clips and what was heard where there are as many."""
MOST_CHARACTERS = 120
"""Of what there is to say of a stretch: there are many."""
_LINE_SECONDS = (15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)


@dataclass(frozen=True)
class Stretch:
    """A part of a lane."""

    start: float
    """In seconds of the recording, as its end."""
    end: float
    kind: str
    """What it is drawn as."""
    label: str
    detail: str
    """What there is to say of it, in one line."""


@dataclass(frozen=True)
class Line:
    """A stretch of time with its lanes, one below the other."""

    start: float
    seconds: float
    lanes: list[tuple[str, list[Stretch]]]

    def left(self, stretch: Stretch) -> float:
        """Where a stretch begins, in percent of the line."""
        return 100 * (stretch.start - self.start) / self.seconds

    def width(self, stretch: Stretch) -> float:
        """How long it is, in percent of the line."""
        return 100 * (stretch.end - stretch.start) / self.seconds


@dataclass(frozen=True)
class Timeline:
    """A recording's lines of time, each of the same length."""

    rows: list[DatasetRow]
    heard: list[TimelineSpan]
    lines: list[Line]
    seconds: float
    kinds: frozenset[str]
    """What stretches are drawn as."""
    left_out: int
    """Stretches that are not drawn, because there are too many; those that go on in another line count in each."""


def candidates(rows: Iterable[DatasetRow]) -> list[list[DatasetRow]]:
    """The rows of the recordings whose clips differ most, the most varied one first."""
    found: dict[str, list[DatasetRow]] = defaultdict(list)
    for row in rows:
        found[row.recording].append(row)
    order = sorted(found, key=lambda name: (-variety(found[name], ()), not found[name][0].timeline_sha256, name))
    return [found[name] for name in order[:CANDIDATES]]


def variety(rows: Iterable[DatasetRow], heard: Iterable[TimelineSpan]) -> int:
    """How many different things there are in a recording: outcomes, speakers, tones, genders, and what else was heard."""
    clips = {(kind, value) for r in rows for kind, value in (("reason", reason_of(r)), ("speaker", r.speaker), ("tone", r.tone)) if value}
    kept = {("kept", r.kept) for r in rows}
    return len(clips | kept | {(h.kind, h.label) for h in heard})


def timeline(rows: Sequence[DatasetRow], heard: Sequence[TimelineSpan]) -> Timeline:
    """A recording as lines of time.

    Args:
        rows: Its clips.
        heard: What was heard in it; nothing for a recording of before this was kept.
    """
    total = max([h.end for h in heard] + [r.end for r in rows])
    seconds = next((s for s in _LINE_SECONDS if total <= s * MOST_LINES), math.ceil(total / MOST_LINES))
    found = [
        [Stretch(h.start, h.end, "removed", h.label or h.kind, _said(h)) for h in heard if h.kind not in HEARD],
        [_of_clip(r) for r in rows],
        [Stretch(h.start, h.end, h.kind, h.label or h.kind, _said(h)) for h in heard if h.kind in HEARD],
    ]
    parts = [list(_parts(stretches, seconds)) for stretches in found]
    removed, clips, listened = _most(parts)
    drawn = [("heard", listened), ("clips", clips), *(("removed", lane) for lane in _stacked(removed))]
    lines = [
        Line(start, seconds, [(name, [s for s in lane if start <= s.start < start + seconds]) for name, lane in drawn if lane])
        for start in range(0, math.ceil(total), seconds)
    ]
    shown = [*removed, *clips, *listened]
    return Timeline(list(rows), list(heard), lines, total, frozenset(s.kind for s in shown), sum(map(len, parts)) - len(shown))


def _parts(stretches: Iterable[Stretch], seconds: int) -> Iterator[Stretch]:
    """Stretches cut where lines of so many seconds end."""
    for stretch in stretches:
        for start in range(int(stretch.start) // seconds * seconds, math.ceil(stretch.end), seconds):
            yield replace(stretch, start=max(stretch.start, start), end=min(stretch.end, start + seconds))


def _most(found: Sequence[list[Stretch]]) -> list[list[Stretch]]:
    """The longest of each list, in their order in time. What there is room for is the first list's before the next one's."""
    room, kept = MOST_STRETCHES, []
    for place, stretches in enumerate(found, 1):
        count = room - LEAST_STRETCHES * (len(found) - place)
        longest = sorted(stretches, key=lambda s: s.start - s.end)[:count]
        kept.append(sorted(longest, key=lambda s: s.start))
        room -= len(longest)
    return kept


def _said(heard: TimelineSpan) -> str:
    said = f"{clock(heard.start)} to {clock(heard.end)}: " + " ".join(t for t in (heard.kind, heard.label) if t)
    return shortened(said, MOST_CHARACTERS)


def _of_clip(row: DatasetRow) -> Stretch:
    facts = ", ".join(t for t in (row.speaker, row.gender, row.tone) if t)
    outcome = "kept" if row.kept else f"rejected: {row.reason}"
    label = (row.tone or row.speaker or "kept") if row.kept else reason_of(row)
    detail = (
        f"{clock(row.start)} to {clock(row.end)}: {outcome}" + (f" ({facts})" if facts else "") + (f" “{row.text}”" if row.text else "")
    )
    return Stretch(row.start, row.end, "kept" if row.kept else "rejected", label, shortened(detail, MOST_CHARACTERS))


def _stacked(stretches: Iterable[Stretch]) -> list[list[Stretch]]:
    """Stretches in as few lanes as they need so that none lies over another; what needs more than MOST_LANES lies in the last."""
    lanes: list[list[Stretch]] = []
    for stretch in sorted(stretches, key=lambda s: (s.start, -s.end, s.label)):
        free = next((lane for lane in lanes if lane[-1].end <= stretch.start), None)
        if free is None and len(lanes) < MOST_LANES:
            lanes.append(free := [])
        (lanes[-1] if free is None else free).append(stretch)
    return lanes
