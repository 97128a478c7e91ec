"""Computes the log-mel patches that YAMNet hears, in numpy."""

from collections.abc import Iterable, Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from components.shared.mel import FRAME, RATE_HZ, SPAN, Signal, frames_of, hann, triangles

PATCH_FRAMES = 96
BANDS = 64

_FFT = 512
_LOWEST_HZ, _HIGHEST_HZ = 125.0, 7500.0
_FLOOR = np.float32(0.001)
"""Added to the magnitude of a band before its logarithm."""

Patches = NDArray[np.float32]
"""Logarithms of magnitudes in mel bands, shaped (patches, PATCH_FRAMES, BANDS)."""


def log_mel(signal: Signal) -> NDArray[np.float32]:
    """Returns the spectra of a signal's whole frames, shaped (frames, BANDS)."""
    magnitudes = np.abs(np.fft.rfft(frames_of(signal) * hann(), _FFT)).astype(np.float32)
    return np.log(magnitudes @ _bands() + _FLOOR)


def patches(blocks: Iterable[Signal], hop: int, batch: int) -> Iterator[Patches]:
    """Yields the patches of a signal, up to `batch` at a time; silence after its end fills the last one.

    Args:
        blocks: The signal, in parts of any length.
        hop: Frames from the start of a patch to that of the next one.
        batch: Most patches at once.
    """
    size = ((batch - 1) * hop + PATCH_FRAMES - 1) * FRAME + SPAN
    kept, first = np.zeros(0, np.float32), True
    for block in blocks:
        kept = np.concatenate([kept, block])
        while len(kept) >= size:
            yield _patches(kept[:size], hop)
            kept, first = kept[batch * hop * FRAME :], False
    heard = (PATCH_FRAMES - hop) * FRAME  # what earlier patches hold of the rest
    if first or len(kept) > heard:
        count = patches_in(len(kept), hop)
        needed = ((count - 1) * hop + PATCH_FRAMES - 1) * FRAME + SPAN
        last = _patches(np.pad(kept, (0, max(0, needed - len(kept))))[:needed], hop)
        yield from (last[i : i + batch] for i in range(0, count, batch))


def patches_in(samples: int, hop: int) -> int:
    """Number of patches of a signal: each sample but those of less than a spectrum at the end is in one; at least one."""
    return max(1, -(-(samples - PATCH_FRAMES * FRAME) // (hop * FRAME)) + 1)


def _patches(signal: Signal, hop: int) -> Patches:
    windows = np.lib.stride_tricks.sliding_window_view(log_mel(signal), PATCH_FRAMES, axis=0)[::hop]
    return np.ascontiguousarray(windows.transpose(0, 2, 1))


@cache
def _bands() -> NDArray[np.float32]:
    """Filters with a peak of 1 that are triangles over mel, evenly spaced from 125 Hz to 7.5 kHz, shaped (257, BANDS)."""
    edges = np.linspace(_mel(_LOWEST_HZ), _mel(_HIGHEST_HZ), BANDS + 2)
    return triangles(_mel(np.fft.rfftfreq(_FFT, 1 / RATE_HZ)), edges).astype(np.float32)


def _mel(frequencies_hz: NDArray[np.floating] | float) -> NDArray[np.floating]:
    """The mel scale of HTK."""
    return np.asarray(1127 * np.log1p(np.asarray(frequencies_hz) / 700))
