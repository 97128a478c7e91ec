"""Reads a recording as 16 kHz mono, as ffmpeg gives it, without ffmpeg.

ffmpeg took twenty times as much processor time where other work kept the cores busy. Here the resampler is a product of matrices.
"""

from collections.abc import Iterator
from functools import cache
from math import gcd
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.segment.windows import RATE_HZ, Signal
from components.shared.audio import LENGTH_TOLERANCE_SECONDS, Samples, blocks, from_pcm16, to_pcm16
from components.shared.rows import SAMPLE_RATE_HZ

_COMMON_HZ = gcd(RATE_HZ, SAMPLE_RATE_HZ)
GIVEN, WANTED = SAMPLE_RATE_HZ // _COMMON_HZ, RATE_HZ // _COMMON_HZ
"""Samples of 10 ms before and after: 441 and 160."""
CUTOFF, ZEROS, BETA = 0.97, 32, 9.0
"""The filter of ffmpeg's resampler: its edge relative to half the lower rate, its length in its own periods, and its Kaiser window's
beta."""
_BEFORE = int(np.ceil(ZEROS / (CUTOFF * WANTED / GIVEN) / 2)) - 1
_AFTER = _BEFORE + 1
"""Samples before and after the one at or before an instant that the filter reaches."""


def signal_of(path: Path, seconds: float | None = None) -> Iterator[Signal]:
    """Yields a FLAC file as 16-bit 16 kHz mono. Raises ValueError unless it lasts `seconds`; None allows any length."""
    samples = 0

    def read() -> Iterator[Samples]:
        nonlocal samples
        for block in blocks(path):
            samples += len(block)
            yield block.mean(axis=1) if block.shape[1] > 1 else block[:, 0]

    yield from resampled(read())
    found = samples / SAMPLE_RATE_HZ
    if seconds is not None and abs(found - seconds) > LENGTH_TOLERANCE_SECONDS:
        raise ValueError(f"expected {seconds:.3f} s of audio in {path}, found {found:.3f} s: make the voices again")


def resampled(given: Iterator[Signal]) -> Iterator[Signal]:
    """Yields a signal of 44.1 kHz at 16 kHz, rounded to 16 bits. Beyond its ends the signal is silent."""
    kept, wanted_total, given_total = np.zeros(_BEFORE, np.float32), 0, 0
    for block in given:
        kept, given_total = np.concatenate([kept, block]), given_total + len(block)
        count = (len(kept) - _BEFORE - _AFTER) // GIVEN
        if count > 0:
            yield _filtered(kept, count)
            kept, wanted_total = kept[count * GIVEN :], wanted_total + count * WANTED
    left = -(-given_total * WANTED // GIVEN) - wanted_total
    if left > 0:
        count = -(-left // WANTED)
        yield _filtered(np.pad(kept, (0, count * GIVEN + _BEFORE + _AFTER - len(kept))), count)[:left]


def _filtered(signal: Signal, count: int) -> Signal:
    """So many times 10 ms; `signal` begins _BEFORE samples before them."""
    pieces = np.lib.stride_tricks.sliding_window_view(signal, _BEFORE + GIVEN + _AFTER)[: count * GIVEN : GIVEN]
    return from_pcm16(to_pcm16(pieces @ _filters())).reshape(-1)


@cache
def _filters() -> NDArray[np.float32]:
    """The weights of the samples around 10 ms in each of its samples at the lower rate, shaped (_BEFORE + GIVEN + _AFTER, WANTED)."""
    sample, instant = np.arange(-_BEFORE, GIVEN + _AFTER)[:, None], np.arange(WANTED) * GIVEN / WANTED
    offset, nearest = sample - instant, np.floor(instant)
    window = np.i0(BETA * np.sqrt(np.maximum(1 - (offset / _AFTER) ** 2, 0)))
    reached = (sample >= nearest - _BEFORE) & (sample <= nearest + _AFTER)
    filters = np.where(reached, np.sinc(CUTOFF * WANTED / GIVEN * offset) * window, 0)
    return (filters / filters.sum(axis=0)).astype(np.float32)
