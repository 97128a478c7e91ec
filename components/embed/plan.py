"""Chooses the windows of a recording. Positions are in frames of 10 ms from its start.

10 ms are 441 samples at 44.1 kHz and 160 at 16 kHz, so the time of a window is exact at both rates.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from components.shared.rows import SAMPLE_RATE_HZ, Segment

FRAME_SAMPLES = SAMPLE_RATE_HZ // 100
WINDOW_FRAMES = 160
"""1.6 s, the length that Resemblyzer's network was trained on."""
MAX_GAP_FRAMES = 30
"""Speech on both sides of a pause of at most this length is one stretch. `segment` labels pauses inside a sentence as silence, and
stretches shorter than a window give worse embeddings. A window lies inside one stretch, so such pauses are the only non-speech in it."""
MIN_FRAMES = 30
"""Shortest stretch with a window. A shorter one has hardly a syllable."""

Spans = NDArray[np.int64]
"""First frame and end frame (exclusive), shaped (windows, 2)."""


def frames_in(samples: int) -> int:
    """Number of whole frames in samples at SAMPLE_RATE_HZ."""
    return samples // FRAME_SAMPLES


def seconds(frames: Spans) -> NDArray[np.float64]:
    """Start times of frames on the recording's timeline, in seconds."""
    return frames * FRAME_SAMPLES / SAMPLE_RATE_HZ


def stretches(segments: Sequence[Segment], frames: int) -> Spans:
    """Returns the stretches of speech, in order, joined over short pauses, of a recording with this number of whole frames."""
    found: list[list[int]] = []
    for segment in segments:
        if segment.label == "speech":
            start, end = (min(round(t * SAMPLE_RATE_HZ / FRAME_SAMPLES), frames) for t in (segment.start, segment.end))
            if start == end:
                continue
            if found and start - found[-1][1] <= MAX_GAP_FRAMES:
                found[-1][1] = end
            else:
                found.append([start, end])
    return np.array(found, np.int64).reshape(-1, 2)


def windows_of(speech: Spans, hop_seconds: float) -> Spans:
    """Returns the windows of stretches, in order, spread evenly over each stretch, at most hop_seconds apart.

    A stretch shorter than a window becomes one window of its own length; one shorter than MIN_FRAMES gets none.
    """
    hop = max(1, round(hop_seconds * 100))
    found = [np.zeros((0, 2), np.int64)]
    for start, end in speech.tolist():
        room = end - start - WINDOW_FRAMES
        if room >= 0:
            starts = start + np.rint(np.linspace(0, room, -(-room // hop) + 1)).astype(np.int64)
            found.append(np.stack([starts, starts + WINDOW_FRAMES], axis=1))
        elif end - start >= MIN_FRAMES:
            found.append(np.array([[start, end]]))
    return np.concatenate(found)
