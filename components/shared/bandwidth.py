"""Measures the bandwidth of speech."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from components.shared.audio import from_pcm16
from components.shared.rows import SAMPLE_RATE_HZ

FRAME, HOP = 2048, 1024
FRAMES_AT_ONCE = 2048
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


def bandwidth_hz(sound: NDArray[Any]) -> float | None:
    """Returns the highest frequency with speech in mono sound at SAMPLE_RATE_HZ, in steps of 258 Hz.

    The samples are 16-bit or floats in [-1, 1]. Returns None if no band rises above its floor, or if the sound is shorter than MIN_SECONDS.
    """
    if len(sound) < MIN_SECONDS * SAMPLE_RATE_HZ:
        return None
    loud, floor = levels_db(sound)
    heard = (loud > floor + RISE_DB) & (loud > np.max(loud) - RANGE_DB) & (loud > octave_below_db(loud) - FALL_DB)
    bands = np.flatnonzero(heard)
    return float((bands[-1] + 1) * BAND * SAMPLE_RATE_HZ / FRAME) if len(bands) else None


def levels_db(sound: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the levels of each band's loud and quiet frames in dB; both shaped (bands,)."""
    frames = sliding_window_view(sound, FRAME)[::HOP]
    window = np.hanning(FRAME + 1)[:-1].astype(np.float32)
    parts = (frames[n : n + FRAMES_AT_ONCE] for n in range(0, len(frames), FRAMES_AT_ONCE))
    bands = np.concatenate([_band_powers(part, window) for part in parts])
    quantiles = np.quantile(bands, [LOUD_QUANTILE, FLOOR_QUANTILE], axis=0)
    loud, floor = 10 * np.log10(np.maximum(quantiles, np.sum(np.square(window)) * _ROUNDING))
    return loud, floor


def _band_powers(frames: NDArray[Any], window: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the mean power of each frame's bands, shaped (frames, bands)."""
    sound = from_pcm16(frames) if frames.dtype == np.int16 else frames.astype(np.float32)
    power = np.square(np.abs(np.fft.rfft(sound * window, axis=1)))[:, : FRAME // 2 // BAND * BAND]
    return np.mean(power.reshape(len(power), -1, BAND), axis=2)


def octave_below_db(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the mean power of the octave under each band in dB; -inf for the lowest bands."""
    power, below = 10 ** (levels / 10), np.full(len(levels), -np.inf)
    for band in range(4, len(levels)):
        below[band] = 10 * np.log10(np.mean(power[(band + 1) // 2 : round(0.9 * band)]))
    return below
