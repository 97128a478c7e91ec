"""Scores of a classifier on speakers left out: shares that are right with intervals over speakers, confusion, calibration."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.train_tone.training import Matrix, Names

RESAMPLES = 1000
BINS = 10


@dataclass(frozen=True)
class Share:
    """A share, and an interval that holds 95 of 100 draws of as many speakers."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True)
class Scores:
    """How well clips are named."""

    tones: list[str]
    confusion: NDArray[np.int64]
    """Numbers of clips: a row for each true tone, a column for each given tone."""
    accuracy: Share
    recall: Share
    """Mean over tones of the share of their clips that is right."""
    bins: list[tuple[float, float, int]]
    """Of clips with a similar probability: its mean, the share that is right, and their number."""
    calibration_error: float
    """Mean distance of the two, weighted by the number of clips."""


def scored(tones: Names, speakers: Names, probabilities: Matrix) -> Scores:
    """Compares the true tones of clips with probabilities, shaped (clips, tones in alphabetical order)."""
    names, true = np.unique(tones, return_inverse=True)
    given, sure = np.argmax(probabilities, axis=1), probabilities.max(axis=1)
    count = len(names)
    people, who = np.unique(speakers, return_inverse=True)
    tables = np.zeros((len(people), count, count), np.int64)
    np.add.at(tables, (who, true, given), 1)
    draws = np.random.default_rng(0).integers(len(people), size=(RESAMPLES, len(people)))
    sums = np.stack([tables[draw].sum(axis=0) for draw in draws])
    whole = tables.sum(axis=0)
    places = np.minimum((sure * BINS).astype(int), BINS - 1)
    bins = [(float(sure[p].mean()), float((true == given)[p].mean()), int(p.sum())) for b in range(BINS) if (p := places == b).any()]
    error = sum(abs(mean - right) * n for mean, right, n in bins) / len(tones)
    return Scores(names.tolist(), whole, _share(_accuracy, whole, sums), _share(_recall, whole, sums), bins, error)


def _share(measure: Callable[[NDArray[np.int64]], NDArray[np.float64]], whole: NDArray[np.int64], sums: NDArray[np.int64]) -> Share:
    low, high = np.percentile(measure(sums), [2.5, 97.5])
    return Share(float(measure(whole)), float(low), float(high))


def _accuracy(tables: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(np.trace(tables, axis1=-2, axis2=-1) / tables.sum(axis=(-2, -1)))


def _recall(tables: NDArray[np.int64]) -> NDArray[np.float64]:
    """A tone that a draw of speakers lacks does not count in it."""
    totals = tables.sum(axis=-1)
    right = np.diagonal(tables, axis1=-2, axis2=-1) / np.maximum(totals, 1)
    return np.asarray(right.sum(axis=-1) / np.maximum((totals > 0).sum(axis=-1), 1))
