"""Splits a stream into pieces of one size, independent of the sizes of its blocks, so that results are bit-identical."""

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np

from components.shared.steps import Mono, Stream


class Piece(NamedTuple):
    """Samples of a recording with a margin on both sides."""

    start: int
    """Position in the recording of the first sample after the margin."""
    own: int
    """Number of samples without the margins; only the last piece has fewer than the others."""
    samples: Mono
    """The samples with the margins; zeros outside the recording."""


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
