"""Splits a stream into pieces of one size, independent of its blocks, so that results per piece are the same to the bit."""

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np

from components.denoise.steps import Mono, Stream


class Piece(NamedTuple):
    """Samples of a recording with a margin on both sides."""

    start: int
    """Position of its own samples in the recording."""
    own: int
    """Number of its own samples: the same for every piece but the last."""
    samples: Mono
    """Its own samples and the margins; zeros outside the recording."""


def pieces(blocks: Stream, size: int, margin: int) -> Iterator[Piece]:
    """Splits a stream into consecutive pieces of `size` samples, with a margin on both sides of each."""
    whole = size + 2 * margin
    held, start = np.zeros(margin), 0
    waiting: list[Mono] = []
    for block in chain(blocks, [None]):
        if block is not None:
            waiting.append(block)
            if len(held) + sum(map(len, waiting)) < whole:
                continue
        held, waiting = np.concatenate([held, *waiting]), []
        while len(held) >= whole or (block is None and len(held) > margin):
            yield Piece(start, min(size, len(held) - margin), np.pad(held[:whole], (0, max(0, whole - len(held)))))
            held, start = held[size:], start + size
