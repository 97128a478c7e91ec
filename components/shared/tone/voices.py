"""Standardizes measures within each voice."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Labels = NDArray[np.int64]

PRIOR_CLIPS = 3.0
"""Weight, in clips, of the shard's mean and the model's deviation against those of a voice."""

LIMIT = 4.0
"""Standardized measures are clipped to plus and minus this."""


def by_gender(labels: Labels, genders: Sequence[str]) -> Labels:
    """Makes one voice for each gender of the clips whose label is -1: they have no voice vector. Labels are from 0."""
    found = labels.copy()
    for gender in sorted(set(genders)):
        unheard = (labels < 0) & np.array([g == gender for g in genders], bool)
        found[unheard] = found.max(initial=-1) + 1
    return found


def standardized(measures: Matrix, labels: Labels, genders: Sequence[str], deviations: Matrix | None = None) -> Matrix:
    """Standardizes measures within their voice: (value - mean) / deviation, clipped to ±LIMIT.

    A voice's mean is shrunk toward that of all clips of its gender in the shard, and its deviation toward `deviations`, by default
    those of the shard's voices, with the weight of PRIOR_CLIPS clips. So a voice of few clips is compared with the others, and a
    constant voice is not amplified. The gender of a voice is that of most of its clips.
    `measures` are shaped (clips, measures), without NaN.
    """
    result = np.zeros_like(measures)
    usual = within(measures, labels) if deviations is None else deviations
    for label in np.unique(labels):
        mine = labels == label
        gender = _most([genders[i] for i in np.flatnonzero(mine).tolist()])
        peers = np.array([g == gender for g in genders], bool)
        count, values = int(mine.sum()), measures[mine]
        mean = (values.sum(axis=0) + PRIOR_CLIPS * measures[peers].mean(axis=0)) / (count + PRIOR_CLIPS)
        square = (np.square(values - values.mean(axis=0)).sum(axis=0) + PRIOR_CLIPS * np.square(usual)) / (count + PRIOR_CLIPS)
        result[mine] = (values - mean) / np.sqrt(np.maximum(square, 1e-12))
    return np.clip(result, -LIMIT, LIMIT)


def _most(genders: Sequence[str]) -> str:
    """The most frequent one, the first by name of several."""
    return max(sorted(set(genders)), key=list(genders).count)


def within(measures: Matrix, labels: Labels) -> Matrix:
    """Pooled deviation within voices, shaped (measures,); the deviation of all clips if no voice has two."""
    _, voice, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if counts.max() < 2:
        return measures.std(axis=0)
    means = np.array([measures[voice == i].mean(axis=0) for i in range(len(counts))])
    return np.sqrt(np.square(measures - means[voice]).sum(axis=0) / (len(measures) - len(counts)))
