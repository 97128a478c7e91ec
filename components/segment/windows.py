"""A signal of any length as windows that overlap, so that whatever looks at a stretch of it never sees the stretch cut.

Signals are 16 kHz mono, float32 in [-1, 1). Frames, patches and labels are those of inaSpeechSegmenter: a frame is
25 ms every 10 ms; a patch is 68 frames every 2, so one every 20 ms; a label is of 20 ms, and of the patch around it.
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
    """Number of whole frames in so many samples."""
    return max(0, (samples - FRAME) // HOP + 1)


def labels_in(frames: int) -> int:
    """Number of labels of a recording of so many frames."""
    return -(-frames // STEP)


def patches_in(frames: int) -> int:
    """Number of patches of a recording of so many frames; one that is shorter than a patch is filled up to it."""
    return max(1, (frames - PATCH_FRAMES) // STEP + 1)


def patch_of(labels: NDArray[np.int64], frames: int) -> NDArray[np.int64]:
    """Index of the patch around each label; at the ends of a recording, where none fits around it, the first and the last."""
    return np.clip(labels - PATCH_FRAMES // (2 * STEP), 0, patches_in(frames) - 1)


def frame_windows(blocks: Iterator[Signal], frames: int) -> Iterator[Signal]:
    """Windows with the samples of so many frames each, every frame in one of them."""
    return _overlapping(blocks, frames * HOP, FRAME - HOP)


def patch_windows(blocks: Iterator[Signal], patches: int) -> Iterator[Signal]:
    """Windows with the samples of so many patches each and of the one that follows, which is the next window's first."""
    return _overlapping(blocks, patches * STEP * HOP, (PATCH_FRAMES - 1) * HOP + FRAME)


def _overlapping(blocks: Iterator[Signal], hop: int, overlap: int) -> Iterator[Signal]:
    """Stretches of hop + overlap samples that begin every `hop` samples, the last one shorter; at least one, of at least a frame."""
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
