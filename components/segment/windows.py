"""Splits a signal of any length into overlapping windows, so that no frame is cut.

Signals are 16 kHz mono, float32 in [-1, 1). Frames, patches and labels are as in inaSpeechSegmenter: a frame is 25 ms with a hop of
10 ms; a patch is 68 frames with a hop of 2 frames (20 ms); a label covers 20 ms and belongs to the patch around it.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
FRAME = 400
"""Samples of a frame."""
HOP = 160
"""Samples from one frame to the next."""
PATCH_FRAMES = 68
STEP = 2
"""Frames from one patch, or label, to the next."""

Signal = NDArray[np.float32]


def frames_in(samples: int) -> int:
    """Number of whole frames in a signal."""
    return max(0, (samples - FRAME) // HOP + 1)


def labels_in(frames: int) -> int:
    """Number of labels of a recording."""
    return -(-frames // STEP)


def patches_in(frames: int) -> int:
    """Number of patches of a recording. A recording shorter than a patch is padded to one."""
    return max(1, (frames - PATCH_FRAMES) // STEP + 1)


def patch_of(labels: NDArray[np.int64], frames: int) -> NDArray[np.int64]:
    """Index of the patch around each label; at the ends of a recording, the first or last patch."""
    return np.clip(labels - PATCH_FRAMES // (2 * STEP), 0, patches_in(frames) - 1)


def frame_windows(blocks: Iterator[Signal], frames: int) -> Iterator[Signal]:
    """Yields windows of `frames` frames, fewer at the end; every frame is in one window. There is at least one window of one frame."""
    hop, overlap = frames * HOP, FRAME - HOP
    kept: list[Signal] = []
    length, first = 0, True
    for block in blocks:
        kept.append(block)
        length += len(block)
        while length >= hop + overlap:
            signal = np.concatenate(kept)
            yield signal[: hop + overlap]
            kept, length, first = [signal[hop:]], length - hop, False
    rest = np.concatenate([*kept, np.zeros(0, np.float32)])
    if first:
        yield np.pad(rest, (0, max(0, FRAME - len(rest))))
    elif len(rest) >= max(FRAME, overlap + 1):
        yield rest
