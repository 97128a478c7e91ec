"""Decides from measured channels how to mix them, so that no voice is lost, and mixes them.

Later stages average the two channels of a recording. So the average must hold every voice. It does in stereo as people make it. Where it
does not, frame by frame, both channels get the same sound:

- one channel alone: the average, so that `separate` does not take the difference of the channels for music.
- channels that cancel each other: the louder one.

If most of a stereo stream is such sound, or if a stream has more than two channels without a stated layout, its channels are microphones,
not loudspeakers. They become one channel: their sum, as loud as the loudest of them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from components.download.levels import FRAME, Levels, clean
from components.shared.audio import FULL_SCALE, Samples

CANCEL = 0.8
"""Channels cancel each other in a frame if the power of their sum is below this share of the loudest one's, -1 dB. A voice in one channel
of several has 1, in two equal ones 4. The average of two channels then is 7 dB below the louder one."""
ALONE = 0.01
"""A channel is alone in a frame if the other one has less than this share of its power, -20 dB."""
REACH = 3
"""Frames on each side that take part in a decision by their energy, so that single frames do not decide."""
MOSTLY = 0.5
"""Share of the energy in such frames from which a stereo stream becomes mono."""
PREFER = 0.5
"""The first channel with more than this share of the loudest one's power is taken of those that cancel, so that it stays the same."""
QUIET = 10 ** (-40 / 20)
"""Peak up to which a stream is turned up if 16 bits do not hold it exactly: at -40 dB they hold it with 37 dB of signal to noise."""
MOST_UP = 10 ** (60 / 20)
"""Largest gain. What is quieter still is the rounding of samples."""
TOP = (FULL_SCALE - 1) / FULL_SCALE
OFFSET, SURE = 0.001, 5.0
"""Least offset that is removed, relative to the peak; and relative to the uncertainty of the mean of the frames. Where 16 bits hold the
samples, it is at least a step of theirs."""
LEAST_FRAMES = 5
"""Fewer frames say nothing about an offset."""

States = NDArray[np.intp]


@dataclass(frozen=True)
class Mix:
    """How to mix a stream."""

    matrices: NDArray[np.float32]
    """A matrix for each state, shaped (states, channels, output channels)."""
    states: States
    """The state of each frame."""
    offsets: NDArray[np.float32]
    """Offset of each channel."""
    sounding: NDArray[np.bool_]
    """Frames with an offset; digital silence has none."""
    notes: tuple[str, ...]
    """What the mix changes."""

    @property
    def channels(self) -> int:
        """Number of output channels."""
        return int(self.matrices.shape[2])


def plan(levels: Levels, most_channels: int = 2) -> Mix:
    """Decides how to mix a stream of these levels to at most so many channels, 1 or 2."""
    offsets = _offsets(levels)
    channels = len(offsets)
    loudest = levels.powers[:, :-1].max(axis=1)
    cancels = _mostly(levels.powers[:, -1] < CANCEL * loudest, loudest) if channels > 1 else np.zeros(len(loudest), bool)
    alone = np.zeros(len(loudest), bool)
    if channels == 2:
        alone = ~cancels & _mostly(levels.powers[:, :-1].min(axis=1) < ALONE * loudest, loudest)
    stereo = channels == most_channels == 2 and loudest[cancels | alone].sum() < MOSTLY * loudest.sum()

    # the states: unchanged, alone, and each channel in place of those that cancel
    copies = np.repeat(np.eye(channels)[:, :, None], 2 if stereo else 1, axis=2)
    together = np.full((channels, 1), _weight(levels.powers[:, -1], loudest, ~cancels))
    first = (np.eye(2), np.full((2, 2), 0.5)) if stereo else (together, together)
    matrices = np.stack([*first, *copies])
    states = np.where(cancels, 2 + _taken(levels.powers[:, :-1], cancels), alone & stereo)
    gain = _gain(_peak(levels, offsets, matrices, states), levels.fine)
    notes = (
        *([f"mixed {channels} channels to {1 + stereo}"] if channels != 1 + stereo else []),
        *([f"{_seconds(alone):.1f} s on one channel only"] if alone.any() else []),
        *([f"{_seconds(cancels):.1f} s with channels of opposite phase: one taken"] if cancels.any() else []),
        *([f"offset of {np.abs(offsets).max():.2g} removed"] if offsets.any() else []),
        *([f"turned {'up' if gain > 1 else 'down'} {_decibels(gain)} dB"] if gain != 1 else []),
        *([f"{levels.silenced} samples that are no numbers silenced"] if levels.silenced else []),
    )
    return Mix((gain * matrices).astype(np.float32), states, offsets.astype(np.float32), levels.sounding, notes)


