"""Reads parts of a signal that arrives in blocks, and drops what no later part needs."""

from collections.abc import Iterable, Iterator
from itertools import chain, repeat

import numpy as np

from components.shared.mel import RATE_HZ, SPAN, Signal

MARGIN = SPAN // 2
"""Samples of silence before a signal."""


def parts_of(blocks: Iterator[Signal], ranges: Iterable[tuple[int, int]]) -> Iterator[Signal]:
    """Yields the samples of ranges, sorted by start, with silence before (MARGIN) and after the signal."""
    padded, kept, first = chain(blocks, repeat(np.zeros(RATE_HZ, np.float32))), np.zeros(MARGIN, np.float32), -MARGIN
    for start, end in ranges:
        while first + len(kept) < end:
            gone = min(max(0, start - first), len(kept))
            kept, first = np.concatenate([kept[gone:], next(padded)]), first + gone
        yield kept[start - first : end - first]
