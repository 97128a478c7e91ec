"""What the segmentation network hears in a recording: speech, overlap and changes of speaker, on frames of 16.9 ms.

Windows of 10 s overlap, and their probabilities are averaged. The order of a window's speakers means nothing in the next one, so
only what does not depend on it is averaged: who the speakers are, their voices tell.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from components.diarize.segmentation import CLASSES, FIRST_SAMPLE, FRAMES, SPEAKERS, STEP_SAMPLES, WINDOW_SAMPLES
from components.shared.mel import RATE_HZ, Signal
from components.shared.ranges import parts_of

HOP_FRAMES = 148
"""Frames from one window to the next, 2.5 s."""
BATCH = 32
"""Windows per call of the network: enough for 8 threads."""
SPOKEN = 0.5
"""Probability above which a speaker of a window speaks."""

Hear = Callable[[Signal], NDArray[np.float32]]
"""Probabilities of CLASSES, shaped (windows, FRAMES, 7), of windows shaped (windows, WINDOW_SAMPLES)."""
Frames = NDArray[np.float32]


@dataclass(frozen=True)
class Activity:
    """Probabilities of every frame of a recording, shaped (frames,)."""

    speech: Frames
    """That somebody speaks."""
    overlap: Frames
    """That two speak at the same time."""
    change: Frames
    """That the frame is the middle between the words of two speakers: the share of windows that say so."""


def frames_in(samples: int) -> int:
    """Number of frames of a recording with this number of samples at 16 kHz."""
    return max(0, (samples - 2 * FIRST_SAMPLE - 1) // STEP_SAMPLES + 1)


def seconds(frames: NDArray[np.integer]) -> NDArray[np.float64]:
    """Times at which frames begin."""
    return np.asarray((FIRST_SAMPLE + STEP_SAMPLES * (frames - 0.5)) / RATE_HZ)


def nearest_frames(times: NDArray[np.floating]) -> NDArray[np.int64]:
    """The frames that begin nearest to times in seconds; they may lie outside the recording."""
    return np.rint((np.asarray(times) * RATE_HZ - FIRST_SAMPLE) / STEP_SAMPLES + 0.5).astype(np.int64)


def activity(blocks: Iterator[Signal], samples: int, spoken: NDArray[np.bool_], hear: Hear) -> Activity:
    """Hears a recording of `samples` samples, which `blocks` give from its start; only windows with a frame of `spoken`."""
    total = np.zeros((3, frames_in(samples)), np.float32)
    count = np.zeros(total.shape[1], np.float32)
    places = range(0, max(1, len(count) - FRAMES + HOP_FRAMES), HOP_FRAMES)
    for start, classes in _heard(blocks, [p for p in places if spoken[p : p + FRAMES].any()], hear):
        part = slice(start, min(start + FRAMES, len(count)))
        shown = classes[: part.stop - start]
        total[:, part] += 1 - shown[:, 0], shown[:, 1 + SPEAKERS :].sum(axis=1), changes(shown)
        count[part] += 1
    return Activity(*(total / np.maximum(count, 1)))


def changes(classes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The frames in the middle between the last word of a speaker and the first of the next one, in one window."""
    speakers = classes @ CLASSES
    loudest = speakers.argmax(axis=1)
    said = np.flatnonzero(speakers.max(axis=1) > SPOKEN)
    other = np.flatnonzero(np.diff(loudest[said]))
    found = np.zeros(len(classes), bool)
    found[(said[other] + said[other + 1]) // 2] = True
    return found


def _heard(blocks: Iterator[Signal], starts: Sequence[int], hear: Hear) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yields the first frame and the probabilities of each window, BATCH windows per call of the network."""
    places = [start * STEP_SAMPLES for start in starts]
    signals = parts_of(blocks, ((place, place + WINDOW_SAMPLES) for place in places))
    for first in range(0, len(starts), BATCH):
        yield from zip(starts[first : first + BATCH], hear(np.stack(list(islice(signals, BATCH)))), strict=True)
