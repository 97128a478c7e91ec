"""Which vectors belong to one voice: the one answer of `diarize`, `tag_speaker`, `tag_tone` and `publish`.

A vector of a few seconds is a voice plus an error, so two of one voice are less similar the shorter they are. `corrected` scales
vectors so that their dot product estimates the cosine of the voices without the errors (the correction for attenuation of Spearman,
The proof and measurement of association between two things, 1904). So one threshold fits a word and an hour.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from components.shared.encoders import Vectors

Numbers = NDArray[np.float64]
Labels = NDArray[np.int64]

WINDOW_SECONDS = 1.6
"""Length of the windows whose vectors are added. `Vectors.spread` is the error of one of them."""
BLOCK = 2048
"""Number of voices that are compared with each other at a time, beside the groups of those before."""
MOST_GROUPS = 4096
"""If there are more groups, new ones join the most similar of them, and those no longer join each other: 300 MB of similarities at most."""


@dataclass(frozen=True)
class Voice:
    """What was heard of a voice."""

    total: Numbers
    """Sum of vectors, shaped (numbers,)."""
    seconds: float
    """Seconds of speech, above 0."""

    @property
    def mean(self) -> Numbers:
        """Mean vector a second, shaped (numbers,)."""
        return self.total / self.seconds

    def __add__(self, other: "Voice") -> "Voice":
        return Voice(self.total + other.total, self.seconds + other.seconds)

    def similarities(self, totals: Numbers, seconds: Numbers, of: Vectors) -> Numbers:
        """Similarity to each of other voices, at most 1, shaped (voices,)."""
        return similarities(table([self]), (totals, seconds), of)[0]


def table(voices: Sequence[Voice]) -> tuple[Numbers, Numbers]:
    """The totals of voices, shaped (voices, numbers), and their seconds, shaped (voices,)."""
    totals = np.stack([v.total for v in voices]) if voices else np.zeros((0, 0))
    return totals, np.array([v.seconds for v in voices])


def similarities(ones: tuple[Numbers, Numbers], others: tuple[Numbers, Numbers], of: Vectors) -> Numbers:
    """Corrected similarities of voices, each given as a `table`, at most 1, shaped (ones, others). `of` are the encoder's facts."""
    return np.minimum(corrected(*ones, of) @ corrected(*others, of).T, 1.0)


def nearest(ones: tuple[Numbers, Numbers], others: tuple[Numbers, Numbers], of: Vectors) -> tuple[Labels, Numbers]:
    """The most similar of others to each of some voices, and the similarity; the first one of equals. At least one other is needed."""
    own, found, most = corrected(*ones, of), np.zeros(len(ones[1]), np.int64), np.full(len(ones[1]), -np.inf)
    for first in range(0, len(others[1]), BLOCK):
        units = corrected(others[0][first : first + BLOCK], others[1][first : first + BLOCK], of)
        for a in range(0, len(own), BLOCK):
            near = np.minimum(own[a : a + BLOCK] @ units.T, 1.0)
            best = near.argmax(axis=1)
            value = near[np.arange(len(best)), best]
            closer = value > most[a : a + BLOCK]
            found[a : a + BLOCK][closer], most[a : a + BLOCK][closer] = first + best[closer], value[closer]
    return found, most


def corrected(sums: Numbers, seconds: Numbers, of: Vectors) -> Numbers:
    """Returns vectors whose dot products are corrected similarities.

    Args:
        sums: Sums of the vectors of windows, or multiples of them, shaped (voices, numbers). Zeros stay zeros.
        seconds: Seconds of speech in each, above 0, shaped (voices,).
        of: The encoder's facts.
    """
    lengths = np.linalg.norm(sums, axis=1)
    scales = np.sqrt(1 + of.spread * WINDOW_SECONDS / seconds) / np.where(lengths > 0, lengths, 1)
    return np.asarray(sums * scales[:, None])


def groups(sums: Numbers, seconds: Numbers, of: Vectors, similarity: float = 0.0) -> Labels:
    """Joins the two most similar voices, again and again, until none are `similarity` or more; 0 takes the encoder's threshold.

    Sums and seconds are as for `corrected`, and those of a group are added. Returns the group of each voice, numbered from 0 in
    order of appearance, shaped (voices,). Beyond BLOCK voices, the groups of those before stand for them.
    """
    labels, own_sums, own_seconds = np.zeros(0, np.int64), np.zeros((0, sums.shape[1])), np.zeros(0)
    for first in range(0, len(sums), BLOCK):
        before = len(own_sums)
        own_sums = np.concatenate([own_sums, sums[first : first + BLOCK]])
        own_seconds = np.concatenate([own_seconds, seconds[first : first + BLOCK]])
        join = _joined if before <= MOST_GROUPS else partial(_joined_to, before)
        found = join(own_sums, own_seconds, of, similarity or of.voice)
        labels = np.concatenate([found[:before][labels], found[before:]])
        own_sums, own_seconds = added(own_sums, found), added(own_seconds, found)
    return labels


def _joined_to(before: int, sums: Numbers, seconds: Numbers, of: Vectors, similarity: float) -> Labels:
    """As `_joined`, but the first `before` voices stay apart: groups of the others join the most similar of them."""
    labels = _joined(sums[before:], seconds[before:], of, similarity)
    new = added(sums[before:], labels), added(seconds[before:], labels)
    known, near = nearest(new, (sums[:before], seconds[:before]), of)
    joins = near >= similarity
    places = np.where(joins, known, before + np.cumsum(~joins) - 1)
    return np.concatenate([np.arange(before), places[labels]])


def added(values: Numbers, labels: Labels) -> Numbers:
    """Adds the values of each group, shaped (groups, …)."""
    total = np.zeros((int(labels.max(initial=-1)) + 1, *values.shape[1:]))
    np.add.at(total, labels, values)
    return total


def _joined(sums: Numbers, seconds: Numbers, of: Vectors, similarity: float) -> Labels:
    """Agglomerative clustering by the similarity of the sums. Each row of `near` remembers its largest number, so that a step takes time
    proportional to the number of groups."""
    sums, seconds, labels = sums.copy(), seconds.copy(), np.arange(len(sums))
    units = corrected(sums, seconds, of)
    near = units @ units.T
    np.fill_diagonal(near, -np.inf)
    best = near.argmax(axis=1)
    rows = np.arange(len(sums))
    while len(sums):
        a = int(np.argmax(near[rows, best]))
        b = int(best[a])
        if not near[a, b] >= similarity:
            break
        a, b = min(a, b), max(a, b)
        sums[a], seconds[a] = sums[a] + sums[b], seconds[a] + seconds[b]
        labels[labels == b] = a
        units[a] = corrected(sums[a : a + 1], seconds[a : a + 1], of)[0]
        fresh = units @ units[a]
        fresh[near[a] == -np.inf] = -np.inf  # itself, and groups that are part of another one
        near[a], near[:, a] = fresh, fresh
        near[b], near[:, b] = -np.inf, -np.inf
        near[a, b] = near[b, a] = -np.inf
        stale = (best == a) | (best == b) | (rows == a) | (rows == b)
        best[stale] = near[stale].argmax(axis=1)
        closer = ~stale & (near[rows, a] > near[rows, best])
        best[closer] = a
    _, first, found = np.unique(labels, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[found])
