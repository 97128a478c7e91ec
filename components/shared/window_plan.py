"""Chooses the windows of a recording. Positions are in frames of 10 ms from its start.

10 ms are 441 samples at 44.1 kHz and 160 at 16 kHz, so the time of a window is exact at both rates.
"""

import numpy as np
from numpy.typing import NDArray

from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.voices import WINDOW_SECONDS

FRAME_SAMPLES = SAMPLE_RATE_HZ // 100
WINDOW_FRAMES = round(100 * WINDOW_SECONDS)
"""1.6 s, the length that Resemblyzer's network was trained on."""
MIN_FRAMES = 30
"""Shortest stretch with a window. A shorter one has hardly a syllable."""

Spans = NDArray[np.int64]
"""First frame and end frame (exclusive), shaped (windows, 2)."""


def tens_in(samples: int) -> int:
    """Number of whole frames in samples at SAMPLE_RATE_HZ."""
    return samples // FRAME_SAMPLES


def seconds_of_tens(frames: Spans) -> NDArray[np.float64]:
    """Start times of frames on the recording's timeline, in seconds."""
    return frames * FRAME_SAMPLES / SAMPLE_RATE_HZ


def windows_of(speech: Spans, hop_seconds: float) -> tuple[Spans, NDArray[np.int64]]:
    """Returns the windows of stretches, in order, spread evenly over each stretch, at most hop_seconds apart, and the index of the
    stretch of each.

    A stretch shorter than a window becomes one window of its own length; one shorter than MIN_FRAMES gets none.
    """
    found = [_windows_in(start, end, max(1, round(hop_seconds * 100))) for start, end in speech.tolist()]
    of = np.repeat(np.arange(len(found)), [len(windows) for windows in found])
    return np.concatenate([np.zeros((0, 2), np.int64), *found]), of


def _windows_in(start: int, end: int, hop: int) -> Spans:
    room = end - start - WINDOW_FRAMES
    if room >= 0:
        starts = start + np.rint(np.linspace(0, room, -(-room // hop) + 1)).astype(np.int64)
        return np.stack([starts, starts + WINDOW_FRAMES], axis=1)
    return np.array([[start, end]] if end - start >= MIN_FRAMES else [], np.int64).reshape(-1, 2)
