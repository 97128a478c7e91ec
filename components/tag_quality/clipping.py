"""Estimates how much of a clip was clipped before it was downloaded."""

import numpy as np
from numpy.typing import NDArray

MIN_RUN = 3
"""Number of equal consecutive samples at the extreme value that count as a clipped peak."""

MIN_TOP = 512
"""Peaks below -36 dBFS can have three equal samples by rounding alone, so they are ignored."""

PILE_WIDTH = 0.03
"""Share of the clipping level within which samples lie after a codec or filter has changed the clipped peaks."""

PILE_LEVELS = 0.25, 1.0, 60
"""Levels to test, as shares of the highest sample: from, to, count. A codec can overshoot far above the clipping level."""

MIN_PILE_SHARE, MIN_PILE = 0.002, 400
"""Voices that were never clipped have less than this share of their samples, or in a short clip fewer than this number, at one level."""


def clipped_share(samples: NDArray[np.int16]) -> float | None:
    """Returns the share of samples on clipped peaks, 0 to 1; None for silence.

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
    """Counts samples in runs of equal values at the extreme."""
    top = int(np.max(side))
    if top < MIN_TOP:
        return 0
    edges = np.flatnonzero(np.diff(np.concatenate([[False], side == top, [False]])))
    runs = edges[1::2] - edges[::2]
    return int(np.sum(runs[runs >= MIN_RUN]))


def _piled(side: NDArray[np.int32]) -> int:
    """Counts the samples around a level in excess of those in an equally wide band below it."""
    heights = np.sort(side[side > 0])
    if not len(heights) or heights[-1] < MIN_TOP:
        return 0
    levels = heights[-1] * np.geomspace(*PILE_LEVELS)
    below, low, high = (np.searchsorted(heights, levels * (1 + k * PILE_WIDTH)) for k in (-3, -1, 1))
    return int(np.max((high - low) - (low - below)))
