"""Separates a recording into speech and accompaniment, in memory that does not grow with its length."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from components.separate.known import without
from components.separate.network import Network
from components.separate.stream import separated, windows
from components.shared.audio import FlacWriter, Samples
from components.shared.rows import SAMPLE_RATE_HZ, Removed
from components.shared.steps import Step


@dataclass(frozen=True)
class Options:
    """Settings of the separation."""

    stereo: bool = False
    segments: int = 1
    """Segments per call of the network."""
    before: tuple[Step, ...] = ()
    """Removal of known sounds from the recording, before it is separated."""


class Separated(NamedTuple):
    """What was done to a recording."""

    samples: int
    clipped_samples: int
    """Samples above full scale in the results, over all tracks and channels."""
    removed: tuple[Removed, ...]


def results(recording: Iterator[Samples], network: Network, options: Options, keep_other: bool) -> Iterator[Samples]:
    """Separates a recording, blocks shaped (samples, channels), on the same timeline.

    Yields speech and, if kept, accompaniment, shaped (tracks, samples, channels).
    """
    return separated(windows(recording, network.config, options.segments), network, keep_other, options.stereo)


def separate(
    source: Path, speech: Path, other: Path | None, network: Network, options: Options, done: Callable[[float], None]
) -> Separated:
    """Writes the speech of a recording and, if `other` is given, everything else. All are FLAC files at SAMPLE_RATE_HZ.

    `done` is called with shares of the recording's seconds that add up to its length.
    """
    passes, clipped, told = sum(step.passes for step in options.before) + 1, 0, 0.0

    def read(seconds: float) -> None:
        nonlocal told
        told += seconds / passes
        done(seconds / passes)

    recording, removed = without(source, options.before, read)
    with ExitStack() as stack:
        files = [stack.enter_context(FlacWriter(path, 1 + options.stereo)) for path in (speech, other) if path]
        for tracks in results(recording, network, options, keep_other=len(files) > 1):
            for file, track in zip(files, tracks, strict=True):
                file.write(track)
            clipped += int(np.count_nonzero(np.abs(tracks) > 1))
            read(tracks.shape[1] / SAMPLE_RATE_HZ)
    done(max(0.0, files[0].samples / SAMPLE_RATE_HZ - told))  # a step that finds nothing reads less
    return Separated(files[0].samples, clipped, removed)
