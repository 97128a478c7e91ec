"""Reads the clips, chooses a classifier on speakers left out, and writes the model, its page and the rows."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from components.shared.task import Outcome, StageError, report
from components.shared.tone.classifier import favored
from components.train_tone.data import Data, read_data
from components.train_tone.model import write_model
from components.train_tone.page import page as page_of
from components.train_tone.rows import TrainingClip
from components.train_tone.scores import scored
from components.train_tone.selftraining import Attempt, Rules, attempt
from components.train_tone.settings import Settings
from components.train_tone.training import CLASSIFIERS, Clips, Matrix, compare, fitted, folds

ORIGIN = "trained by speechmill"
Keep = Callable[[list[TrainingClip]], None]
"""Writes the rows of all clips in place of those before."""
REST = "neutral"
"""The tone of a voice at rest, which `neutral_logit` favors."""
_SHOWN_REASONS = 5
INNER_FOLDS = 4
"""Most parts of the speakers that are not left out, on which the choice of a classifier is repeated."""


def train_tone(
    settings: Settings, dataset: str, store: str, sounds: Path, model: Path, page: Path, keep: Keep, own: dict[str, Any]
) -> Outcome:
    """Trains a model, and writes it and its page, and keeps the rows of all clips. `own` is the stage's lineage, which gets the data."""
    with threadpool_limits(1, "blas"):  # several threads would add numbers in varying order
        data = read_data(settings, dataset, store, sounds)
        keep(data.rows)  # also tells why none can be used
        own["data"] = data.facts
        return _train(settings, data, model, page, keep, own)


def _train(settings: Settings, data: Data, model: Path, page: Path, keep: Keep, own: dict[str, Any]) -> Outcome:
    labeled, unused = data.labeled.clips, Counter(row.reason for row in data.rows if row.reason)
    _check(labeled, unused)
    parts = folds(labeled.speakers, settings.folds)
    names = list(CLASSIFIERS) if settings.classifier == "best" else [settings.classifier]
    report(f"trains on {', '.join(f'{k} {v}' for k, v in data.facts.items())}; leaves speakers out in {len(parts)} parts")
    compared = compare(labeled, parts, names, settings.seed, INNER_FOLDS)

    def make() -> Any:
        return CLASSIFIERS[compared.chosen](settings.seed)

    tried = None
    if len(data.others.rows):
        rules = Rules(settings.least_probability, settings.added_per_voice, settings.added_share)
        tried = attempt(labeled, data.others.clips, parts, make, rules, compared.recalls[compared.chosen])
        report(str(tried))
    added = tried.extra if tried and tried.adopted else None
    pipeline, deviations = fitted(labeled, make, extra=added)
    tones = [str(t) for t in np.unique(labeled.tones)]
    logits = {REST: settings.neutral_logit} if REST in tones and settings.neutral_logit else {}
    of_each = {name: scored(labeled.tones, labeled.speakers, found) for name, found in compared.probabilities.items()}
    honest = scored(labeled.tones, labeled.speakers, compared.honest)
    in_use = scored(labeled.tones, labeled.speakers, favored(compared.honest, np.array([logits.get(t, 0.0) for t in tones])))
    figures = {
        "classifier": compared.chosen,
        "clips": len(labeled.tones),
        "speakers": len(set(labeled.speakers.tolist())),
        "tones": len(tones),
        "unused_clips": unused.total(),
        "accuracy": honest.accuracy.value,
        "recall": honest.recall.value,
        "recall_low": honest.recall.low,
        "recall_high": honest.recall.high,
        "recall_with_neutral_favored": in_use.recall.value,
        "calibration_error": honest.calibration_error,
        **(tried.figures() if tried else {}),
    }
    description = {
        "name": settings.name,
        "licence": settings.licence,
        "origin": ORIGIN,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    facts = {
        "logits": logits,
        "trained_on": {**data.facts, "tones": dict(sorted(Counter(labeled.tones.tolist()).items()))},
        "scores": figures,
    }
    write_model(model, labeled, pipeline, deviations, facts, description)
    rows = _rows(data, parts, compared.honest, tones, tried)
    keep(rows)
    reasons = Counter(row.reason for row in rows if row.reason)
    for reason, count in reasons.most_common(_SHOWN_REASONS):
        report(f"{count} clips are not in the training: {reason}")
    shown = figures | own["settings"] | data.facts
    page.write_text(page_of(settings.name, honest, of_each, compared.chosen, str(tried or ""), reasons, shown), encoding="utf-8")
    report(f"{compared.chosen}: accuracy {honest.accuracy} and recall {honest.recall} on speakers left out")
    return figures


def _check(labeled: Clips, unused: Counter[str]) -> None:
    tones, speakers = set(labeled.tones.tolist()), set(labeled.speakers.tolist())
    if len(tones) > 1 and len(speakers) > 1:
        return
    reasons = "".join(f"; {count} not used: {reason}" for reason, count in unused.most_common(3))
    raise StageError(
        f"expected clips of two or more tones and of two or more speakers, found {len(tones)} and {len(speakers)} in "
        f"{len(labeled.tones)} clips{reasons}: add recordings, or label them in tones.csv (docs/tone.md)"
    )


def _rows(data: Data, parts: list[Any], honest: Matrix, tones: list[str], tried: Attempt | None) -> list[TrainingClip]:
    """The rows of all clips, with what was found of those that were measured."""
    best, sure = np.argmax(honest, axis=1), honest.max(axis=1)
    fold = np.sum([number * part for number, part in enumerate(parts, 1)], axis=0)
    measured = {
        row.clip: replace(row, fold=int(f), found=tones[b], probability=float(p), use="labeled")
        for row, f, b, p in zip(data.labeled.rows, fold, best, sure, strict=True)
    }
    if tried:
        measured |= {row.clip: row for row in tried.rows(data.others.rows)}
    return [row if row.reason else measured.get(row.clip, row) for row in data.rows]
