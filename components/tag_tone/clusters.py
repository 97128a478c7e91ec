"""Clusters the clips of one voice by prosody, ordered from calm to aroused. Used without a model."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

MOST = 4
"""Most clusters if their number is not set."""

CLIPS_PER_CLUSTER = 5
"""Clips needed per cluster. If the number is not set, a voice with fewer than twice as many clips is one cluster."""

AROUSAL = ("f0_mean", "energy_db", "treble_long")
"""Measures whose mean, standardized within the voice, is the arousal: pitch, loudness and treble rise with vocal effort."""

PROSODY = ("f0_mean", "f0_range", "f0_slope", "energy_db", "voiced_share", "treble_long")
"""Measures used for clustering."""

NAME = "clusters-bic"
NAME_GIVEN = "clusters"


def clustered(points: Matrix, arousal: Matrix, wanted: int) -> list[str]:
    """Assigns the clips of one voice to tone-1, the cluster of lowest mean arousal, up to tone-k.

    `points` are PROSODY, standardized within the voice, shaped (clips, measures). Gaussian mixtures with diagonal covariances make
    the wanted number of clusters, or for 0 the one with the least Bayesian information criterion. A voice of fewer clips is one
    cluster.
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
