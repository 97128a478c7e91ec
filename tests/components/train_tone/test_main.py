"""The program: from labeled folders and datasets to a model that `tag_tone` uses."""

import csv
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.shared.model import read_model
from components.shared.rows import Clip
from components.shared.table import empty, read_rows
from components.shared.task import Lineage, StageError
from components.shared.tone.classifier import CONFIG, FILE, load_classifier
from components.tag_tone.tag_tone import measure_clip, tones
from components.train_tone.__main__ import main
from components.train_tone.rows import TrainingClip
from components.train_tone.sources import dataset_sounds
from store.models import ModelStore
from store.objects import open_store
from store.reviews import Answer, ReviewStore
from tests.artifacts import write_flac
from tests.components.train_tone.conftest import CODES, NAMES, SPEAKERS, TAKES, at_store_rate
from tests.recipes.tone.conftest import TONES, voice

SETTINGS: dict[str, Any] = {
    "name": "mine",
    "licence": "CC0-1.0",
    "tones": "",
    "classifier": "logistic",
    "truth_dataset": "",
    "truth_version": 0,
    "dataset_version": 0,
    "dataset_clips": 100,
    "least_probability": 0.3,
    "added_per_voice": 2,
    "added_share": 1.0,
    "neutral_logit": 0.5,
    "folds": 10,
    "seed": 0,
}


