"""One recording into speech and accompaniment, in memory that does not grow with its length."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from components.separate.network import Network
from components.separate.passing import Result, blended, rule
from components.separate.stream import Filter, separated, windows
from components.shared.audio import FlacWriter, Samples, blocks
from components.shared.rows import SAMPLE_RATE_HZ


@dataclass(frozen=True)
class Options:
    """How recordings are separated."""

    stereo: bool = False
    refine: Filter | None = None
    in_middle: bool = False
    """What also lies at a side is subtracted from the middle."""
    clean_db: float | None = None
    """Stretches pass in which there is so much less accompaniment than speech; None: none does, as Spleeter has it."""
    segments: int = 1
    """That the network takes at a time."""


class Counts(NamedTuple):
    """What became of a recording's samples."""

    samples: int
    passed: int
    """They are as they came."""
    clipped: int
    """They were above full scale, in one result or the other."""


def results(recording: Iterator[Samples], network: Network, options: Options, keep_other: bool) -> Iterator[Result]:
    """A recording of blocks shaped (samples, channels) as what is made of it: as many samples, each at its place."""
    config = network.config
    parts = separated(windows(recording, config, options.segments), network, keep_other, options.stereo, options.refine, options.in_middle)
    if options.clean_db is None:
        return (Result(part.tracks[1:], 0) for part in parts)
    return blended(parts, rule(options.clean_db, config.frame_step / SAMPLE_RATE_HZ), config.frame_step)


def separate(source: Path, speech: Path, other: Path | None, network: Network, options: Options, done: Callable[[float], None]) -> Counts:
    """Writes the speech of a recording and, if it has a place, everything else.

    Args:
        source: FLAC file at SAMPLE_RATE_HZ.
        speech: FLAC file to write.
        other: FLAC file to write, or None.
        done: Told the seconds of audio that are done, bit by bit.
    """
    passed = clipped = 0
    with ExitStack() as stack:
        files = [stack.enter_context(FlacWriter(path, 1 + options.stereo)) for path in (speech, other) if path]
        for result in results(blocks(source), network, options, keep_other=len(files) > 1):
            for file, track in zip(files, result.tracks, strict=True):
                file.write(track)
            passed += result.passed
            clipped += int(np.count_nonzero(np.abs(result.tracks) > 1))
            done(result.tracks.shape[1] / SAMPLE_RATE_HZ)
    return Counts(files[0].samples, passed, clipped)
