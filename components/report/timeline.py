"""Lays out one recording over time: its segments, its turns, the sounds that were removed from it, and its clips."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from components.report.amounts import reason_of
from components.report.texts import clock, shortened
from components.shared.events import EVENT
from components.shared.rows import VOICE, DatasetRow, TimelineSpan
from components.shared.speaking import speakers_of, turns_of

HEARD = ("speech", "music", "noise", "silence")
"""The kinds of segments. All other kinds of a timeline but VOICE and EVENT are removed sounds."""
CANDIDATES = 20
"""Number of recordings whose timelines are read to find the one with the most variety."""
MOST_LINES, MOST_LANES = 12, 6
MOST_STRETCHES, LEAST_STRETCHES = 3500, 500
"""Most stretches that are drawn in all, and how many of them each of removed sounds, clips, turns, events and segments gets at least."""
MOST_CHARACTERS = 120
"""Longest detail of a stretch."""
_LINE_SECONDS = (15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
"""Lengths that a line may have."""


@dataclass(frozen=True)
class Stretch:
    """A part of a lane."""

    start: float
    """Start in the recording, in seconds."""
    end: float
    kind: str
    """CSS class that it is drawn with: one of HEARD, kept, rejected, voice, event or removed."""
    label: str
    detail: str
    """One line of text that the page shows on hover."""


@dataclass(frozen=True)
class Line:
    """A part of the recording with its lanes, one below the other."""

    start: float
    seconds: float
    lanes: list[tuple[str, list[Stretch]]]

    def left(self, stretch: Stretch) -> float:
        """Start of a stretch, in percent of the line."""
        return 100 * (stretch.start - self.start) / self.seconds

    def width(self, stretch: Stretch) -> float:
        """Length of a stretch, in percent of the line."""
        return 100 * (stretch.end - stretch.start) / self.seconds


@dataclass(frozen=True)
class Timeline:
    """A recording as lines of the same length."""

    rows: list[DatasetRow]
    heard: list[TimelineSpan]
    lines: list[Line]
    seconds: float
    kinds: frozenset[str]
    """The kinds of all stretches that are drawn."""
    left_out: int
    """Number of stretches that are not drawn because there are too many. One that crosses lines counts in each."""


def candidates(rows: Iterable[DatasetRow]) -> list[list[DatasetRow]]:
    """The clips of each of the CANDIDATES recordings with the most variety, the most varied first."""
    found: dict[str, list[DatasetRow]] = defaultdict(list)
    for row in rows:
        found[row.recording].append(row)
    order = sorted(found, key=lambda name: (-variety(found[name], ()), not found[name][0].timeline_sha256, name))
    return [found[name] for name in order[:CANDIDATES]]


def variety(rows: Iterable[DatasetRow], heard: Iterable[TimelineSpan]) -> int:
    """Number of different reasons, speakers, tones and sounds in a recording."""
    clips = {(kind, value) for r in rows for kind, value in (("reason", reason_of(r)), ("speaker", r.speaker), ("tone", r.tone)) if value}
    kept = {("kept", r.kept) for r in rows}
    return len(clips | kept | {(h.kind, h.label) for h in heard})


def timeline(rows: Sequence[DatasetRow], heard: Sequence[TimelineSpan]) -> Timeline:
    """Lays out a recording over time. Its timeline is empty if the version was published before timelines were kept."""
    total = max([h.end for h in heard] + [r.end for r in rows])
    seconds = next((s for s in _LINE_SECONDS if total <= s * MOST_LINES), math.ceil(total / MOST_LINES))
    found = [
        [Stretch(h.start, h.end, "removed", h.label or h.kind, _said(h)) for h in heard if h.kind not in (*HEARD, VOICE, EVENT)],
        [_of_clip(r) for r in rows],
        _of_turns(turns_of(heard), rows),
        [Stretch(h.start, h.end, EVENT, h.label, _said(h)) for h in heard if h.kind == EVENT],
        [Stretch(h.start, h.end, h.kind, h.label or h.kind, _said(h)) for h in heard if h.kind in HEARD],
    ]
    parts = [list(_parts(stretches, seconds)) for stretches in found]
    removed, clips, turns, events, listened = _most(parts)
    above = (("voices", turns), ("events", events), ("removed", removed))
    stacked = [(name, lane) for name, stretches in above for lane in _stacked(stretches)]
    drawn = [("heard", listened), ("clips", clips), *stacked]
    lines = [
        Line(start, seconds, [(name, [s for s in lane if start <= s.start < start + seconds]) for name, lane in drawn if lane])
        for start in range(0, math.ceil(total), seconds)
    ]
    shown = [*removed, *clips, *turns, *events, *listened]
    return Timeline(list(rows), list(heard), lines, total, frozenset(s.kind for s in shown), sum(map(len, parts)) - len(shown))


def _parts(stretches: Iterable[Stretch], seconds: int) -> Iterator[Stretch]:
    """Cuts stretches at the ends of lines, which are this many seconds long."""
    for stretch in stretches:
        for start in range(int(stretch.start) // seconds * seconds, math.ceil(stretch.end), seconds):
            yield replace(stretch, start=max(stretch.start, start), end=min(stretch.end, start + seconds))


def _most(found: Sequence[list[Stretch]]) -> list[list[Stretch]]:
    """The longest stretches of each list, by time. Earlier lists get room first, but each gets LEAST_STRETCHES."""
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


def _of_turns(turns: Sequence[TimelineSpan], rows: Sequence[DatasetRow]) -> list[Stretch]:
    ids = speakers_of(turns, sorted(rows, key=lambda r: r.start))
    labels = [speaker or (f"voice {t.label}" if t.label else "unknown voice") for t, speaker in zip(turns, ids, strict=True)]
    return [
        Stretch(t.start, t.end, VOICE, label, f"{clock(t.start)} to {clock(t.end)}: {label} speaks")
        for t, label in zip(turns, labels, strict=True)
    ]


def _of_clip(row: DatasetRow) -> Stretch:
    facts = ", ".join(t for t in (row.speaker, row.gender, row.tone) if t)
    outcome = "kept" if row.kept else f"rejected: {row.reason}"
    label = (row.tone or row.speaker or "kept") if row.kept else reason_of(row)
    detail = (
        f"{clock(row.start)} to {clock(row.end)}: {outcome}" + (f" ({facts})" if facts else "") + (f" “{row.text}”" if row.text else "")
    )
    return Stretch(row.start, row.end, "kept" if row.kept else "rejected", label, shortened(detail, MOST_CHARACTERS))


def _stacked(stretches: Iterable[Stretch]) -> list[list[Stretch]]:
    """Puts stretches into as few lanes as they need not to overlap. Beyond MOST_LANES they overlap in the last."""
    lanes: list[list[Stretch]] = []
    for stretch in sorted(stretches, key=lambda s: (s.start, -s.end, s.label)):
        free = next((lane for lane in lanes if lane[-1].end <= stretch.start), None)
        if free is None and len(lanes) < MOST_LANES:
            lanes.append(free := [])
        (lanes[-1] if free is None else free).append(stretch)
    return lanes
