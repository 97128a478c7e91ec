"""Loads a trained tone classifier from a model's folder without executing any code in it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.shared.model import Model, read_model
from components.shared.task import StageError, one_line
from components.shared.tone.measures import MEASURES
from components.shared.tone.sound import HOP, RATE_HZ

Matrix = NDArray[np.float64]

KIND = "tone"
NONE = "none"
"""Kind of the placeholder model that stands for no model."""

FILE, CONFIG = "classifier.skops", "config.json"

TRUSTED: tuple[str, ...] = ()
"""Types that a classifier may hold in addition to those that skops trusts by default (scikit-learn's and numpy's)."""


@dataclass(frozen=True)
class Classifier:
    """A loaded classifier and its normalization."""

    model: Model
    pipeline: Any
    """A scikit-learn pipeline with scaling."""
    classes: tuple[str, ...]
    columns: NDArray[np.int64]
    """Indices into MEASURES of its inputs, in order."""
    deviations: Matrix
    """Standard deviation of each input within a voice of the training data."""
    means: Matrix
    """Mean of each input over the training data, used instead of the voice's mean if voices are not compared."""

    logits: Matrix
    """Added to the logit of each class."""

    def probabilities(self, standardized: Matrix) -> Matrix:
        """Returns the probability of each class for standardized measures, shaped (clips, classes)."""
        return favored(self.pipeline.predict_proba(standardized), self.logits)


def favored(probabilities: Matrix, logits: Matrix) -> Matrix:
    """Returns probabilities, shaped (clips, classes), after adding a number to the logit of each class."""
    if not logits.any():
        return probabilities
    found = probabilities * np.exp(logits)
    return found / found.sum(axis=1, keepdims=True)


def load_classifier(folder: Path) -> Classifier:
    """Reads a model of kind `tone` and checks its files against their hashes.

    Raises StageError if it is another kind of model, or if a file is not as described, holds types that are not trusted, or does not
    fit this stage.
    """
    import skops.io

    model = read_model(folder, KIND)
    file = folder / FILE
    config = _config(folder)
    try:
        foreign = sorted(set(skops.io.get_untrusted_types(file=file)) - set(TRUSTED))
        if foreign:
            raise StageError(
                f"expected a classifier of trusted types in {file}, found {', '.join(foreign)}: train it with `speechmill train tone`"
            )
        pipeline = skops.io.load(file, trusted=list(TRUSTED))
    except StageError:
        raise
    except Exception as error:  # an untrusted file can break the reader in any way
        raise StageError(
            f"expected a classifier written by skops in {file}, found none ({one_line(error)}): train it with `speechmill train tone`"
        ) from None
    classes = tuple(str(c) for c in getattr(pipeline, "classes_", ()))
    names = config["features"]
    if classes != tuple(config["classes"]) or getattr(pipeline, "n_features_in_", 0) != len(names):
        raise StageError(f"expected a classifier of {', '.join(config['classes'])} by {len(names)} measures in {file}, found another one")
    columns = np.array([MEASURES.index(name) for name in names])
    logits = np.array([config.get("logits", {}).get(name, 0.0) for name in classes])
    return Classifier(model, pipeline, classes, columns, np.array(config["deviations"]), np.array(config["means"]), logits)


def _config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    if not path.is_file():
        raise StageError(f"expected {CONFIG} in {folder}, found none: train the model with `speechmill train tone`")
    config = json.loads(path.read_text(encoding="utf-8"))
    wanted = {"rate_hz": RATE_HZ, "hop": HOP}
    found = {name: config.get(name) for name in wanted}
    if found != wanted:
        raise StageError(f"expected measures taken at {wanted} in {path}, found {found}: train the model again")
    unknown = sorted(set(config["features"]) - set(MEASURES))
    if unknown:
        raise StageError(f"expected measures that tag_tone takes in {path}, found {', '.join(unknown)}: train the model again")
    return config
