"""Loudness and true peak."""

import warnings

import numpy as np
import pyloudnorm
from numpy.typing import NDArray
from scipy import signal

from components.shared.rows import SAMPLE_RATE_HZ

GATE_SECONDS = 0.4
"""Length of a gating block. A shorter clip has no loudness."""

OVERSAMPLING = 4


def loudness_lufs(sound: NDArray[np.floating]) -> float | None:
    """Returns the integrated loudness by ITU-R BS.1770-4, or None if no block of 0.4 s reaches the gate of -70 LUFS.

    Args:
        sound: Mono at SAMPLE_RATE_HZ in [-1, 1]; shaped (samples,).
    """
    if len(sound) < GATE_SECONDS * SAMPLE_RATE_HZ:
        return None
    with warnings.catch_warnings(), np.errstate(divide="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of no block at all
        loudness = float(pyloudnorm.Meter(SAMPLE_RATE_HZ).integrated_loudness(np.asarray(sound, np.float64)))
    return loudness if np.isfinite(loudness) else None


def true_peak_dbtp(sound: NDArray[np.floating]) -> float | None:
    """Returns the true peak in dBFS, measured with four times oversampling as ITU-R BS.1770-4 defines it.

    None for silence.
    """
    peak = float(np.max(np.abs(signal.resample_poly(np.asarray(sound, np.float64), OVERSAMPLING, 1)), initial=0.0))
    return float(20 * np.log10(peak)) if peak > 0 else None
