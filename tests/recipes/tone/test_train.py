"""recipes/tone/train.py on a tiny collection."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from components.shared.model import read_model
from components.shared.tone.classifier import CONFIG, FILE, KIND, load_classifier
from recipes.tone.train import TONES, main
from tests.places import ROOT
from tests.recipes.tone.conftest import write_manifest

FILES = [FILE, CONFIG, "model.json"]


def train(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", *map(str, arguments)])
    main()


@pytest.mark.parametrize("tones", [4, 2])
def test_training_prints_the_validation_and_writes_a_model_that_the_stage_loads(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tones: int
) -> None:
    out = tmp_path / "tiny"
    train(monkeypatch, "--data", data, "--tones", tones, "--out", out)
    clips = sum(label in TONES[tones] for label in ("neutral", "happiness", "anger", "sadness")) * 2
    assert capsys.readouterr().out.splitlines() == [
        *(f"s{n}: accuracy 1.000, unweighted recall 1.000 of {clips} clips" for n in (1, 2, 3)),
        "all speakers left out: unweighted recall 1.000 ± 0.000",
        f"tiny/{read_model(out, KIND).version}: {3 * clips} clips",
    ]
    assert sorted(p.name for p in out.iterdir()) == sorted(FILES)
    config = json.loads((out / CONFIG).read_text(encoding="utf-8"))
    assert config["classes"] == sorted(set(TONES[tones].values()))
    assert config["trained_on"] == {"corpus": "EmoDB", "labels": TONES[tones], "clips": 3 * clips, "speakers": ["s1", "s2", "s3"]}
    load_classifier(out)


def test_training_again_in_another_process_gives_the_same_bytes(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "first" / "tiny", tmp_path / "second" / "tiny"
    train(monkeypatch, "--data", data, "--tones", 2, "--out", first)
    command = [sys.executable, "-m", "recipes.tone.train", "--data", str(data), "--tones", "2", "--out", str(second)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    for name in FILES:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_a_recording_under_another_licence_is_not_used(
    data: Path, rows: list[dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_manifest(data, [row | ({"licence": "CC BY-NC 4.0"} if row["speaker"] == "s3" else {}) for row in rows])
    train(monkeypatch, "--data", data, "--out", tmp_path / "tiny")
    config = json.loads((tmp_path / "tiny" / CONFIG).read_text(encoding="utf-8"))
    assert config["trained_on"]["speakers"] == ["s1", "s2"]


def test_a_collection_without_several_speakers_is_refused(
    data: Path, rows: list[dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_manifest(data, [row for row in rows if row["speaker"] == "s1"])
    with pytest.raises(SystemExit, match=r"expected EmoDB clips of two or more speakers in .*, found 8 clips"):
        train(monkeypatch, "--data", data, "--out", tmp_path / "tiny")
    assert not (tmp_path / "tiny").exists()
