"""The parts of a chain: steps, filters and streams of samples.

A filter turns an iterator of mono float64 blocks, shaped (samples,), into another one of the same total length, without delay. The
generator holds the filter's state. The result does not depend on the sizes of the blocks.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from components.shared.audio import BLOCK_SECONDS, Samples, blocks
from components.shared.rows import Choice, Removed

Mono = NDArray[np.float64]
Stream = Iterator[Mono]
Filter = Callable[[Stream], Stream]
Span = tuple[int, int]
"""The first sample of a stretch, and the one after its last."""


@dataclass(frozen=True)
class Sound:
    """A recording as the input of a step, which may read it before it filters it."""

    recording: str
    stream: Callable[[], Stream]
    """Starts a new stream of its samples, filtered by all earlier steps."""
    samples: int
    speech: tuple[Span, ...]
    """The stretches of speech, in order."""

    def through(self, filter_: Filter) -> "Sound":
        """Returns the recording after a filter."""
        return replace(self, stream=lambda: filter_(self.stream()))


class Prepared(NamedTuple):
    """The filter of a step for one recording, and its results."""

    filter: Filter
    removed: tuple[Removed, ...] = ()
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True)
class Step:
    """One entry of a chain."""

    prepare: Callable[[Sound], Prepared]
    """Analyzes a recording if necessary, and returns the filter for it."""
    passes: int = 0
    """Number of times the analysis reads the whole recording."""


def mono(path: Path, block_seconds: float = BLOCK_SECONDS) -> Stream:
    """Yields the mean of a recording's channels, block by block."""
    for block in blocks(path, block_seconds):
        yield mean(block)


def mean(block: Samples) -> Mono:
    """Returns the mean of the channels of samples shaped (samples, channels)."""
    total = block[:, 0].astype(np.float64)
    for channel in range(1, block.shape[1]):
        total += block[:, channel]
    return total / block.shape[1]


def always(filter_: Filter) -> Step:
    """Returns a step that applies the same filter to every recording."""
    return Step(lambda _: Prepared(filter_))


def prepared(steps: Iterable[Step], sound: Sound) -> tuple[Prepared, Sound]:
    """Combines steps into one; also returns the recording after all of them."""
    filters: list[Filter] = []
    removed: list[Removed] = []
    choices: list[Choice] = []
    for step in steps:
        done = step.prepare(sound)
        filters.append(done.filter)
        removed += done.removed
        choices += done.choices
        sound = sound.through(done.filter)

    def apply(stream: Stream) -> Stream:
        for filter_ in filters:
            stream = filter_(stream)
        return stream

    return Prepared(apply, tuple(removed), tuple(choices)), sound
