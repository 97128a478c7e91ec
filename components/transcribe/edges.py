"""Finds clips that begin or end inside a word."""

import numpy as np
from numpy.typing import NDArray

from components.shared.rows import SAMPLE_RATE_HZ
from components.transcribe.engines import Transcription

EDGE_SECONDS = 0.3
"""Largest distance of a word from the clip's edge that it touches. Engines often end a word early that the clip cuts."""
_FRAME = SAMPLE_RATE_HZ // 50
"""Samples of a level, 20 ms."""
MOST_DROP_DB = 20.0
"""A word that is cut is at most this much below the clip's speech at the edge."""


def cut_word(found: Transcription, pcm: NDArray[np.int16]) -> bool:
    """Returns whether the first or the last word of a clip is at its edge, and the clip is loud there.

    Args:
        found: The transcript; without words the answer is False.
        pcm: The clip, shaped (samples,).
    """
    if not found.words or len(pcm) < 2 * _FRAME:
        return False
    frames = pcm[: len(pcm) // _FRAME * _FRAME].reshape(-1, _FRAME).astype(np.float64)
    levels = 10 * np.log10(np.mean(frames**2, axis=1) + 1)
    last = 10 * np.log10(np.mean(pcm[-_FRAME:].astype(np.float64) ** 2) + 1)
    loud = np.percentile(levels, 90) - MOST_DROP_DB
    seconds = len(pcm) / SAMPLE_RATE_HZ
    starts = found.words[0].start <= EDGE_SECONDS and levels[0] >= loud
    ends = found.words[-1].end >= seconds - EDGE_SECONDS and last >= loud
    return bool(starts or ends)
