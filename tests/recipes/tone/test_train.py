"""recipes/tone/train.py on a tiny collection."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from components.shared.model import read_model
from components.tag_tone.classifier import CONFIG, FILE, KIND, load_classifier
from recipes.tone.train import TONES, main
from tests.places import ROOT
from tests.recipes.tone.conftest import RATE_HZ, write_manifest

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


def test_a_model_of_an_own_corpus_has_its_labels_licence_and_origin(
    data: Path, rows: list[dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_manifest(data, [row | {"corpus": "own", "licence": "ours", "speaker": "host"} for row in rows if row["speaker"] == "s1"])
    own = ("--corpus", "own", "--labels", "anger=loud,sadness=soft", "--licence", "all rights reserved")
    train(monkeypatch, "--data", data, "--out", tmp_path / "mine", *own)
    model = read_model(tmp_path / "mine", KIND)
    assert (model.name, model.licence, model.origin) == ("mine", "all rights reserved", "recipes/tone, on own")
    assert json.loads((tmp_path / "mine" / CONFIG).read_text(encoding="utf-8"))["classes"] == ["loud", "soft"]
    assert capsys.readouterr().out.startswith("host: not left out, since the other speakers have fewer than two tones\n")


def test_labels_without_a_licence_are_refused(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        train(monkeypatch, "--data", data, "--out", tmp_path / "mine", "--corpus", "own", "--labels", "anger=loud,sadness=soft")
    assert "needs all of --corpus, --labels and --licence" in capsys.readouterr().err


def test_a_collection_with_one_tone_is_refused(
    data: Path, rows: list[dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_manifest(data, [row for row in rows if row["label"] == "anger"])
    with pytest.raises(SystemExit, match=r"expected clips of two or more tones in .*, found 1 in 6 clips"):
        train(monkeypatch, "--data", data, "--out", tmp_path / "tiny")
    assert not (tmp_path / "tiny").exists()


def test_a_recording_at_another_rate_is_refused(
    data: Path, rows: list[dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "fast.wav", np.random.default_rng(0).normal(0, 0.1, 44_100), 44_100)
    write_manifest(data, [rows[0] | {"path": str(tmp_path / "fast.wav")}, *rows[1:]])
    with pytest.raises(SystemExit, match=rf"expected {RATE_HZ} Hz in .*fast\.wav, found 44100"):
        train(monkeypatch, "--data", data, "--out", tmp_path / "tiny")
