"""Loudness and true peak."""

from typing import Any

import numpy as np
import pyloudnorm
from numpy.typing import NDArray
from scipy import signal

from components.shared.rows import SAMPLE_RATE_HZ
from components.tag_quality.blocks import blocks, floats, resampled

GATE_SECONDS = 0.4
"""Length of a gating block. A shorter clip has no loudness."""

HOP = SAMPLE_RATE_HZ // 10
"""Samples from one gating block to the next; a block has four hops."""

OVERSAMPLING = 4


def loudness_lufs(sound: NDArray[Any]) -> float | None:
    """Returns the integrated loudness by ITU-R BS.1770-4, or None if no block of 0.4 s reaches the gate of -70 LUFS.

    Args:
        sound: Mono at SAMPLE_RATE_HZ, 16-bit or floats in [-1, 1]; shaped (samples,).
    """
    if len(sound) < GATE_SECONDS * SAMPLE_RATE_HZ:
        return None
    energies = hop_energies(sound)
    count = round((len(sound) / SAMPLE_RATE_HZ - GATE_SECONDS) / 0.1) + 1  # as pyloudnorm counts: from half a hop on
    energies = np.pad(energies, (0, max(0, count + 3 - len(energies))))
    power = (energies[:count] + energies[1 : count + 1] + energies[2 : count + 2] + energies[3 : count + 3]) / (4 * HOP)
    power = power[power >= 10 ** ((-70 + 0.691) / 10)]
    power = power[power > np.mean(power) / 10] if len(power) else power
    return float(-0.691 + 10 * np.log10(np.mean(power))) if len(power) else None


def hop_energies(sound: NDArray[Any]) -> NDArray[np.float64]:
    """Returns the energy of every hop after K-weighting; the last hop may be incomplete."""
    filters = [pyloudnorm.IIRfilter(4.0, 1 / np.sqrt(2), 1500.0, SAMPLE_RATE_HZ, "high_shelf")]
    filters.append(pyloudnorm.IIRfilter(0.0, 0.5, 38.0, SAMPLE_RATE_HZ, "high_pass"))
    states, found = [np.zeros(2) for _ in filters], []
    for block, _, length in blocks(sound):
        weighted = floats(block).astype(np.float64)
        for number, one in enumerate(filters):
            weighted, states[number] = signal.lfilter(one.b, one.a, weighted, zi=states[number])
        found.append(np.add.reduceat(np.square(weighted), np.arange(0, length, HOP)))  # a block is a whole number of hops
    return np.concatenate(found)


def true_peak_dbtp(sound: NDArray[Any]) -> float | None:
    """Returns the true peak in dBFS, measured with four times oversampling as ITU-R BS.1770-4 defines it.

    None for silence. `sound` is 16-bit, or floats in [-1, 1].
    """
    peak = max((float(np.max(np.abs(block))) for block in resampled(sound, OVERSAMPLING, 1, np.float64)), default=0.0)
    return float(20 * np.log10(peak)) if peak > 0 else None
