"""Sounds that the meters' answers are known for."""

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from components.shared.rows import SAMPLE_RATE_HZ


def speech_like(seconds: float, rate_hz: int = SAMPLE_RATE_HZ, seed: int = 0) -> NDArray[np.float64]:
    """A buzz with formants in syllables, hisses between some of them, pauses between phrases; its band is all there is.

    Peaks lie around -6 dBFS.
    """
    count = round(seconds * rate_hz)
    time, random = np.arange(count) / rate_hz, np.random.default_rng(seed)
    pitch = 120 * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * time))
    buzz = signal.sawtooth(2 * np.pi * np.cumsum(pitch) / rate_hz)
    voice = sum(
        signal.sosfilt(signal.butter(1, [f / 1.15, f * 1.15], "bandpass", fs=rate_hz, output="sos"), buzz) for f in (500, 1500, 2500)
    )
    hiss = signal.sosfilt(signal.butter(2, 4000, "highpass", fs=rate_hz, output="sos"), random.standard_normal(count))
    syllable = np.clip(np.sin(2 * np.pi * 3 * time), 0, 1)
    fricative = np.clip(np.sin(2 * np.pi * 1.5 * time - 2.5) - 0.6, 0, 1)
    phrase = np.sin(2 * np.pi * 0.23 * time + 1) > -0.7
    sound = (voice * syllable + 0.3 * hiss * fricative) * phrase
    return 0.5 * sound / np.max(np.abs(sound))
