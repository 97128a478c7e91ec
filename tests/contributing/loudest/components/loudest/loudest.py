"""The loudest second of a recording."""

from collections.abc import Iterable

import numpy as np

from components.shared.audio import Samples


def loudest_second(seconds: Iterable[Samples]) -> tuple[float, float | None]:
    """Start of the loudest second, and its RMS level in dB relative to full scale.

    Args:
        seconds: The samples of each second in order, shaped (frames, channels).

    Returns:
        (0.0, None) for silence.
    """
    powers = [float(np.mean(np.square(samples))) for samples in seconds]
    if not any(powers):
        return 0.0, None
    loudest = int(np.argmax(powers))
    return float(loudest), 10 * float(np.log10(powers[loudest]))
