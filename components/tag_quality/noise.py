"""Estimates the signal-to-noise ratio of speech."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

FRAME_SECONDS, HOP_SECONDS = 0.025, 0.0125
FLOOR_QUANTILE = 0.1
"""The 10th percentile of the frames' power counts as noise: between words and inside plosives there is nothing else.

So noise that comes and goes is missed, and a few words without a pause seem noisy: clean ones have 20 dB or more.
"""

FRAMES_AT_ONCE = 10_000

MIN_SECONDS = 0.5
"""Shorter clips have too few frames for the percentile."""

ROUNDING_POWER = (1 / 32_768) ** 2 / 12
"""Power of 16-bit quantization noise, the least that a recording can have."""


def snr_db(sound: NDArray[np.floating], rate_hz: int) -> float | None:
    """Returns the ratio of speech power to noise power in dB; None for silence and clips shorter than MIN_SECONDS.

    Args:
        sound: Mono in [-1, 1]; shaped (samples,).
        rate_hz: Its sampling rate.
    """
    if len(sound) < MIN_SECONDS * rate_hz or not np.any(sound):
        return None
    frames, middle = sliding_window_view(sound, round(FRAME_SECONDS * rate_hz))[:: round(HOP_SECONDS * rate_hz)], np.mean(sound)
    parts = (frames[n : n + FRAMES_AT_ONCE] - middle for n in range(0, len(frames), FRAMES_AT_ONCE))
    power = np.concatenate([np.mean(np.square(part), axis=1, dtype=np.float64) for part in parts])
    noise = max(float(np.quantile(power, FLOOR_QUANTILE)), ROUNDING_POWER)
    speech = max(float(np.mean(power)) - noise, 0.01 * noise)
    return float(10 * np.log10(speech / noise))
