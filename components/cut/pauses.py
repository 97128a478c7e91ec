"""Measures the level of a recording around every moment, to find pauses."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.shared.audio import read
from components.shared.rows import SAMPLE_RATE_HZ

Levels = NDArray[np.float32]

FRAME = SAMPLE_RATE_HZ // 100
"""Samples of a frame: 10 ms."""

REACH = 8
"""Frames on each side of a moment that must be quiet for a pause."""

PAUSE_DB = -12.0
"""Level, relative to the speech around it, at or below which all frames within REACH of a pause are.

Measured on two six-minute episodes of Korean speech over music, effects and noise with known clean speech: at -12 dB the precision
is 97.6 % (clean speech within 20 ms at least 25 dB below its level); the recall is 80 % without other sound and 33 % under music.
At -8 dB the precision is 93 %; at -20 dB 99.8 %, with a recall of 7 % under music. With REACH 5 and -12 dB it is 94.8 %.
"""

NEIGHBOURHOOD = 750
"""Frames on each side of a moment whose mean power is the level of speech: 7.5 s, some phrases and their pauses."""

FLOOR_DB = -100.0
"""Level of digital silence, dB relative to full scale: below the last bit of 16."""


def frame_levels(path: Path, start: int, stop: int, block_frames: int = 3000) -> Levels:
    """Returns the level of every whole frame from sample start to stop, mean of the channels, in dB relative to full scale."""
    count = (stop - start) // FRAME
    levels = np.empty(count, np.float32)
    for first in range(0, count, block_frames):
        last = min(first + block_frames, count)
        samples = read(path, start + first * FRAME, start + last * FRAME).mean(axis=1, dtype=np.float64) / 32_768
        power = np.mean(np.square(samples).reshape(-1, FRAME), axis=1)
        levels[first:last] = 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))
    return levels


def loudest_around(levels: Levels) -> Levels:
    """Returns the level of the loudest frame within REACH of every edge between frames, in dB relative to the speech around it.

    Entry i is the edge before frame i, so there is one entry more than frames. One quiet frame is not enough: the closure of a plosive
    is as quiet as a pause, but shorter than twice REACH.
    """
    outside = np.full(REACH, -np.inf, np.float32)
    padded = np.concatenate([outside, levels, outside])
    loudest = np.max(np.lib.stride_tricks.sliding_window_view(padded, 2 * REACH), axis=1)
    return loudest - _speech_level(levels)


def _speech_level(levels: Levels) -> Levels:
    """Returns the mean power of the NEIGHBOURHOOD of every edge between two frames, in dB.

    A voice 12 dB below another within NEIGHBOURHOOD counts as a pause. The lower of the levels before and after the edge would avoid
    this, but then the recall of pauses without other sound is 59 % instead of 80 %.
    """
    total = np.concatenate([[0.0], np.cumsum(10 ** (levels.astype(np.float64) / 10))])
    edges = np.arange(len(levels) + 1)
    first, last = np.maximum(edges - NEIGHBOURHOOD, 0), np.minimum(edges + NEIGHBOURHOOD, len(levels))
    return (10 * np.log10((total[last] - total[first]) / (last - first))).astype(np.float32)
