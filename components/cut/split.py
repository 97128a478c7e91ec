"""Chooses the best cuts of a stretch of speech that is too long."""

import numpy as np
from numpy.typing import NDArray

from components.cut.pauses import FRAME, PAUSE_DB, Levels, loudest_around
from components.shared.rows import SAMPLE_RATE_HZ

CELL = 10
"""Frames per candidate for a cut, 100 ms. The candidate is their quietest edge."""

SHORT = 3 * SAMPLE_RATE_HZ
"""Samples below which a piece has a cost: 3 s, twice the shortest clip that `publish` keeps by default."""

SHORT_DB = 20.0
"""Cost of every second by which a piece is shorter than SHORT, in dB of a cut's loudness."""

QUIETEST_DB = -60.0
"""Level of a cut, relative to the speech around it, at or below which it costs nothing."""

HARD_DB = 1000.0
"""Cost of a cut outside a pause, more than any choice of pauses can save, so that there are as few as possible."""


def split(levels: Levels, samples: int, shortest: int, longest: int) -> list[tuple[int, bool]]:
    """Finds the cuts with the lowest cost that give pieces of `shortest` to `longest` samples.

    A cut costs its loudness, and a piece its lack to SHORT. Dynamic programming over candidates 100 ms apart takes time and memory in
    proportion to the length of the stretch. Returns the sample of every cut, in order, and whether it is hard: no pause was near.

    Args:
        levels: Level of every whole frame of the stretch, in dB.
        samples: Length of the stretch, more than `longest`.
        longest: At least twice `shortest` and four cells.
    """
    loudness = loudest_around(levels)
    edges = _candidates(loudness)
    hard = loudness[edges] > PAUSE_DB
    price = np.maximum(loudness[edges] - QUIETEST_DB, 0) + HARD_DB * hard
    chosen = _cheapest(edges * FRAME, price, samples, shortest, longest)
    return [(int(edges[i]) * FRAME, bool(hard[i])) for i in chosen]


def _candidates(loudness: Levels) -> NDArray[np.int64]:
    """Returns the quietest edge of every cell, without the first and last edge of the stretch."""
    inner = loudness[1:-1]
    padded = np.append(inner, np.full(-len(inner) % CELL, np.inf, np.float32)).reshape(-1, CELL)
    return 1 + np.arange(len(padded)) * CELL + np.argmin(padded, axis=1)


def _cheapest(positions: NDArray[np.int64], price: NDArray[np.float64], samples: int, shortest: int, longest: int) -> list[int]:
    """Returns the indices of the positions with the lowest total price of cuts and short pieces."""
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
