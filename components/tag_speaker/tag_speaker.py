"""Computes the voice of a clip from the windows that lie in it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from components.shared.encoders import vectors_of
from components.shared.rows import Clip, Speaker, Vector
from components.shared.windows import Windows, together
from components.tag_speaker.voices import similarities

INSIDE_SHARE = 0.75
"""A window with a smaller share inside the clip holds too much of what surrounds it: a neighbor's voice, or a pause."""

NO_VOICE = Vector(b"")


def speaker_of(clip: Clip, windows: Windows, reference: NDArray[np.float64] | None, name: str) -> Speaker:
    """Returns the vector and the purity of a clip, without its similarity, from all windows of its recording."""
    near, share = _within(clip, windows)
    if not len(share):
        return Speaker(clip.clip, NO_VOICE, "", None, None, name)
    counted = share >= min(share.max(), INSIDE_SHARE)
    vectors = windows.vectors[near][counted]
    own = together(vectors, share[counted])
    purity = float(np.min(vectors @ (own if reference is None else reference)))
    return Speaker(clip.clip, Vector(own.astype("<f4").tobytes()), windows.voice_by, None, purity, name)


def compared(rows: Sequence[Speaker], clips: Sequence[Clip], reference: NDArray[np.float64]) -> list[Speaker]:
    """Adds the similarity between each row's voice and the vector of the reference. Rows and clips are in the same order."""
    with_voice = [i for i, row in enumerate(rows) if row.vector]
    vectors = np.frombuffer(b"".join(rows[i].vector for i in with_voice), "<f4").reshape(-1, len(reference)).astype(np.float64)
    seconds = np.array([clips[i].end - clips[i].start for i in with_voice])
    one_voice = vectors_of(rows[with_voice[0]].voice_by).voice if with_voice else 1.0
    found = similarities(vectors, seconds, reference, one_voice)
    known = dict(zip(with_voice, found.tolist(), strict=True))
    return [replace(row, similarity=known.get(i)) for i, row in enumerate(rows)]


def _within(clip: Clip, windows: Windows) -> tuple[slice, NDArray[np.float64]]:
    """Returns the windows that overlap a clip, and the share of each that lies inside it."""
    near = slice(int(np.searchsorted(windows.ends, clip.start, "right")), int(np.searchsorted(windows.starts, clip.end, "left")))
    starts, ends = windows.starts[near], windows.ends[near]
    return near, (np.minimum(ends, clip.end) - np.maximum(starts, clip.start)) / (ends - starts)
