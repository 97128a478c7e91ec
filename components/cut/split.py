"""Where a stretch of speech that is too long is best cut."""

import numpy as np
from numpy.typing import NDArray

from components.cut.pauses import FRAME, PAUSE_DB, Levels, loudest_around
from components.shared.rows import SAMPLE_RATE_HZ

CELL = 10
"""Frames of which the quietest edge alone is a candidate for a cut: 100 ms."""

SHORT = 3 * SAMPLE_RATE_HZ
"""A piece shorter than this is worth a louder cut elsewhere: 3 s, twice what `publish` keeps by default."""

SHORT_DB = 20.0
"""What every second that a piece falls short of SHORT costs, in dB of a cut's loudness."""

QUIETEST_DB = -60.0
"""A cut that is quieter than the speech around it by this much costs nothing."""

HARD_DB = 1000.0
"""Cost of a cut outside a pause: more than any choice between pauses can save, so that there are as few as possible."""


def split(levels: Levels, samples: int, shortest: int, longest: int) -> list[tuple[int, bool]]:
    """Cuts that make pieces of `shortest` to `longest` samples of a stretch: the cheapest, at the quietest moments.

    A cut costs the loudness of its moment, a piece what it lacks to SHORT; dynamic programming over candidates 100 ms apart
    takes time and memory in proportion to the stretch's length.

    Args:
        levels: Level of every whole frame of the stretch, in dB.
        samples: Length of the stretch, more than `longest`.
        shortest: Least length of a piece, in samples.
        longest: Greatest length of a piece, in samples, at least twice `shortest` and four cells.

    Returns:
        Position of every cut in samples of the stretch, in order, and whether it is hard: no pause was near.
    """
    loudness = loudest_around(levels)
    edges = _candidates(loudness)
    hard = loudness[edges] > PAUSE_DB
    price = np.maximum(loudness[edges] - QUIETEST_DB, 0) + HARD_DB * hard
    chosen = _cheapest(edges * FRAME, price, samples, shortest, longest)
    return [(int(edges[i]) * FRAME, bool(hard[i])) for i in chosen]


def _candidates(loudness: Levels) -> NDArray[np.int64]:
    """The quietest edge of every cell, neither the first nor the last of the stretch."""
    inner = loudness[1:-1]
    padded = np.append(inner, np.full(-len(inner) % CELL, np.inf, np.float32)).reshape(-1, CELL)
    return 1 + np.arange(len(padded)) * CELL + np.argmin(padded, axis=1)


def _cheapest(positions: NDArray[np.int64], price: NDArray[np.float64], samples: int, shortest: int, longest: int) -> list[int]:
    """Indices of the positions to cut at, so that the price of the cuts and of short pieces is least."""
    places = np.concatenate([[0], positions, [samples]])
    prices = np.concatenate([[0.0], price, [0.0]])
    first = np.searchsorted(places, places - longest, side="left")
    last = np.searchsorted(places, places - shortest, side="right")
    cost = np.full(len(places), np.inf)
    before = np.zeros(len(places), np.int64)
    cost[0] = 0.0
    for i in range(1, len(places)):
        a, b = first[i], last[i]
        if a < b:
            lack = np.maximum(SHORT - (places[i] - places[a:b]), 0) * (SHORT_DB / SAMPLE_RATE_HZ)
            total = cost[a:b] + lack
            best = int(np.argmin(total))
            cost[i], before[i] = total[best] + prices[i], a + best
    path = []
    i = int(before[-1])
    while i > 0:
        path.append(i - 1)
        i = int(before[i])
    return path[::-1]
