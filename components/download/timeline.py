"""Finds the holes in a stream by its timestamps, so that every sound can stay at its second."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

LEAST_SECONDS = 0.05
"""Shortest hole. Players, and containers that store milliseconds, shift frames by less."""
MOST_SECONDS = 3600.0
"""Longest hole. Timestamps that jump further, or that start later than this, belong to another clock."""
BACK_SECONDS = 1.0
"""Jump back that starts another clock. The sound after it stays, after the sound before it."""
SETTLED_SECONDS, END_SECONDS = 1.0, 0.2
"""Sound after a hole that must be late as well: fewer late frames are jitter. And the shortest hole with less sound after it."""

Frame = tuple[float | None, float]
"""Timestamp, if it has one, and length of a decoded frame, in seconds."""


@dataclass
class Timeline:
    """Where the timestamps of a stream differ from the sum of its frames."""

    first: float = 0.0
    """Timestamp of the first frame."""
    holes: list[tuple[float, float]] = field(default_factory=list)
    """Seconds of sound before each hole, and seconds that are missing there."""
    jumps: int = 0
    """Number of jumps to another clock, which are ignored."""

    def late(self, seconds: float) -> "Timeline":
        """Returns the timeline of a stream that starts this late in its file."""
        return replace(self, holes=[(0.0, seconds), *self.holes]) if LEAST_SECONDS < seconds <= MOST_SECONDS else self


def timeline(frames: Iterable[Frame]) -> Timeline:
    """Compares the timestamps of frames with the first one and the sound between.

    A slow drift becomes a hole when it reaches LEAST_SECONDS.
    """
    found = Timeline()
    waiting: deque[tuple[float, float]] = deque()  # sound before a frame, and by how much its timestamp is ahead of it
    filled = played = 0.0

    def settle(shortest: float) -> None:
        nonlocal filled
        before, ahead = waiting[0]
        if ahead - filled > shortest and (least := min(a for _, a in waiting) - filled) > shortest:
            filled += least
            if least <= MOST_SECONDS:
                found.holes.append((before, least))
            else:
                found.jumps += 1
        elif ahead - filled < -BACK_SECONDS and (most := max(a for _, a in waiting) - filled) < -BACK_SECONDS:
            filled += most
            found.jumps += 1
        waiting.popleft()

    for number, (timestamp, seconds) in enumerate(frames):
        if number == 0:
            found.first = filled = timestamp or 0.0
        waiting.append((played, filled if timestamp is None else timestamp - played))
        played += seconds
        while waiting and played - waiting[0][0] > SETTLED_SECONDS:  # a frame can be longer than that
            settle(LEAST_SECONDS)
    while waiting:
        settle(END_SECONDS)
    return found
