"""Up to which frequency speech is heard."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from components.shared.rows import SAMPLE_RATE_HZ

FRAME, HOP = 2048, 1024
BAND = 12
"""Bins of a band, which is 258 Hz wide: the meter's step."""

LOUD_QUANTILE, FLOOR_QUANTILE = 0.95, 0.1
"""Of a band's frames: some are hisses, which reach highest; fewer than these are clicks."""

RISE_DB = 10.0
"""So far the loud frames of a band stand above its quiet ones, where speech is in it. Those of noise alone rise by 4 dB."""

FALL_DB = 20.0
"""So far a band with speech may lie below the octave under it: voices fall by 10 to 16 dB there, the skirt of a low-pass by more."""

RANGE_DB = 70.0
"""Further below the loudest band nothing is heard as speech."""

MIN_SECONDS = 0.5
"""Shorter sounds have too few frames."""

_ROUNDING = (1 / 32_768) ** 2 / 12
"""Power of the noise that 16 bits make."""


def bandwidth_hz(sound: NDArray[np.floating]) -> float | None:
    """The highest frequency with speech in it, in steps of 258 Hz; None where nothing rises above its floor, and below MIN_SECONDS.

    Args:
        sound: Mono at SAMPLE_RATE_HZ in [-1, 1]; shaped (samples,).
    """
    if len(sound) < MIN_SECONDS * SAMPLE_RATE_HZ:
        return None
    loud, floor = levels_db(sound)
    heard = (loud > floor + RISE_DB) & (loud > np.max(loud) - RANGE_DB) & (loud > octave_below_db(loud) - FALL_DB)
    bands = np.flatnonzero(heard)
    return float((bands[-1] + 1) * BAND * SAMPLE_RATE_HZ / FRAME) if len(bands) else None


def levels_db(sound: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Level of each band's loud and quiet frames in dB; both shaped (bands,)."""
    frames = sliding_window_view(np.asarray(sound, np.float32), FRAME)[::HOP]
    window = np.hanning(FRAME + 1)[:-1].astype(np.float32)
    power = np.square(np.abs(np.fft.rfft(frames * window, axis=1)))[:, : FRAME // 2 // BAND * BAND]
    bands = np.mean(power.reshape(len(power), -1, BAND), axis=2)
    quantiles = np.quantile(bands, [LOUD_QUANTILE, FLOOR_QUANTILE], axis=0)
    loud, floor = 10 * np.log10(np.maximum(quantiles, np.sum(np.square(window)) * _ROUNDING))
    return loud, floor


def octave_below_db(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean power in the octave under each band, in dB; the lowest bands have none, -inf."""
    power, below = 10 ** (levels / 10), np.full(len(levels), -np.inf)
    for band in range(4, len(levels)):
        below[band] = 10 * np.log10(np.mean(power[(band + 1) // 2 : round(0.9 * band)]))
    return below
