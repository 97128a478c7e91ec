"""A trained classifier of tones, read from a model's folder without running anything that lies in it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.shared.model import Model, read_model
from components.shared.task import StageError, one_line
from components.tag_tone.measures import MEASURES
from components.tag_tone.sound import HOP, RATE_HZ

Matrix = NDArray[np.float64]

KIND = "tone"
NONE = "none"
"""Kind of the model that stands for no model."""

FILE, CONFIG = "classifier.skops", "config.json"

TRUSTED: tuple[str, ...] = ()
"""Types that a classifier may hold beside those that skops itself knows to be harmless (scikit-learn's and numpy's)."""


@dataclass(frozen=True)
class Classifier:
    """What load_classifier gives."""

    model: Model
    pipeline: Any
    """A scikit-learn pipeline with scaling."""
    classes: tuple[str, ...]
    columns: NDArray[np.int64]
    """Which of MEASURES it takes, in its order."""
    deviations: Matrix
    """Of those measures within a voice of its training."""
    means: Matrix
    """Of those measures over its training: what stands for the voice's mean where voices are not compared."""

    def probabilities(self, standardized: Matrix) -> Matrix:
        """Of every class for clips' standardized measures (columns of them), shaped (clips, classes)."""
        return self.pipeline.predict_proba(standardized)


def load_classifier(folder: Path) -> Classifier:
    """Reads a model of kind `tone`, its files checked against their hashes.

    Raises:
        StageError: It is another kind of model, a file is not as described, holds types that are not trusted, or does not fit this stage.
    """
    import skops.io

    model = read_model(folder, KIND)
    file = folder / FILE
    config = _config(folder)
    try:
        foreign = sorted(set(skops.io.get_untrusted_types(file=file)) - set(TRUSTED))
        if foreign:
            raise StageError(f"expected a classifier of trusted types in {file}, found {', '.join(foreign)}: train it with recipes/tone")
        pipeline = skops.io.load(file, trusted=list(TRUSTED))
    except StageError:
        raise
    except Exception as error:  # a file from outside may break the reader in any way
        raise StageError(
            f"expected a classifier written by skops in {file}, found none ({one_line(error)}): train it with recipes/tone"
        ) from None
    classes = tuple(str(c) for c in getattr(pipeline, "classes_", ()))
    names = config["features"]
    if classes != tuple(config["classes"]) or getattr(pipeline, "n_features_in_", 0) != len(names):
        raise StageError(f"expected a classifier of {', '.join(config['classes'])} by {len(names)} measures in {file}, found another one")
    columns = np.array([MEASURES.index(name) for name in names])
    return Classifier(model, pipeline, classes, columns, np.array(config["deviations"]), np.array(config["means"]))


def _config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    if not path.is_file():
        raise StageError(f"expected {CONFIG} in {folder}, found none: train the model with recipes/tone")
    config = json.loads(path.read_text(encoding="utf-8"))
    wanted = {"rate_hz": RATE_HZ, "hop": HOP}
    found = {name: config.get(name) for name in wanted}
    if found != wanted:
        raise StageError(f"expected measures taken at {wanted} in {path}, found {found}: train the model again")
    unknown = sorted(set(config["features"]) - set(MEASURES))
    if unknown:
        raise StageError(f"expected measures that tag_tone takes in {path}, found {', '.join(unknown)}: train the model again")
    return config
