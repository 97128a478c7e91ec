"""Self-training: a model is trained again with the clips of a dataset on which it is surest, if that helps on speakers left out."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from components.train_tone.rows import TrainingClip
from components.train_tone.training import Chosen, Clips, Extra, Matrix, Names, fitted, left_out, recall


@dataclass(frozen=True)
class Rules:
    """Which clips may join a training; component.py explains them."""

    least_probability: float
    added_per_voice: int
    added_share: float


@dataclass(frozen=True)
class Guess:
    """What a model says of clips without a label."""

    tones: Names
    probabilities: Matrix
    """Of that tone, shaped (clips,)."""
    chosen: Chosen
    """Which of them may join the training."""
    extra: Extra
    """Those."""


@dataclass(frozen=True)
class Attempt:
    """The outcome of self-training."""

    before: float
    """Recall on speakers left out, without the clips."""
    after: float
    guess: Guess

    @property
    def adopted(self) -> bool:
        """Whether the clips join the training."""
        return self.after > self.before and bool(self.guess.chosen.any())

    @property
    def extra(self) -> Extra:
        """The clips that may join."""
        return self.guess.extra

    def __str__(self) -> str:
        answer = "yes, they join the training" if self.adopted else "no, they do not join the training"
        return (
            f"self-training with {self.guess.chosen.sum()} of {len(self.guess.chosen)} clips of the dataset: {answer}. "
            f"Recall on labeled speakers left out: {self.before:.3f} without them, {self.after:.3f} with them."
        )

    def figures(self) -> dict[str, float]:
        """The outcome as metrics."""
        counts = {"selftraining_clips": int(self.guess.chosen.sum()), "selftraining_adopted": int(self.adopted)}
        return {**counts, "selftraining_recall_before": self.before, "selftraining_recall_after": self.after}

    def rows(self, rows: Sequence[TrainingClip]) -> list[TrainingClip]:
        """The rows of the clips with what was found of them."""
        found = []
        for row, tone, sure, chosen in zip(rows, self.guess.tones, self.guess.probabilities, self.guess.chosen, strict=True):
            reason = "not among those the model is surest of" if not chosen else "" if self.adopted else "self-training was no gain"
            found.append(replace(row, found=str(tone), probability=float(sure), use="" if reason else "added", reason=reason))
        return found


def attempt(labeled: Clips, others: Clips, parts: Sequence[Chosen], make: Callable[[], Any], rules: Rules, before: float) -> Attempt:
    """Tries self-training on speakers left out.

    In each part the clips are chosen by the model that was trained without the part's speakers, and none of these speakers' clips
    joins. So the labels of the part have no influence on its score. `before` is the recall without self-training.
    """
    everybody = frozenset(labeled.speakers.tolist())

    def teach(pipeline: Pipeline, deviations: Matrix, rest: Clips) -> Extra:
        return choose(pipeline, deviations, rest, others, rules, everybody - set(rest.speakers.tolist())).extra

    after = recall(labeled.tones, left_out(labeled, parts, make, teach=teach))
    pipeline, deviations = fitted(labeled, make)
    return Attempt(before, after, choose(pipeline, deviations, labeled, others, rules, frozenset()))


def choose(pipeline: Pipeline, deviations: Matrix, labeled: Clips, others: Clips, rules: Rules, without: frozenset[str]) -> Guess:
    """Chooses the clips whose tone a model is surest of. Each is compared with the other clips of its own voice.

    Clips of the speakers `without` are not chosen. A voice gives up to `added_per_voice` clips of each tone, and a tone gets up to
    `added_share` times its labeled clips, the surest first.
    """
    points = others.points(deviations)
    found = pipeline.predict_proba(points)
    tones, sure = pipeline.classes_[np.argmax(found, axis=1)], found.max(axis=1)
    room = Counter({tone: int(rules.added_share * count) for tone, count in Counter(labeled.tones.tolist()).items()})
    chosen, by_voice = np.zeros(len(sure), bool), Counter[tuple[str, str]]()
    for i in np.argsort(-sure, kind="stable").tolist():
        tone, voice = str(tones[i]), str(others.speakers[i])
        if sure[i] >= rules.least_probability and voice not in without and room[tone] and by_voice[voice, tone] < rules.added_per_voice:
            chosen[i] = True
            room[tone] -= 1
            by_voice[voice, tone] += 1
    return Guess(tones, sure, chosen, Extra(points[chosen], tones[chosen]))
