"""Which windows of a recording are heard. Positions are frames of 10 ms from the recording's beginning.

10 ms are 441 samples at 44.1 kHz and 160 at 16 kHz: a window's time is exact at both rates.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from components.shared.rows import SAMPLE_RATE_HZ, Segment

FRAME_SAMPLES = SAMPLE_RATE_HZ // 100
WINDOW_FRAMES = 160
"""1.6 s: what Resemblyzer's network was trained on."""
MAX_GAP_FRAMES = 30
"""Speech on both sides of a pause of at most this is one stretch: `segment` calls pauses inside a sentence silence, and a stretch
shorter than a window is heard less well. Windows lie in one stretch, so that none holds more of what is no speech than such pauses."""
MIN_FRAMES = 30
"""A shorter stretch has no window: there is hardly a syllable in it."""

Spans = NDArray[np.int64]
"""First frame and the one after the last, shaped (windows, 2)."""


def frames_in(samples: int) -> int:
    """Whole frames in so many samples at SAMPLE_RATE_HZ."""
    return samples // FRAME_SAMPLES


def seconds(frames: Spans) -> NDArray[np.float64]:
    """Where frames begin on the recording's timeline."""
    return frames * FRAME_SAMPLES / SAMPLE_RATE_HZ


def stretches(segments: Sequence[Segment], frames: int) -> Spans:
    """The stretches of speech of a recording of so many frames, in order, short pauses bridged.

    Args:
        segments: Of one recording, in order.
        frames: The whole frames of the recording.
    """
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
    """The windows of stretches, in order: at most so far apart, evenly, from a stretch's first frame to its last.

    A stretch that is shorter than a window is a window by itself, as long as it is; one below MIN_FRAMES has none.
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
