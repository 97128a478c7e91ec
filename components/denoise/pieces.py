"""A stream cut anew into pieces of one size, whatever the sizes of its blocks: what is computed of a piece is then the same to the bit."""

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np

from components.denoise.steps import Mono, Stream


class Piece(NamedTuple):
    """So many samples of a recording with what is beside them."""

    start: int
    """Of its own samples, in the recording."""
    own: int
    """How many are its own: as many as in every piece, but for the last."""
    samples: Mono
    """Its own and a margin on either side; zeros beyond the recording."""


def pieces(blocks: Stream, size: int, margin: int) -> Iterator[Piece]:
    """Pieces of `size` samples that follow each other and cover the stream, with a margin on either side of each."""
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