def _mostly(flags: NDArray[np.bool_], energies: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether most of the energy around each frame is in frames with the flag."""
    window = np.ones(2 * REACH + 1)
    total = np.convolve(energies.astype(np.float64), window)[REACH:][: len(flags)]
    flagged = np.convolve(np.where(flags, energies, 0).astype(np.float64), window)[REACH:][: len(flags)]
    return flagged > total / 2


def _weight(sums: NDArray[np.float32], loudest: NDArray[np.float32], which: NDArray[np.bool_]) -> float:
    """Returns the weight with which the sum of the channels is as loud as the loudest one; at most 1."""
    power = float(sums[which].sum(dtype=np.float64))
    return min(1.0, float(np.sqrt(loudest[which].sum(dtype=np.float64) / power))) if power else 1.0


def _taken(powers: NDArray[np.float32], cancels: NDArray[np.bool_]) -> States:
    """The channel to take in each run of frames whose channels cancel each other."""
    taken = np.zeros(len(cancels), np.intp)
    edges = [0, *(np.flatnonzero(np.diff(cancels)) + 1).tolist(), len(cancels)]
    for start, stop in pairwise(edges):
        run = powers[start:stop].sum(axis=0, dtype=np.float64)
        taken[start:stop] = np.argmax(run > PREFER * run.max())
    return taken


def _offsets(levels: Levels) -> NDArray[np.float64]:
    """Returns the constant offset of each channel, 0 where it is too small to matter or not sure."""
    where = levels.sounding
    means = levels.means[where, :-1].astype(np.float64)
    if len(means) < LEAST_FRAMES:
        return np.zeros(levels.means.shape[1] - 1)
    offsets = means.mean(axis=0)
    peaks = np.maximum(levels.highs[where, :-1] - offsets, offsets - levels.lows[where, :-1]).max(axis=0)
    sure = np.abs(offsets) > SURE * means.std(axis=0) / np.sqrt(len(means))
    least = np.maximum(OFFSET * peaks, 0 if levels.fine else 1 / FULL_SCALE)
    return np.where(sure & (np.abs(offsets) > least), offsets, 0)


def _peak(levels: Levels, offsets: NDArray[np.float64], matrices: NDArray[np.float64], states: States) -> float:
    """Returns the peak of the mix. The sum of equal weights is measured; other sums are of a single channel."""
    offsets = np.append(offsets, offsets.sum())
    peaks = np.maximum(levels.highs - offsets, offsets - levels.lows)
    most = 0.0
    for state, matrix in enumerate(matrices):
        used = np.convolve(states == state, np.ones(3))[1:][: len(states)] > 0  # with the neighbors, for the fades
        for weights in matrix.T:
            one = weights if np.count_nonzero(weights) == 1 else np.zeros(len(weights))
            weighed = np.append(one, 0 if one.any() else weights[0])
            most = max(most, float((peaks[used] @ weighed).max(initial=0)))
    return most


def _gain(peak: float, fine: bool) -> float:
    if peak > 1:
        return TOP / peak
    return min(QUIET / peak, MOST_UP) if fine and 0 < peak < QUIET else 1.0


def _decibels(gain: float) -> str:
    change = abs(20 * np.log10(gain))
    return f"{change:.1f}" if change >= 0.05 else "less than 0.1"


def _seconds(frames: NDArray[np.bool_]) -> float:
    return np.count_nonzero(frames) / 10


def mixed(blocks: Iterable[Samples], mix: Mix) -> Iterator[Samples]:
    """Mixes the blocks that were measured; the states fade into each other over a frame."""
    first = 0
    for dirty in blocks:
        frames = -(-len(dirty) // FRAME)
        around = mix.states[np.clip(np.arange(first - 1, first + frames + 1), 0, len(mix.states) - 1)]
        here = np.repeat(mix.sounding[first : first + frames], FRAME)[: len(dirty)]
        block = dirty - np.outer(here, mix.offsets) if mix.offsets.any() else dirty
        yield _blended(clean(block)[0], around, mix.matrices)
        first += frames


def _blended(block: Samples, states: States, matrices: NDArray[np.float32]) -> Samples:
    """Mixes a block; `states` begins with the frame before it and ends with the one after it."""
    used = np.unique(states)
    if len(used) == 1:
        return _times(block, matrices[used[0]])
    centers = (np.arange(len(states)) - 0.5) * FRAME
    at = np.arange(len(block))
    shares = (np.interp(at, centers, states == state).astype(np.float32)[:, None] for state in used)
    return np.sum([share * _times(block, matrices[state]) for share, state in zip(shares, used, strict=True)], axis=0)


def _times(block: Samples, matrix: NDArray[np.float32]) -> Samples:
    """The matrix product, ten times as fast as numpy's for a few columns, and exact for a copy."""
    if np.array_equal(matrix, np.eye(len(matrix))):
        return block
    silence = np.zeros(len(block), block.dtype)  # what a track without any channel has
    return np.stack([sum((w * block[:, i] for i, w in enumerate(weights) if w), start=silence) for weights in matrix.T], axis=1)
