"""Measures the integrated loudness of a stream by ITU-R BS.1770-4 (as in EBU R 128)."""

import numpy as np
import pyloudnorm
from numpy.typing import NDArray
from scipy import signal

from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.steps import Mono, Stream

HOP = SAMPLE_RATE_HZ // 10
"""Samples from one gating block to the next, 0.1 s; a block has four hops. An incomplete last block is ignored, as BS.1770 demands.
pyloudnorm counts it from half a hop on, which makes an audible difference in recordings of a second or less."""

PEAK_LIMIT_DB = -1.0
"""Maximum sample peak of the result in dBFS (EBU R 128 allows true peaks of -1 dB)."""


class Meter:
    """Measures a stream block by block; keeps one number for every 0.1 s."""

    def __init__(self) -> None:
        self._sections = _k_weighting()
        self._state = np.zeros((len(self._sections), 2))
        self._rest = np.zeros(0)
        self._energies: list[NDArray[np.float64]] = []
        self._peak = 0.0

    def add(self, block: Mono) -> None:
        """Adds the next samples of the stream."""
        self._peak = max(self._peak, float(np.max(np.abs(block), initial=0.0)))
        weighted, self._state = signal.sosfilt(self._sections, block, zi=self._state)
        weighted = np.concatenate([self._rest, weighted])
        whole = len(weighted) // HOP * HOP
        self._energies.append(np.sum(np.square(weighted[:whole].reshape(-1, HOP)), axis=1))
        self._rest = weighted[whole:]

    def loudness_lufs(self) -> float:
        """Returns the gated loudness so far; -inf if no block of 0.4 s exceeds the absolute gate of -70 LUFS."""
        hops = np.concatenate(self._energies or [np.zeros(0)])
        if len(hops) < 4:
            return -np.inf
        power = (hops[:-3] + hops[1:-2] + hops[2:-1] + hops[3:]) / (4 * HOP)
        power = power[power > _power(-70)]
        if len(power) == 0:
            return -np.inf
        return _lufs(np.mean(power[power > np.mean(power) / 10]))

    def peak_db(self) -> float:
        """Returns the sample peak so far in dBFS; -inf for silence."""
        return 20 * float(np.log10(self._peak)) if self._peak > 0 else -np.inf


def measure(blocks: Stream) -> Meter:
    """Measures a whole stream."""
    meter = Meter()
    for block in blocks:
        meter.add(block)
    return meter


def gain_db(meter: Meter, target_lufs: float) -> float:
    """Returns the gain to the target, limited by PEAK_LIMIT_DB; 0 if the loudness is -inf."""
    loudness = meter.loudness_lufs()
    return min(target_lufs - loudness, PEAK_LIMIT_DB - meter.peak_db()) if np.isfinite(loudness) else 0.0


def _k_weighting() -> NDArray[np.float64]:
    """Returns the two filters of K-weighting as second-order sections, shaped (2, 6)."""
    filters = pyloudnorm.Meter(SAMPLE_RATE_HZ)._filters.values()
    return np.array([[*(f.passband_gain * f.b), *f.a] for f in filters])


def _lufs(power: np.floating) -> float:
    return float(-0.691 + 10 * np.log10(power))


def _power(lufs: float) -> float:
    return 10 ** ((lufs + 0.691) / 10)
