"""Which classifiers are loaded, and which are refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from components.shared.model import describe
from components.shared.task import StageError
from components.shared.tone.classifier import CONFIG, FILE, load_classifier
from tests.places import ROOT

MODELS = ROOT / "bundled" / "models"


def double(values: np.ndarray) -> np.ndarray:
    return 2 * values


def copied(target: Path) -> Path:
    return Path(shutil.copytree(MODELS / "tone-4", target))


@pytest.mark.parametrize(("name", "classes"), [("tone-4", {"neutral", "happy", "angry", "sad"}), ("tone-2", {"calm", "angry"})])
def test_the_bundled_models_load_and_give_probabilities(name: str, classes: set[str]) -> None:
    found = load_classifier(MODELS / name)
    assert set(found.classes) == classes
    assert (found.model.name, found.model.kind, found.model.licence) == (name, "tone", "CC0 1.0")
    probabilities = found.probabilities(np.random.default_rng(0).standard_normal((5, len(found.columns))))
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(5))
    at_rest = found.classes[int(np.argmax(found.probabilities(np.zeros((1, len(found.columns))))))]
    assert at_rest in ("neutral", "calm")  # a clip that is like all others of its voice


def test_the_model_that_stands_for_none_is_no_classifier() -> None:
    with pytest.raises(StageError, match="kind tone"):
        load_classifier(MODELS / "none")


def test_a_file_that_was_changed_is_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path / "m")
    data = bytearray((folder / FILE).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / FILE).write_bytes(bytes(data))
    with pytest.raises(StageError, match="sha256"):
        load_classifier(folder)


def test_a_file_of_foreign_types_is_refused_before_anything_of_it_runs(tmp_path: Path) -> None:
    folder = copied(tmp_path / "m")
    count = len(json.loads((folder / CONFIG).read_text())["features"])
    data, names = np.random.default_rng(0).standard_normal((8, count)), ["angry", "happy", "neutral", "sad"] * 2
    skops.io.dump(make_pipeline(FunctionTransformer(double), LogisticRegression()).fit(data, names), folder / FILE)
    describe(folder, "tone-4", "tone", "", "", "2026-01-01T00:00:00+00:00")
    with pytest.raises(StageError, match=r"trusted types.*double"):
        load_classifier(folder)


def test_a_pickle_is_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path / "m")
    (folder / FILE).write_bytes(b"cos\nsystem\n(S'touch /tmp/never'\ntR.")
    describe(folder, "tone-4", "tone", "", "", "2026-01-01T00:00:00+00:00")
    with pytest.raises(StageError, match="written by skops"):
        load_classifier(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hop": 80}, "hop"),
        ({"features": ["f0_mean", "made_up"]}, "made_up"),
        ({"classes": ["calm", "angry"]}, "another one"),
        ({"features": ["f0_mean"]}, "another one"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    folder = copied(tmp_path / "m")
    (folder / CONFIG).write_text(json.dumps(json.loads((folder / CONFIG).read_text()) | change))
    describe(folder, "tone-4", "tone", "", "", "2026-01-01T00:00:00+00:00")
    with pytest.raises(StageError, match=message):
        load_classifier(folder)


def test_other_classes_and_measures_can_be_trained(tmp_path: Path) -> None:
    folder = copied(tmp_path / "m")
    names = ["f0_mean", "mfcc_3"]
    data, classes = np.array([[0.0, 0.0], [4.0, 1.0], [0.1, 0.0], [4.1, 1.0]]), ["whisper", "shout"] * 2
    skops.io.dump(make_pipeline(StandardScaler(), LogisticRegression()).fit(data, classes), folder / FILE)
    config = json.loads((folder / CONFIG).read_text())
    config |= {"classes": ["shout", "whisper"], "features": names, "means": [0.0, 0.0], "deviations": [1.0, 1.0]}
    (folder / CONFIG).write_text(json.dumps(config))
    describe(folder, "own", "tone", "", "", "2026-01-01T00:00:00+00:00")
    assert load_classifier(folder).classes == ("shout", "whisper")


def test_a_model_may_favor_a_class(tmp_path: Path) -> None:
    folder = copied(tmp_path / "m")
    plain = load_classifier(folder)
    points = np.random.default_rng(0).standard_normal((20, len(plain.columns)))
    (folder / CONFIG).write_text(json.dumps(json.loads((folder / CONFIG).read_text()) | {"logits": {"sad": 1.0}}))
    describe(folder, "own", "tone", "", "", "2026-01-01T00:00:00+00:00")
    before, after = (np.log(m.probabilities(points)) for m in (plain, load_classifier(folder)))
    gain = (after - before) - (after - before)[:, [0]]
    assert gain == pytest.approx(np.array([[float(c == "sad") for c in plain.classes]] * 20))
