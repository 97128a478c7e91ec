"""Writes a trained classifier as the folder of a model that `tag_tone` loads."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sklearn
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline

from components.shared.model import Model, describe
from components.shared.tone.classifier import CONFIG, FILE, KIND
from components.shared.tone.sound import HOP, RATE_HZ
from components.train_tone.skops_files import write_skops
from components.train_tone.training import COLUMNS, FEATURES, Clips, Matrix


def write_model(
    folder: Path, clips: Clips, pipeline: Pipeline, deviations: Matrix, facts: Mapping[str, Any], description: Mapping[str, str]
) -> Model:
    """Writes the classifier, its configuration with `facts`, and model.json. The same arguments give the same bytes.

    `description` has name, licence, origin and created of model.json.
    """
    classifier = pipeline.steps[-1][1]
    if isinstance(classifier, MLPClassifier):
        del classifier._optimizer  # only training needs it, and skops trusts no file that holds it
    folder.mkdir(parents=True, exist_ok=True)
    write_skops(folder / FILE, pipeline)
    config = {
        "classes": [str(c) for c in pipeline.classes_],
        "rate_hz": RATE_HZ,
        "hop": HOP,
        "features": FEATURES,
        "means": clips.measures[:, COLUMNS].mean(axis=0).tolist(),
        "deviations": deviations.tolist(),
        **facts,
        "scikit_learn": sklearn.__version__,
    }
    (folder / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    return describe(folder, kind=KIND, **description)
