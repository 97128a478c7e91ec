"""Measures recordings of any rate as `tag_tone` measures clips."""

from collections.abc import Iterator
from io import BytesIO
from math import gcd
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from components.shared.tone.contours import contours
from components.shared.tone.measures import measures
from components.shared.tone.sound import BLOCK_FRAMES, EDGE, HOP, RATE_HZ

Numbers = NDArray[np.float64]

MAX_SECONDS = 60.0
"""Length from which on a recording is not used: it hardly has one tone, and all of it is in memory."""
_SILENT = 0.02
"""Share of the highest sample below which both ends of a recording are silence."""


def measure(file: Path | BytesIO) -> Numbers | str:
    """Measures a recording without the silence at both ends; returns the reason if it cannot.

    The measures are in the order of MEASURES.
    """
    try:
        found = soundfile.info(file)
        if isinstance(file, BytesIO):
            file.seek(0)
        if found.duration > MAX_SECONDS:
            return f"longer than {MAX_SECONDS:g} s"
        sound, rate = soundfile.read(file, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError):
        return "the file cannot be read as sound"
    mono = _at_rate(sound.mean(axis=1), rate)
    if not len(mono) or not np.any(mono):
        return "silent"
    loud = np.flatnonzero(np.abs(mono) > _SILENT * np.abs(mono).max())
    rms = float(np.sqrt(np.mean(np.square(mono))))
    numbers = measures(contours(_blocks(mono[loud[0] : loud[-1] + 1]), rms))
    return "less than 0.1 s of voice" if numbers is None else numbers


def _at_rate(mono: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    from scipy.signal import resample_poly

    if rate == RATE_HZ:
        return mono
    common = gcd(RATE_HZ, rate)
    return np.asarray(resample_poly(mono, RATE_HZ // common, rate // common), np.float32)


def _blocks(sound: NDArray[np.float32]) -> Iterator[tuple[NDArray[np.float32], int]]:
    frames = max(1, len(sound) // HOP)
    padded = np.pad(sound, (EDGE, EDGE + HOP))
    for first in range(0, frames, BLOCK_FRAMES):
        count = min(BLOCK_FRAMES, frames - first)
        yield padded[first * HOP : (first + count) * HOP + 2 * EDGE], count
