"""What mel spectra have in common: frames of speech at 16 kHz, their window, triangular filters, and Slaney's scale."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
FRAME = RATE_HZ // 100
"""Samples from one frame to the next."""
SPAN = RATE_HZ // 40
"""Samples of a frame, 25 ms."""

LINEAR_HZ = 1000.0
"""Slaney's mel scale (Auditory Toolbox, 1998): linear with 15 mel per 1000 Hz up to here, then 27 mel per factor of 6.4."""
MELS_TO_LINEAR, MELS_A_FACTOR, FACTOR = 15.0, 27.0, 6.4

Signal = NDArray[np.float32]
"""16 kHz mono, in [-1, 1)."""


def frames_of(signal: Signal) -> Signal:
    """Returns a view of the whole frames of a signal, shaped (frames, SPAN)."""
    return np.lib.stride_tricks.sliding_window_view(signal, SPAN)[::FRAME]


@cache
def hann() -> NDArray[np.float32]:
    """Periodic Hann window of a frame, shaped (SPAN,)."""
    return np.hanning(SPAN + 1)[:-1].astype(np.float32)


def triangles(places: NDArray[np.floating], edges: NDArray[np.floating]) -> NDArray[np.floating]:
    """Returns filters that rise from 0 at an edge to 1 at the next one and fall to 0 at the one after, shaped (places, edges - 2)."""
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    at = places[:, None]
    return np.maximum(0, np.minimum((at - low) / (middle - low), (high - at) / (high - middle)))


def slaney_filters(places_hz: NDArray[np.floating], edges_hz: NDArray[np.floating]) -> NDArray[np.float32]:
    """Returns triangular filters of equal area, each between its neighbors' peaks, shaped (places, edges - 2)."""
    return (triangles(places_hz, edges_hz) * 2 / (edges_hz[2:] - edges_hz[:-2])).astype(np.float32)


def slaney_edges_hz(bands: int, low_hz: float, high_hz: float) -> NDArray[np.float64]:
    """Returns the edges of bands evenly spaced in mel, shaped (bands + 2,). A band's center is the upper edge of the one before."""
    mels = np.linspace(_slaney_mels(low_hz), _slaney_mels(high_hz), bands + 2)
    return np.where(mels < MELS_TO_LINEAR, mels / MELS_TO_LINEAR, FACTOR ** ((mels - MELS_TO_LINEAR) / MELS_A_FACTOR)) * LINEAR_HZ


def _slaney_mels(hz: float) -> float:
    if hz < LINEAR_HZ:
        return hz / LINEAR_HZ * MELS_TO_LINEAR
    return float(MELS_TO_LINEAR + MELS_A_FACTOR * np.log(hz / LINEAR_HZ) / np.log(FACTOR))
