"""Goes through a long clip in blocks, since a meter of a whole hour at once would hold gigabytes."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from components.shared.audio import from_pcm16
from components.shared.rows import SAMPLE_RATE_HZ

BLOCK = 60 * SAMPLE_RATE_HZ
"""Samples per block. A clip of a minute is one block."""


def blocks(samples: NDArray[Any], margin: int = 0) -> Iterator[tuple[NDArray[Any], int, int]]:
    """Yields blocks with up to `margin` samples on each side, the number of those before the block, and its length."""
    for start in range(0, len(samples), BLOCK):
        stop, before = min(start + BLOCK, len(samples)), min(margin, start)
        yield samples[start - before : stop + margin], before, stop - start


def floats(samples: NDArray[Any]) -> NDArray[np.floating]:
    """Returns 16-bit samples as floats in [-1, 1), and floats as they are."""
    return from_pcm16(samples) if samples.dtype == np.int16 else samples


def resampled(samples: NDArray[Any], up: int, down: int, kind: type[np.floating]) -> Iterator[NDArray[np.floating]]:
    """Yields the blocks of a sound at `up / down` of its rate, as floats of this kind: the same as of the whole sound at once.

    `BLOCK` is a multiple of `down`.
    """
    reach = 10 * max(up, down) // up + 1  # of resample_poly's filter, in samples
    for block, before, length in blocks(samples, down * -(-reach // down)):
        changed = signal.resample_poly(floats(block).astype(kind), up, down)
        skipped = before * up // down
        yield changed[skipped : skipped + -(-length * up // down)]
