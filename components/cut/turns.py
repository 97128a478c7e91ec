"""Finds changes of speaker: divides speech at pauses and joins neighboring pieces with similar voices."""

from bisect import bisect_left
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from components.cut.pauses import FRAME, PAUSE_DB, Levels, loudest_around
from components.shared.rows import SAMPLE_RATE_HZ, to_samples
from components.shared.windows import Windows

PIECE_SECONDS = 1.6
"""Shortest piece, the length of a window. A shorter one has no window of its own, and its clip would be too short to keep."""

INSIDE_SHARE = 0.75
"""Share of a window above which it counts for the piece that contains this share."""

Pause = tuple[int, int]
"""The quietest sample of a pause, and its length in frames."""


def turns_of(start: int, levels: Levels, windows: Windows, change_similarity: float) -> list[int]:
    """Returns the samples at which the speaker changes in a stretch of speech, in order. A change is always in a pause.

    The most similar neighbors are joined first, because the vectors of many windows make the comparison of long pieces reliable.
    `levels` are those of every whole frame, in dB; neighbors with the cosine similarity `change_similarity` or more are one voice.
    """
    stop = start + len(levels) * FRAME
    borders = long_pieces(start, stop, pauses_in(start, levels), to_samples(PIECE_SECONDS))
    voices = [_voice(windows, a / SAMPLE_RATE_HZ, b / SAMPLE_RATE_HZ) for a, b in pairwise([start, *borders, stop])]
    return joined(voices, borders, change_similarity)


def pauses_in(start: int, levels: Levels) -> list[Pause]:
    """Returns the pauses of a stretch that begins at sample `start`, in order."""
    loudness = loudest_around(levels)
    flips = np.flatnonzero(np.diff(np.concatenate([[0], loudness <= PAUSE_DB, [0]])))
    return [(start + int(a + np.argmin(loudness[a:b])) * FRAME, int(b - a)) for a, b in flips.reshape(-1, 2)]


def long_pieces(start: int, stop: int, pauses: list[Pause], shortest: int) -> list[int]:
    """Removes pauses beside a piece shorter than `shortest` samples, shortest pause first; returns the remaining ones."""
    edges = [start, *(at for at, _ in pauses), stop]
    for at, _ in sorted(pauses, key=lambda pause: pause[1]):
        i = bisect_left(edges, at, 1, len(edges) - 1)
        if min(at - edges[i - 1], edges[i + 1] - at) < shortest:
            del edges[i]
    return edges[1:-1]


def joined(voices: list[NDArray[np.float64]], borders: list[int], change_similarity: float) -> list[int]:
    """Joins the most similar neighbors until none have the cosine `change_similarity`; returns the remaining borders.

    A voice is the sum of a piece's vectors, or zeros without windows, which are similar to any voice. Border i is the sample
    between the pieces i and i + 1.
    """
    voices, borders = list(voices), list(borders)
    similarities = [_cosine(a, b) for a, b in pairwise(voices)]
    while similarities and max(similarities) >= change_similarity:
        i = similarities.index(max(similarities))
        voices[i : i + 2] = [voices[i] + voices[i + 1]]
        del borders[i], similarities[i]
        for k in (i - 1, i):
            if 0 <= k < len(similarities):
                similarities[k] = _cosine(voices[k], voices[k + 1])
    return borders


def _voice(windows: Windows, start: float, end: float) -> NDArray[np.float64]:
    """Returns the weighted sum of the vectors of the windows between two times, or of the window that overlaps most."""
    near = slice(int(np.searchsorted(windows.ends, start, "right")), int(np.searchsorted(windows.starts, end, "left")))
    starts, ends = windows.starts[near], windows.ends[near]
    share = (np.minimum(ends, end) - np.maximum(starts, start)) / (ends - starts)
    weights = np.maximum(share - INSIDE_SHARE, 0)
    if not weights.any():
        weights = 1e-3 * (share == np.max(share, initial=0))
    return weights @ windows.vectors[near].astype(np.float64)


def _cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / lengths if lengths else 1.0
