"""Up to which frequency speech is heard."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from components.shared.rows import SAMPLE_RATE_HZ

FRAME, HOP = 2048, 1024
BAND = 12
"""Bins of a band: 258 Hz."""

LOUD_QUANTILE, FLOOR_QUANTILE = 0.9, 0.1
RISE_DB = 10.0
"""So far the loud frames of a band stand above its floor, where speech is in it: noise alone rises by 4 dB."""

RANGE_DB = 70.0
"""Further below the loudest band no speech is heard."""

MIN_SECONDS = 0.5


def bandwidth_hz(sound: NDArray[np.floating]) -> float | None:
    """The highest frequency with speech in it; None for silence and less than MIN_SECONDS.

    Args:
        sound: Mono at SAMPLE_RATE_HZ in [-1, 1]; shaped (samples,).
    """
    if len(sound) < MIN_SECONDS * SAMPLE_RATE_HZ or not np.any(sound):
        return None
    loud, floor = levels_db(sound)
    heard = (loud > floor + RISE_DB) & (loud > np.max(loud) - RANGE_DB)
    if not np.any(heard):
        return None
    return float((np.flatnonzero(heard)[-1] + 1) * BAND * SAMPLE_RATE_HZ / FRAME)


def levels_db(sound: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Level of each band's loud and quiet frames in dB; both shaped (bands,)."""
    frames = sliding_window_view(np.asarray(sound, np.float32), FRAME)[::HOP]
    window = np.hanning(FRAME + 1)[:-1].astype(np.float32)
    power = np.square(np.abs(np.fft.rfft(frames * window, axis=1)))[:, : FRAME // 2 // BAND * BAND]
    bands = np.mean(power.reshape(len(power), -1, BAND), axis=2)
    loud, floor = np.quantile(bands, [LOUD_QUANTILE, FLOOR_QUANTILE], axis=0)
    least = np.sum(np.square(window)) * (1 / 32_768) ** 2 / 12  # the noise that 16 bits make
    return 10 * np.log10(np.maximum(loud, least)), 10 * np.log10(np.maximum(floor, least))
