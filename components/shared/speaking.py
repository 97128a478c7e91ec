"""Who speaks in each turn of a recording, by the speakers of its clips."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from components.shared.rows import VOICE, TimelineSpan


class Spoken(Protocol):
    """A clip: its time in seconds and its speaker's id."""

    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...
    @property
    def speaker(self) -> str: ...


def turns_of(timeline: Sequence[TimelineSpan]) -> list[TimelineSpan]:
    """Returns the turns in a recording's timeline."""
    return [span for span in timeline if span.kind == VOICE]


def speakers_of(turns: Sequence[TimelineSpan], clips: Sequence[Spoken]) -> list[str]:
    """Returns the speaker of each turn.

    A clip belongs to the voice that has most of its time. A turn has the speaker of most of its own time in clips of its voice. If it
    has none, it has the speaker of most of the voice's time in the recording.

    Args:
        turns: Turns, whose label is the number of a voice in the recording, or empty.
        clips: The clips of the recording, ordered by start; they do not overlap.

    Returns:
        Ids, empty where no clip of the voice has a speaker.
    """
    shared = [list(_overlaps(turn, clips)) for turn in turns]
    voices: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for turn, parts in zip(turns, shared, strict=True):
        for clip, seconds in parts:
            voices[clip][turn.label] += seconds
    main = {clip: _most(found) for clip, found in voices.items()}
    own: list[dict[str, float]] = [defaultdict(float) for _ in turns]
    whole: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for turn, parts, mine in zip(turns, shared, own, strict=True):
        for clip, seconds in parts:
            if turn.label and main[clip] == turn.label and (speaker := clips[clip].speaker):
                mine[speaker] += seconds
                whole[turn.label][speaker] += seconds
    return [_most(mine or whole[turn.label]) for turn, mine in zip(turns, own, strict=True)]


def _overlaps(turn: TimelineSpan, clips: Sequence[Spoken]) -> Iterator[tuple[int, float]]:
    """Yields the number of each clip that overlaps a turn, and by how many seconds."""
    number = max(bisect_right(clips, turn.start, key=lambda clip: clip.start) - 1, 0)
    while number < len(clips) and clips[number].start < turn.end:
        seconds = min(turn.end, clips[number].end) - max(turn.start, clips[number].start)
        if seconds > 0:
            yield number, seconds
        number += 1


def _most(seconds_of: Mapping[str, float]) -> str:
    return max(seconds_of, key=lambda name: (seconds_of[name], name), default="")
