"""How much of a sound was cut off at its tops, before it came here."""

import numpy as np
from numpy.typing import NDArray

MIN_RUN = 3
"""Equal samples in a row at the highest or lowest value of all are a clipped top."""

MIN_TOP = 512
"""Lower tops have three equal samples by rounding alone: -36 dBFS."""

PILE_WIDTH = 0.03
"""Where a codec or filter has bent the tops since, their samples lie within so much of the level they were cut at."""

PILE_LEVELS = 0.25, 1.0, 60
"""Levels that are looked at, as a share of the highest: from, to, how many. A codec's overshoot may be far above the cut."""

MIN_PILE_SHARE, MIN_PILE = 0.002, 400
"""Voices that were never clipped pile up less than this share, or in a short clip less than so many samples, anywhere."""


def clipped_share(samples: NDArray[np.int16]) -> float | None:
    """Share of the samples that lie on a clipped top, 0 to 1; None for silence.

    At any gain since the cut the tops stay flat, and are counted to the sample. After a lossy codec or a filter they are a
    pile in the histogram of the samples, which otherwise thins out to the top: what it holds beyond the levels just below is
    counted. Then a share under MIN_PILE_SHARE (in less than 5 s, MIN_PILE samples) is not seen, and more is counted too low,
    by a fourth or a half.

    Args:
        samples: Mono; shaped (samples,).
    """
    if not np.any(samples):
        return None
    sides = samples.astype(np.int32), -samples.astype(np.int32)
    flat, piled = sum(map(_flat, sides)), sum(map(_piled, sides))
    return max(flat, piled if piled >= max(MIN_PILE, MIN_PILE_SHARE * len(samples)) else 0) / len(samples)


def _flat(side: NDArray[np.int32]) -> int:
    """Samples in runs of equal ones at the highest value."""
    top = int(np.max(side))
    if top < MIN_TOP:
        return 0
    edges = np.flatnonzero(np.diff(np.concatenate([[False], side == top, [False]])))
    runs = edges[1::2] - edges[::2]
    return int(np.sum(runs[runs >= MIN_RUN]))


def _piled(side: NDArray[np.int32]) -> int:
    """Samples around some level beyond what as wide a stretch of levels below it holds."""
    heights = np.sort(side[side > 0])
    if not len(heights) or heights[-1] < MIN_TOP:
        return 0
    levels = heights[-1] * np.geomspace(*PILE_LEVELS)
    below, low, high = (np.searchsorted(heights, levels * (1 + k * PILE_WIDTH)) for k in (-3, -1, 1))
    return int(np.max((high - low) - (low - below)))
