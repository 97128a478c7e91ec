"""Tones without a model: the clips of one voice in clusters by their prosody, ordered from calm to aroused."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

MOST = 4
"""Clusters at most where the number is not given."""

CLIPS_PER_CLUSTER = 5
"""Clips that a voice needs for each; a voice with fewer than twice as many is one cluster where the number is not given."""

AROUSAL = ("f0_mean", "energy_db", "treble_long")
"""Measures whose mean, standardized within the voice, is its arousal: pitch, loudness and the share of the treble rise with effort."""

PROSODY = ("f0_mean", "f0_range", "f0_slope", "energy_db", "voiced_share", "treble_long")
"""Measures that clusters are made of."""

NAME = "clusters-bic"
NAME_GIVEN = "clusters"


def clustered(points: Matrix, arousal: Matrix, wanted: int) -> list[str]:
    """tone-1, the cluster of the least mean arousal, to tone-k for the clips of one voice.

    Gaussian mixtures with diagonal covariances; without a wanted number the one with the least Bayesian information criterion.

    Args:
        points: PROSODY, standardized within the voice, shaped (clips, measures).
        arousal: Of every clip.
        wanted: Number of clusters, or 0. A voice of fewer clips than that is one cluster.
    """
    most = wanted or min(MOST, max(1, len(points) // CLIPS_PER_CLUSTER))
    counts = [wanted] if wanted else range(1, most + 1)
    if most > len(points) or most == 1:
        return ["tone-1"] * len(points)
    mixtures = [_mixture(points, count) for count in counts]
    best = min(mixtures, key=lambda m: m.bic(points))
    labels = best.predict(points)
    used = np.unique(labels)
    order = sorted(used, key=lambda label: float(arousal[labels == label].mean()))
    return [f"tone-{order.index(label) + 1}" for label in labels]


def _mixture(points: Matrix, count: int) -> Any:
    from sklearn.mixture import GaussianMixture

    return GaussianMixture(count, covariance_type="diag", reg_covar=0.05, n_init=3, random_state=0).fit(points)