def train(
    folder: Path, sounds: Path, dataset: str = "", store: str = "", **settings: Any
) -> tuple[dict[str, Any], list[TrainingClip], str]:
    """The program in this process, with empty outputs below a folder: its figures, rows and page."""
    for name in ("model", "clips", "nothing"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    lineage = Lineage({"train_tone": {"image": "train_tone:1", "settings": SETTINGS | settings}})
    outputs = {"model": folder / "model", "page": folder / "page.html", "clips": folder / "clips"}
    figures = main(dataset, store or str(folder / "nothing"), sounds, lineage=lineage, **outputs, **{**SETTINGS, **settings})
    return dict(figures), read_rows(folder / "clips", TrainingClip), (folder / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("classifier", ["best", "logistic", "discriminant", "mlp"])
def test_a_trained_model_names_the_tones_of_new_speakers_in_tag_tone(emodb: Path, tmp_path: Path, classifier: str) -> None:
    figures, rows, page = train(tmp_path, emodb, classifier=classifier)
    assert figures["recall"] > 0.9 and (figures["clips"], figures["speakers"], figures["tones"]) == (32, 4, 4)
    assert {r.use for r in rows} == {"labeled"} and len({(r.speaker, r.fold) for r in rows}) == 4, "a speaker is in one fold"
    assert 'id="confusion"' in page and 'id="calibration"' in page
    model = load_classifier(tmp_path / "model")
    assert (model.model.name, model.model.kind, model.model.licence) == ("mine", "tone", "CC0-1.0")
    assert ModelStore(open_store(str(tmp_path / "store"))).push(tmp_path / "model").version == model.model.version
    measured, wanted = [], []
    for number, label in enumerate(list(TONES) * 2):
        file = write_flac(tmp_path / f"{number}.flac", at_store_rate(voice(175.0, label, 700 + number)))
        measured.append(measure_clip(file, Clip(f"c{number}", str(number), 0.0, 1.5, "", False)))
        wanted.append(NAMES[label])
    found = tones(measured, np.zeros(len(measured), np.int64), model, 0, True)
    assert np.mean([row.tone == tone for row, tone in zip(found, wanted, strict=True)]) > 0.8


def test_the_same_training_gives_the_same_bytes(emodb: Path, tmp_path: Path) -> None:
    for run in ("one", "two"):
        train(tmp_path / run, emodb, classifier="mlp")
    for file in (f"model/{FILE}", f"model/{CONFIG}", "page.html", "clips/rows.parquet"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes(), file


def test_what_cannot_be_used_has_a_reason(emodb: Path, tmp_path: Path) -> None:
    sounds = Path(shutil.copytree(emodb, tmp_path / "in"))
    (sounds / "holiday.wav").write_bytes(b"RIFF")
    (sounds / "03a09Xa.flac").write_bytes((emodb / "03a00Na.flac").read_bytes())
    (sounds / "03a09Na.flac").write_bytes(b"not a sound")
    _, rows, page = train(tmp_path / "out", sounds, tones="neutral=calm,sadness,angry")
    reasons = {r.clip: r.reason for r in rows if r.reason}
    assert reasons["holiday.wav"] == "the file name is not one of RAVDESS, EmoDB, TESS or SAVEE"
    assert reasons["03a09Xa.flac"] == "the file name is of emodb, but 'X' is none of its tones"
    assert reasons["03a09Na.flac"] == "the file cannot be read as sound"
    assert reasons["08a00Fa.flac"] == "the tone 'happy' is not to be learned"
    assert len(rows) == len(SPEAKERS) * len(CODES) * TAKES + 3 and "cannot be read as sound" in page
    assert load_classifier(tmp_path / "out" / "model").classes == ("angry", "calm")


def test_a_table_names_tones_and_speakers(emodb: Path, tmp_path: Path) -> None:
    sounds = Path(shutil.copytree(emodb, tmp_path / "in"))
    with (sounds / "tones.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, ["path", "tone", "speaker", "language", "gender"])
        table.writeheader()
        for path in sorted(sounds.glob("*[NW]a.flac")):
            row = {"tone": {"N": "soft", "W": "loud"}[path.stem[5]], "speaker": f"host {path.name[:2]}", "language": "ko"}
            table.writerow({"path": path.name, "gender": "F", **row})
        table.writerow({"path": "absent.wav", "tone": "loud", "speaker": "host 03"})
        table.writerow({"path": "08a00Na.flac", "tone": "loud", "speaker": "host 08"})
        table.writerow({"path": "03a00Na.flac", "tone": "", "speaker": "host 03"})
        table.writerow({"path": "03a00Na.flac", "tone": "loud", "speaker": "host 03", "gender": "x"})
    figures, rows, _ = train(tmp_path / "out", sounds)
    assert figures["recall"] > 0.9 and figures["clips"] == 16
    assert {r.speaker for r in rows if r.use} == {f"host {s}" for s in SPEAKERS}
    assert sorted(r.reason for r in rows if r.reason) == [
        "listed before",
        "the file cannot be read as sound",
        "tones.csv has no tone for it",
        "tones.csv has the gender 'x' for it: write female, male or nothing",
    ]
    assert read_model(tmp_path / "out" / "model", "tone")


def test_a_table_without_a_column_and_data_of_one_speaker_are_refused(emodb: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "tones.csv").write_text("path,tone\n")
    with pytest.raises(StageError, match=r"expected the columns path, tone, speaker .* found no speaker"):
        train(tmp_path / "out", tmp_path / "in")
    (tmp_path / "in" / "tones.csv").unlink()
    for path in emodb.glob("03*"):
        shutil.copy(path, tmp_path / "in")
    with pytest.raises(StageError, match=r"two or more speakers, found 4 and 1 in 8 clips"):
        train(tmp_path / "out", tmp_path / "in")


def test_clips_of_a_dataset_with_a_ground_truth_are_labeled_clips(emodb: Path, store: str, tmp_path: Path) -> None:
    figures, rows, _ = train(tmp_path, emodb, store=store, truth_dataset="radio")
    assert (figures["clips"], figures["speakers"]) == (40, 5)
    mine = {r.clip: r for r in rows if r.clip.startswith("radio/")}
    assert {(r.speaker, r.use, r.language) for n, r in mine.items() if "s0001" in n} == {("radio/s0001", "labeled", "ko")}
    assert {r.reason for n, r in mine.items() if "s0002" in n} == {"no ground truth covers half of the clip"}
    assert mine["radio/s0001-2"].tone == "angry"


def test_a_tone_that_a_person_gave_in_a_review_is_a_label(store: str, tmp_path: Path) -> None:
    shutil.copytree(store, tmp_path / "store")
    opened = open_store(str(tmp_path / "store"))
    answer = replace(empty(Answer), clip="s0002-0", recording="two", start=0.0, end=1.0, tone="bored", by="ann", at="2026-12-01T10:00:00Z")
    ReviewStore(opened, "radio").add([answer])
    sounds, _ = dataset_sounds(str(tmp_path / "store"), "radio", 0)
    found = {s.name: s.label.tone for s in sounds if not isinstance(s.label, str)}
    assert found["radio/s0002-0"] == "bored" and found["radio/s0002-1"] == "" and found["radio/s0001-2"] == "angry"


def test_the_page_says_whether_self_training_helped_with_both_figures(emodb: Path, store: str, tmp_path: Path) -> None:
    figures, rows, page = train(tmp_path, emodb, "radio", store, truth_dataset="radio")
    before, after = figures["selftraining_recall_before"], figures["selftraining_recall_after"]
    assert figures["selftraining_adopted"] == (after > before)
    assert f"{before:.3f} without them, {after:.3f} with them" in page
    others = [r for r in rows if r.speaker == "radio/s0002"]
    assert len(others) == 8 and all(r.found and r.probability for r in others) and len(rows) == 48
    assert {r.use for r in others if not r.reason} <= {"added"}
    assert {r.use for r in rows if r.speaker == "radio/s0001"} == {"labeled"}, "a labeled clip is not labeled again"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "../x"}, "model name"),
        ({"folds": 1}, "train_tone_folds"),
        ({"tones": "a,a"}, "each tone once"),
        ({"tones": "a="}, "each tone"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_read(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(StageError, match=message):
        train(tmp_path, tmp_path / "nowhere", **change)
