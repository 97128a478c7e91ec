"""Trains tone classifiers, and measures them on speakers that they were not trained on."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from components.shared.mel import slaney_edges_hz
from components.shared.tone.contours import BOTTOM_HZ, TOP_HZ
from components.shared.tone.measures import MEASURES
from components.shared.tone.sound import RATE_HZ
from components.shared.tone.spectra import MEL_BANDS
from components.shared.tone.voices import standardized, within

Matrix = NDArray[np.float64]
Names = NDArray[np.str_]
Chosen = NDArray[np.bool_]

FEATURES = MEASURES[: MEASURES.index("band_0")] + tuple(
    f"mel_{i}" for i, hz in enumerate(slaney_edges_hz(MEL_BANDS, 0, RATE_HZ / 2)[1:-1]) if BOTTOM_HZ < hz < TOP_HZ
)
"""The measures that models use: pitch contour, level, timbre, and the mel bands from 100 to 4000 Hz."""
COLUMNS = [MEASURES.index(f) for f in FEATURES]

STRENGTH = 0.005
"""Inverse regularization strength (C) of the logistic regression. It is small, so that no single measure decides."""

CLASSIFIERS: dict[str, Callable[[int], Any]] = {
    "logistic": lambda seed: LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=5000),
    "discriminant": lambda seed: LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.5),
    "mlp": lambda seed: MLPClassifier((100,), alpha=1, max_iter=400, random_state=seed),
}
"""Makes an untrained classifier of a seed, by the names of the setting `classifier`."""


@dataclass(frozen=True)
class Clips:
    """Labeled clips of several speakers. Every field has one entry per clip; `measures` is shaped (clips, measures)."""

    measures: Matrix
    tones: Names
    speakers: Names
    genders: list[str]

    def voices(self) -> NDArray[np.int64]:
        """The number of each clip's speaker."""
        return np.unique(self.speakers, return_inverse=True)[1]

    def some(self, chosen: Chosen) -> "Clips":
        """The clips where `chosen` is true."""
        genders = [g for g, c in zip(self.genders, chosen, strict=True) if c]
        return Clips(self.measures[chosen], self.tones[chosen], self.speakers[chosen], genders)

    def points(self, deviations: Matrix, columns: Sequence[int] = COLUMNS) -> Matrix:
        """The measures relative to their speaker, as `tag_tone` takes them, shaped (clips, columns)."""
        return standardized(self.measures[:, columns], self.voices(), self.genders, deviations)


@dataclass(frozen=True)
class Extra:
    """Clips without a label that join the training, with the tones that a model gave them."""

    points: Matrix
    tones: Names


Teach = Callable[[Pipeline, Matrix, Clips], Extra]
"""Returns the extra clips for a pipeline, its deviations and the labeled clips that it was trained on."""


def fitted(clips: Clips, make: Callable[[], Any], columns: Sequence[int] = COLUMNS, extra: Extra | None = None) -> tuple[Pipeline, Matrix]:
    """Trains a classifier on measures relative to their speaker; also returns each measure's deviation within speakers."""
    deviations = within(clips.measures[:, columns], clips.voices())
    points, tones = clips.points(deviations, columns), clips.tones
    if extra is not None and len(extra.tones):
        points, tones = np.concatenate([points, extra.points]), np.concatenate([tones, extra.tones])
    pipeline = make_pipeline(StandardScaler(), make())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a network that still learns after its last step is usable
        pipeline.fit(points, tones)
    return pipeline, deviations


def folds(speakers: Names, most: int) -> list[Chosen]:
    """Splits clips by speaker into at most `most` parts: of each part, where it is. No speaker is in two parts."""
    count = min(most, len(np.unique(speakers)))
    parts = []
    for _, held in GroupKFold(count).split(np.zeros(len(speakers)), groups=speakers):
        parts.append(np.isin(np.arange(len(speakers)), held))
    return parts


def left_out(
    clips: Clips, parts: Sequence[Chosen], make: Callable[[], Any], columns: Sequence[int] = COLUMNS, teach: Teach | None = None
) -> Matrix:
    """The probability of each tone for each clip, by a classifier trained without any clip of its part.

    Returns numbers shaped (clips, tones), with the tones in alphabetical order; a tone that the training lacked has 0. With `teach`
    the classifier of each part is trained a second time, with extra clips that it chose itself.
    """
    names = np.unique(clips.tones)
    found = np.zeros((len(clips.tones), len(names)))
    for part in parts:
        rest = clips.some(~part)
        if len(np.unique(rest.tones)) < 2:
            found[part] = 1 / len(names)
            continue
        pipeline, deviations = fitted(rest, make, columns)
        if teach:
            pipeline, _ = fitted(rest, make, columns, teach(pipeline, deviations, rest))
        places = np.searchsorted(names, pipeline.classes_)
        found[np.ix_(np.flatnonzero(part), places)] = pipeline.predict_proba(clips.some(part).points(deviations, columns))
    return found


def recall(tones: Names, probabilities: Matrix) -> float:
    """The mean over tones of the share of their clips that is right (unweighted average recall)."""
    return float(balanced_accuracy_score(tones, np.unique(tones)[np.argmax(probabilities, axis=1)]))


@dataclass(frozen=True)
class Comparison:
    """Classifiers on speakers left out."""

    probabilities: Mapping[str, Matrix]
    """Those of every classifier, shaped (clips, tones)."""
    recalls: Mapping[str, float]
    chosen: str
    """The one of the highest recall."""
    honest: Matrix
    """Probabilities of a classifier that was chosen, for each part of the clips, on the other parts only."""


def compare(clips: Clips, parts: Sequence[Chosen], names: Sequence[str], seed: int, inner: int) -> Comparison:
    """Tries classifiers on speakers left out.

    The figure of the best of several is too good: it was chosen for it. So the choice is repeated for each part on folds of the
    other parts (`inner` at most), and the part is classified by that choice.
    """

    def tried(some: Clips, some_parts: Sequence[Chosen]) -> dict[str, Matrix]:
        return {name: left_out(some, some_parts, partial(CLASSIFIERS[name], seed)) for name in names}

    def best(some: Clips, found: Mapping[str, Matrix]) -> str:
        return max(names, key=lambda name: recall(some.tones, found[name]))

    found = tried(clips, parts)
    honest = np.zeros_like(next(iter(found.values())))
    for part in parts:
        rest = clips.some(~part)
        several = len(names) > 1 and len(np.unique(rest.speakers)) > 1
        name = best(rest, tried(rest, folds(rest.speakers, inner))) if several else names[0]
        honest[part] = found[name][part]
    return Comparison(found, {n: recall(clips.tones, p) for n, p in found.items()}, best(clips, found), honest)
