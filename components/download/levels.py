"""Measures the channels of a stream in frames of 0.1 s, with a few MB per hour and channel."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.shared.audio import FULL_SCALE, Samples
from components.shared.rows import SAMPLE_RATE_HZ

FRAME = SAMPLE_RATE_HZ // 10
"""Samples of a frame."""
LARGEST = 2.0**31
"""Largest sample that is a number: the full scale of integers of 32 bits, which some programs write as floats."""

Numbers = NDArray[np.float32]


@dataclass(frozen=True)
class Levels:
    """Measurements of every frame, shaped (frames, channels + 1); the last column is the sum of the channels."""

    means: Numbers
    powers: Numbers
    """Mean squares without the mean of the frame."""
    lows: Numbers
    highs: Numbers
    samples: int
    silenced: int
    """Number of samples that are no numbers, or beyond LARGEST."""
    fine: bool
    """Whether 16 bits do not hold the samples exactly."""

    @property
    def sounding(self) -> NDArray[np.bool_]:
        """Frames that are not digital silence in every channel."""
        return ((self.lows != 0) | (self.highs != 0))[:, :-1].any(axis=1)


def clean(block: Samples) -> tuple[Samples, int]:
    """Returns a block with zeros for samples that are no numbers or beyond LARGEST, and their number."""
    peak = np.abs(block).max(initial=0)
    if peak <= LARGEST:  # false for NaN
        return block, 0
    good = np.abs(block) <= LARGEST
    return np.where(good, block, np.float32(0)), int(good.size - np.count_nonzero(good))


def measure(blocks: Iterable[Samples], channels: int) -> Levels:
    """Measures blocks shaped (samples, channels), each a whole number of frames but for the last."""
    found: list[Numbers] = []
    samples = silenced = 0
    fine = False
    for dirty in blocks:
        block, odd = clean(dirty)
        samples, silenced = samples + len(block), silenced + odd
        fine = fine or bool(np.any(np.rint(scaled := block * np.float32(FULL_SCALE)) != scaled))
        found += [_measured(frames) for frames in _framed(block)]
    means, powers, lows, highs = np.concatenate([np.zeros((4, 0, channels + 1), np.float32), *found], axis=1)
    return Levels(means, powers, lows, highs, samples, silenced, fine)


def _framed(block: Samples) -> Iterator[Samples]:
    """Yields the whole frames of a block, then the rest, shaped (channels, frames, samples)."""
    whole = len(block) // FRAME * FRAME
    if whole:
        yield np.ascontiguousarray(block[:whole].T).reshape(block.shape[1], -1, FRAME)
    if whole < len(block):
        yield np.ascontiguousarray(block[whole:].T)[:, None]


def _measured(frames: Samples) -> Numbers:
    """Returns means, powers, lows and highs, shaped (4, frames, channels + 1)."""
    frames = np.concatenate([frames, frames.sum(axis=0, keepdims=True)])
    means, lows, highs = frames.mean(axis=2), frames.min(axis=2), frames.max(axis=2)
    frames -= means[..., None]
    powers = np.einsum("cfs,cfs->cf", frames, frames) / frames.shape[2]
    return np.stack([means, powers, lows, highs]).transpose(0, 2, 1)
