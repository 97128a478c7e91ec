"""Measures the bandwidth of speech."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from components.shared.rows import SAMPLE_RATE_HZ

FRAME, HOP = 2048, 1024
BAND = 12
"""Bins per band. A band is 258 Hz wide, which is the resolution of the result."""
LOUD_QUANTILE, FLOOR_QUANTILE = 0.95, 0.1
"""Quantiles of a band's frames: the loudest 5 % hold hisses, which reach highest; clicks are fewer."""
RISE_DB = 10.0
"""Minimum level of a speech band's loud frames above its quiet ones. Noise alone rises by 4 dB."""
FALL_DB = 20.0
"""Maximum drop of a speech band below the octave under it: 10 to 16 dB for voices, more for a low-pass."""
RANGE_DB = 70.0
"""Maximum drop of a speech band below the loudest band."""
MIN_SECONDS = 0.5
"""Minimum length of a sound: a shorter one has too few frames."""
_ROUNDING = (1 / 32_768) ** 2 / 12
"""Power of 16-bit quantization noise."""


def bandwidth_hz(sound: NDArray[np.floating]) -> float | None:
    """Returns the highest frequency with speech in mono sound at SAMPLE_RATE_HZ in [-1, 1], in steps of 258 Hz.

    Returns None if no band rises above its floor, or if the sound is shorter than MIN_SECONDS.
    """
    if len(sound) < MIN_SECONDS * SAMPLE_RATE_HZ:
        return None
    loud, floor = levels_db(sound)
    heard = (loud > floor + RISE_DB) & (loud > np.max(loud) - RANGE_DB) & (loud > octave_below_db(loud) - FALL_DB)
    bands = np.flatnonzero(heard)
    return float((bands[-1] + 1) * BAND * SAMPLE_RATE_HZ / FRAME) if len(bands) else None


def levels_db(sound: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the levels of each band's loud and quiet frames in dB; both shaped (bands,)."""
    frames = sliding_window_view(np.asarray(sound, np.float32), FRAME)[::HOP]
    window = np.hanning(FRAME + 1)[:-1].astype(np.float32)
    power = np.square(np.abs(np.fft.rfft(frames * window, axis=1)))[:, : FRAME // 2 // BAND * BAND]
    bands = np.mean(power.reshape(len(power), -1, BAND), axis=2)
    quantiles = np.quantile(bands, [LOUD_QUANTILE, FLOOR_QUANTILE], axis=0)
    loud, floor = 10 * np.log10(np.maximum(quantiles, np.sum(np.square(window)) * _ROUNDING))
    return loud, floor


def octave_below_db(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the mean power of the octave under each band in dB; -inf for the lowest bands."""
    power, below = 10 ** (levels / 10), np.full(len(levels), -np.inf)
    for band in range(4, len(levels)):
        below[band] = 10 * np.log10(np.mean(power[(band + 1) // 2 : round(0.9 * band)]))
    return below
