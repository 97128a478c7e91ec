"""Groups clips by voice, by their vectors."""

import numpy as np
from numpy.typing import NDArray

TIE = 1e-9
"""Cosines that differ by less count as equal, since the order of a sum changes its rounding."""


def voices_of(vectors: NDArray[np.float64], seconds: NDArray[np.float64], similarity: float) -> NDArray[np.int64]:
    """Clusters clips by average linkage with the nearest-neighbor chain algorithm.

    The mean cosine between two groups is the product of their sums. So memory grows with the number of clips, which
    has no limit in a shard, and time with its square. `publish` clusters blocks of limited size, for which a matrix of
    all cosines is faster. Returns for every clip the index of a clip that stands for its group, shaped (clips,).

    Args:
        vectors: vectors of length 1, shaped (clips, numbers).
        seconds: Length of each clip, above 0: its weight in a mean.
        similarity: Lowest mean cosine of two groups that are joined.
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
            closed[chain.pop()] = True  # no later merge is closer to it
    return groups


def similarities(
    vectors: NDArray[np.float64], seconds: NDArray[np.float64], reference: NDArray[np.float64], similarity: float
) -> NDArray[np.float64]:
    """Returns for each clip the cosine between the vectors of the reference and of the clip's group, as `voices_of` makes it."""
    groups = voices_of(vectors, seconds, similarity)
    sums = np.zeros_like(vectors)
    np.add.at(sums, groups, vectors * seconds[:, None])
    voices = sums[groups]
    return voices @ reference / np.linalg.norm(voices, axis=1)  # type: ignore[no-any-return]
