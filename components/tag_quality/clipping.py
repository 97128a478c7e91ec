"""Estimates how much of a clip was clipped before it was downloaded."""

import numpy as np
from numpy.typing import NDArray

from components.shared.audio import FULL_SCALE
from components.tag_quality.blocks import blocks

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
    counts = np.zeros(2 * FULL_SCALE + 1, np.int64)
    for block, _, _ in blocks(samples):
        counts += np.bincount(block.astype(np.int32) + FULL_SCALE, minlength=len(counts))
    sides = counts[FULL_SCALE:], counts[FULL_SCALE::-1]
    flat = sum(_flat(samples, sign * _top(side)) for sign, side in zip((1, -1), sides, strict=True))
    piled = sum(map(_piled, sides))
    return max(flat, piled if piled >= max(MIN_PILE, MIN_PILE_SHARE * len(samples)) else 0) / len(samples)


def _top(side: NDArray[np.int64]) -> int:
    """Returns the highest level of a side, whose samples are counted by level from 0 on."""
    return int(np.max(np.flatnonzero(side), initial=0))


def _flat(samples: NDArray[np.int16], top: int) -> int:
    """Counts samples in runs of equal values at the extreme."""
    if abs(top) < MIN_TOP:
        return 0
    count, margin = 0, MIN_RUN - 1
    for block, before, length in blocks(samples, margin):
        at_top = np.pad(block == top, margin)
        runs = np.all([at_top[n : n + len(block) + margin] for n in range(MIN_RUN)], axis=0)  # that begin at each sample
        inside = np.any([runs[margin - n : len(runs) - n] for n in range(MIN_RUN)], axis=0)
        count += int(np.sum(inside[before : before + length]))
    return count


def _piled(side: NDArray[np.int64]) -> int:
    """Counts the samples around a level in excess of those in an equally wide band below it."""
    top = _top(side)
    if top < MIN_TOP:
        return 0
    lower = np.concatenate([[0, 0], np.cumsum(side[1:])])  # samples below each level, without those at 0
    levels = top * np.geomspace(*PILE_LEVELS)
    below, low, high = (lower[np.minimum(np.ceil(levels * (1 + k * PILE_WIDTH)).astype(int), len(lower) - 1)] for k in (-3, -1, 1))
    return int(np.max((high - low) - (low - below)))
