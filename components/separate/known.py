"""Removes steady tones and known effects from a recording before it is separated.

The network's mask follows the speech, and turns such a sound up and down with every syllable: afterwards neither a sine nor the effect's
own file fits it any more. They are found in the mean of the channels, and subtracted from each channel alike, so that music keeps its
place in the stereo image.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import soundfile

from components.shared.audio import Samples, blocks
from components.shared.rows import SAMPLE_RATE_HZ, Removed
from components.shared.steps import Filter, Sound, Step, Stream, mean, mono, prepared


def without(source: Path, steps: Iterable[Step], done: Callable[[float], None]) -> tuple[Iterator[Samples], tuple[Removed, ...]]:
    """Returns the blocks of a recording without the sounds that the steps find in it, and a row for each sound.

    Blocks are shaped (samples, channels). `done` is called with the seconds of audio that the analyses have read since its last call.
    """

    def heard() -> Stream:
        for block in mono(source):
            yield block
            done(len(block) / SAMPLE_RATE_HZ)

    todo, _ = prepared(steps, Sound(source.stem, heard, soundfile.info(source).frames, ()))
    return subtracted(blocks(source), todo.filter) if todo.removed else blocks(source), todo.removed


def subtracted(recording: Iterator[Samples], filter_: Filter) -> Iterator[Samples]:
    """Subtracts from each channel what a filter removes from the mean of the channels. Where it removes nothing, no bit changes."""
    waiting: list[Samples] = []

    def means() -> Stream:
        for block in recording:
            waiting.append(block)
            yield mean(block)

    for rest in filter_(means()):
        if waiting:
            held = np.concatenate(waiting)
            block, waiting[:] = held[: len(rest)], [held[len(rest) :]]
            yield (block - (mean(block) - rest)[:, None]).astype(np.float32)
