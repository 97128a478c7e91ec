"""A clip's sound at the rate that features are taken at, block by block, so that a clip of any length takes the same memory."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.shared.rows import SAMPLE_RATE_HZ

RATE_HZ = 16_000
"""Features are computed up to 8 kHz, whatever the recording's own bandwidth."""

HOP = 160
"""Samples from one frame to the next: 10 ms."""

EDGE = 1024
"""Samples at RATE_HZ that a block has before its first frame's middle and after its last one's."""

BLOCK_FRAMES = 2000
"""Frames of a block: 20 s."""

_UP, _DOWN = 160, 441  # from 44.1 to 16 kHz: a frame is 441 samples there
_SOURCE_HOP = SAMPLE_RATE_HZ // 100
_MARGIN_HOPS = 8  # around a block, so that resampling does not depend on where blocks end

Numbers = NDArray[np.float32]


def frames_of(samples: int) -> int:
    """Frames of a clip of so many samples at SAMPLE_RATE_HZ, at least one; the middle of frame i is i hops after the start."""
    return max(1, samples // _SOURCE_HOP)


def clip_blocks(path: Path, start: int, end: int) -> Iterator[tuple[Numbers, int]]:
    """A clip, resampled: blocks of mono samples at RATE_HZ, and how many frames each holds.

    A block has EDGE samples before the middle of its first frame and at least as many after its last one's. Outside the clip is silence.

    Args:
        path: A FLAC file at SAMPLE_RATE_HZ.
        start: First sample of the clip.
        end: Sample after its last.
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
