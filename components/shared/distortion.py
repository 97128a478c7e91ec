"""How much of a sound is not what it should be."""

import numpy as np
from numpy.typing import NDArray


def si_sdr(estimate: NDArray[np.float32], truth: NDArray[np.float32]) -> float:
    """Returns the scale-invariant signal-to-distortion ratio in dB, limited to ±100 dB."""
    truth64, estimate64 = truth.astype(np.float64), estimate.astype(np.float64)
    target = truth64 * (estimate64 @ truth64) / (truth64 @ truth64)
    error = estimate64 - target
    floor = 1e-10 * (estimate64 @ estimate64) + 1e-30
    return float(10 * np.log10((target @ target + floor) / (error @ error + floor)))


def sdr(estimate: NDArray[np.float32], truth: NDArray[np.float32]) -> float:
    """Returns the signal-to-distortion ratio in dB, limited to ±100 dB: a wrong level is a distortion as well."""
    truth64, error = truth.astype(np.float64), estimate.astype(np.float64) - truth
    signal = truth64 @ truth64
    floor = 1e-10 * signal + 1e-30
    return float(10 * np.log10((signal + floor) / (min(error @ error, 1e10 * signal) + floor)))
