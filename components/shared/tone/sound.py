"""Reads a clip resampled to the rate of the features, in blocks, so that memory does not depend on its length."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.shared.rows import SAMPLE_RATE_HZ

RATE_HZ = 16_000
"""Sample rate of the features. They end at 8 kHz whatever the recording's bandwidth."""

HOP = 160
"""Samples from one frame to the next: 10 ms."""

EDGE = 1024
"""Samples at RATE_HZ of a block before the middle of its first frame and after the middle of its last."""

BLOCK_FRAMES = 2000
"""Frames of a block: 20 s."""

_UP, _DOWN = 160, 441  # from 44.1 to 16 kHz: a frame is 441 samples there
_SOURCE_HOP = SAMPLE_RATE_HZ // 100
_MARGIN_HOPS = 8  # margin around a block, so that resampling does not depend on block boundaries

Numbers = NDArray[np.float32]


def frames_of(samples: int) -> int:
    """Returns the number of frames for a number of samples at SAMPLE_RATE_HZ, at least 1. Frame i is centered i hops after the start."""
    return max(1, samples // _SOURCE_HOP)


def clip_blocks(path: Path, start: int, end: int) -> Iterator[tuple[Numbers, int]]:
    """Yields blocks of mono samples at RATE_HZ and the number of frames in each, for a clip in a FLAC file at SAMPLE_RATE_HZ.

    A block has EDGE samples before the middle of its first frame and at least as many after its last one's. Outside the clip is silence.
    """
    import soundfile

    frames = frames_of(end - start)
    with soundfile.SoundFile(path) as file:
        for first in range(0, frames, BLOCK_FRAMES):
            count = min(BLOCK_FRAMES, frames - first)
            edge_hops = -(-EDGE // HOP) + _MARGIN_HOPS
            a, b = start + (first - edge_hops) * _SOURCE_HOP, start + (first + count + edge_hops) * _SOURCE_HOP
            inside_a, inside_b = max(a, start), min(b, end)
            file.seek(inside_a)
            sound = file.read(inside_b - inside_a, dtype="float32", always_2d=True).mean(axis=1)
            yield _resampled(np.pad(sound, (inside_a - a, b - inside_b)), edge_hops, count), count


def _resampled(sound: Numbers, edge_hops: int, frames: int) -> Numbers:
    from scipy.signal import resample_poly

    skip = edge_hops * HOP - EDGE
    return resample_poly(sound, _UP, _DOWN)[skip : skip + frames * HOP + 2 * EDGE].astype(np.float32)
