"""The energy below which a frame is silence.

inaSpeechSegmenter's threshold is relative to the mean of the whole recording, so a quiet voice in loud company is silence. Here a frame
is also heard if it stands out from its own neighborhood, where that is much quieter than the recording: from the mean of the seconds
before it or after it, whichever is lower, so that loud sound on one side does not hide it. It must stand out from the quietest moment
around as well. Steady noise does not, so that noise in a long silence stays silence.
"""

import numpy as np
from numpy.typing import NDArray

Energies = NDArray[np.float32]
"""Natural logarithms of the energies of frames, a frame each 10 ms; -inf for digital silence."""

BLOCK = 10
"""Frames that are averaged first."""
SIDE = 20
"""Blocks before and after a frame: 2 s."""
LEAST = 0.5
"""Least share of a side that is not digital silence; a side with less says nothing."""
FLOOR_BLOCKS, FLOOR_REACH = 3, 50
"""Blocks that make a moment, 0.3 s, and blocks on each side, 5 s, among which the quietest moment is sought."""
_DB = np.log(10) / 10
ABOVE_FLOOR = 6 * _DB
"""Least energy above the quietest moment. Frames of steady noise vary less."""
QUIETER = 6 * _DB
"""A neighborhood counts if its threshold is lower than that of the recording by more than this."""


def threshold(energies: Energies, ratio: float) -> NDArray[np.float64]:
    """Returns the threshold of each frame.

    Args:
        energies: Energies of a recording.
        ratio: Threshold relative to the mean energy, as inaSpeechSegmenter has it.
    """
    finite = np.isfinite(energies)
    if not finite.any():
        return np.full(len(energies), np.inf)
    whole = np.mean(energies[finite]) + np.log(ratio)
    sums, counts = _blocks(np.where(finite, energies, 0)), _blocks(finite)
    quieter_side = np.minimum(_means(sums, counts, SIDE, LEAST), _means(sums[::-1], counts[::-1], SIDE, LEAST)[::-1])
    moments = _means(sums, counts, FLOOR_BLOCKS, LEAST)
    around = np.pad(moments, FLOOR_REACH, constant_values=np.inf)
    floor = np.lib.stride_tricks.sliding_window_view(around, 2 * FLOOR_REACH + 1).min(axis=1)
    near = np.maximum(quieter_side + np.log(ratio), floor + ABOVE_FLOOR)
    found = np.where(near < whole - QUIETER, near, whole)
    return np.repeat(found, BLOCK)[: len(energies)]


def _blocks(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Sums of BLOCK values."""
    return np.add.reduceat(values.astype(np.float64), np.arange(0, len(values), BLOCK))


def _means(sums: NDArray[np.float64], counts: NDArray[np.float64], blocks: int, least: float) -> NDArray[np.float64]:
    """Means over so many blocks from each block on, infinite where fewer frames than the least share of them count."""
    total, number = (np.convolve(values, np.ones(blocks))[blocks - 1 :] for values in (sums, counts))
    enough = number >= least * blocks * BLOCK
    return np.where(enough, total / np.maximum(number, 1), np.inf)
