"""Which clips are one voice, by their d-vectors."""

import numpy as np
from numpy.typing import NDArray

VOICE_SIMILARITY = 0.76
"""Clips are one voice where the mean cosine between them is this or more.

Measured on 13 radio shows: at 0.74 the host and a guest become one on one show more, at 0.78 and above the host's clips fall apart on most.
"""

TIE = 1e-9
"""Cosines that differ by less are equal: sums of the same numbers in another order are."""


def voices_of(vectors: NDArray[np.float64], seconds: NDArray[np.float64], similarity: float) -> NDArray[np.int64]:
    """Agglomerative clustering by average linkage, along chains of nearest neighbors.

    The mean cosine between two groups is the product of their sums: so it takes memory in proportion to the clips, and time to
    their square.

    Args:
        vectors: Of length 1, shaped (clips, 256).
        seconds: How long each clip is: how much it counts in a mean; more than 0.
        similarity: Two groups are joined where the mean cosine of their clips is this or more.

    Returns:
        For every clip the index of one of its group.
    """
    sums, weights = vectors * seconds[:, None], seconds.astype(np.float64)
    groups, closed = np.arange(len(vectors)), np.zeros(len(vectors), bool)
    chain: list[int] = []
    while not closed.all():
        chain = chain or [int(np.argmin(closed))]
        last = chain[-1]
        cosines = sums @ sums[last] / (weights * weights[last])
        cosines[closed] = cosines[last] = -np.inf
        nearest = int(np.argmax(cosines))
        if len(chain) > 1 and cosines[nearest] <= cosines[chain[-2]] + TIE:
            into = chain[-2]
            sums[into] += sums[last]
            weights[into] += weights[last]
            groups[groups == last] = into
            closed[last] = True
            del chain[-2:]
        elif cosines[nearest] >= similarity:
            chain.append(nearest)
        else:
            closed[chain.pop()] = True  # whatever else is joined comes no nearer to it
    return groups


def similarities(vectors: NDArray[np.float64], seconds: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """For every clip the cosine of the reference's d-vector and that of the clip's voice: of all clips that are one voice with it."""
    groups = voices_of(vectors, seconds, VOICE_SIMILARITY)
    sums = np.zeros_like(vectors)
    np.add.at(sums, groups, vectors * seconds[:, None])
    voices = sums[groups]
    return voices @ reference / np.linalg.norm(voices, axis=1)  # type: ignore[no-any-return]
