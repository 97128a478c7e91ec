"""Whose voice a clip is, from the windows that lie in it."""

import numpy as np
from numpy.typing import NDArray

from components.shared.rows import Clip, Speaker, Vector
from components.shared.windows import Windows

INSIDE_SHARE = 0.75
"""A window of which less lies in a clip holds too much of what is beside it: a neighbor's voice, or a pause."""

NO_VOICE = Vector(b"")


def voice(vectors: NDArray[np.float32], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The d-vector of several together, of length 1: their weighted mean, scaled."""
    total = weights @ vectors.astype(np.float64)
    return total / np.linalg.norm(total)  # type: ignore[no-any-return]


def tagged(clip: Clip, windows: Windows, reference: NDArray[np.float64] | None, name: str) -> Speaker:
    """What the windows of a recording say of one of its clips.

    Args:
        clip: A clip of the recording.
        windows: Its windows, all of them.
        reference: d-vector of the reference, or None.
        name: Of the reference.
    """
    near, share = _within(clip, windows)
    if not len(share):
        return Speaker(clip.clip, NO_VOICE, None, None, name)
    vectors, inside = windows.vectors[near], np.minimum(share.max(), INSIDE_SHARE)
    counted = share >= inside
    own = voice(vectors[counted], share[counted])
    similarity = None if reference is None else float(own @ reference)
    purity = float(np.min(vectors[counted] @ (own if reference is None else reference)))
    return Speaker(clip.clip, Vector(own.astype("<f4").tobytes()), similarity, purity, name)


def _within(clip: Clip, windows: Windows) -> tuple[slice, NDArray[np.float64]]:
    """The windows that overlap a clip, and the share of each that lies in it."""
    first, last = np.searchsorted(windows.ends, clip.start, "right"), np.searchsorted(windows.starts, clip.end, "left")
    near = slice(int(first), int(last))
    starts, ends = windows.starts[near], windows.ends[near]
    return near, (np.minimum(ends, clip.end) - np.maximum(starts, clip.start)) / (ends - starts)
