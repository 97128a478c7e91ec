"""Sounds that YAMNet knows and that are easy to make, as floats."""

import numpy as np
from numpy.typing import NDArray


def times(seconds: float, rate_hz: int) -> NDArray[np.float64]:
    return np.arange(round(seconds * rate_hz)) / rate_hz


def dial_tone(seconds: float, rate_hz: int) -> NDArray[np.float64]:
    """The two tones that a North American telephone plays before one dials."""
    t = times(seconds, rate_hz)
    return 0.2 * np.sin(2 * np.pi * 350 * t) + 0.2 * np.sin(2 * np.pi * 440 * t)


def chords(seconds: float, rate_hz: int) -> NDArray[np.float64]:
    """A plucked chord every half second."""
    t = times(seconds, rate_hz)
    return np.asarray(sum(0.1 * np.sin(2 * np.pi * hz * t) for hz in (262, 330, 392, 524)) * np.exp(-3 * (t % 0.5)))
