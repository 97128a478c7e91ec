"""Where the speaker changes in speech: its pieces between pauses, joined while their voices are alike."""

from bisect import bisect_left
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from components.cut.pauses import FRAME, PAUSE_DB, Levels, loudest_around
from components.shared.rows import SAMPLE_RATE_HZ, to_samples
from components.shared.windows import Windows

PIECE_SECONDS = 1.6
"""A piece is at least as long as a window: a shorter one has no window of its own, and would become a clip too short to keep."""

INSIDE_SHARE = 0.75
"""A window counts for a piece in which it lies with more of itself than this."""

Pause = tuple[int, int]
"""The quietest sample of a pause, and how many frames it is long."""


def turns_of(start: int, levels: Levels, windows: Windows, change_similarity: float) -> list[int]:
    """Where the speaker changes in a stretch of speech, in samples of the recording, in order.

    Of two neighboring pieces that are most alike one is made, and again, until none are as alike as `change_similarity`: long pieces
    are compared by many windows. A change is always in a pause.

    Args:
        start: Where the stretch begins, in samples.
        levels: Level of every whole frame of it, in dB.
        windows: The windows of the recording.
        change_similarity: Cosine from which on two neighboring pieces are one voice; above 1 none are.
    """
    stop = start + len(levels) * FRAME
    borders = long_pieces(start, stop, pauses_in(start, levels), to_samples(PIECE_SECONDS))
    return joined(
        [_voice(windows, a / SAMPLE_RATE_HZ, b / SAMPLE_RATE_HZ) for a, b in pairwise([start, *borders, stop])], borders, change_similarity
    )


def pauses_in(start: int, levels: Levels) -> list[Pause]:
    """The pauses of a stretch that begins at sample `start`, in order."""
    loudness = loudest_around(levels)
    flips = np.flatnonzero(np.diff(np.concatenate([[0], loudness <= PAUSE_DB, [0]])))
    return [(start + int(a + np.argmin(loudness[a:b])) * FRAME, int(b - a)) for a, b in flips.reshape(-1, 2)]


def long_pieces(start: int, stop: int, pauses: list[Pause], shortest: int) -> list[int]:
    """The pauses that stay when, shortest pause first, every pause beside a piece of less than `shortest` samples is given up."""
    edges = [start, *(at for at, _ in pauses), stop]
    for at, _ in sorted(pauses, key=lambda pause: pause[1]):
        i = bisect_left(edges, at, 1, len(edges) - 1)
        if min(at - edges[i - 1], edges[i + 1] - at) < shortest:
            del edges[i]
    return edges[1:-1]


def joined(voices: list[NDArray[np.float64]], borders: list[int], change_similarity: float) -> list[int]:
    """The borders that stay when the most similar neighbors are joined until none are as similar as `change_similarity`.

    Args:
        voices: Sum of the d-vectors of every piece; zeros where it has none, which is like anything.
        borders: Between piece i and piece i + 1.
        change_similarity: Cosine.
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
    """Sum of the d-vectors between two moments: of the windows that lie there, or of that which does so most."""
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
