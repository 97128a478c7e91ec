"""recipes/tone/evaluate.py: the printed tables on rigged corpora."""

import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from recipes.tone import train
from recipes.tone.evaluate import CLASSIFIERS, OTHERS, main, scores
from recipes.tone.train import Clips
from tests.recipes.tone.conftest import write_manifest

RIGHT = {"neutral": "neutral", "happiness": "happy", "anger": "angry", "sadness": "sad"}
"""Labels of the other corpora that name every clip as a classifier trained on EmoDB does."""
WRONG = {"neutral": "angry", "anger": "neutral", "sadness": "angry"}
"""Labels that contradict it in every clip, with four tones and with two."""
ALL, NONE = "1.000 / 1.000 ± 0.00", "0.000 / 0.000 ± 0.00"


def test_scores_are_accuracy_recall_over_tones_and_spread_over_speakers() -> None:
    tones, speakers = np.array(["calm", "calm", "calm", "angry"]), np.array(["a", "a", "b", "b"])
    clips = Clips(np.zeros((4, 1)), tones, speakers, ["female"] * 4)
    assert scores(np.array(["calm", "calm", "calm", "calm"]), clips) == "0.750 / 0.500 ± 0.25"
    assert scores(tones, clips) == ALL


def test_the_tables_show_a_perfect_and_a_contradicted_corpus(
    data: Path, rows: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = {OTHERS["Korean"]: RIGHT, OTHERS["English"]: WRONG}
    copies = [row | {"corpus": corpus, "label": new[row["label"]]} for corpus, new in labels.items() for row in rows if row["label"] in new]
    write_manifest(data, [*rows, *copies])
    before = sorted(data.rglob("*"))
    monkeypatch.setattr(train, "measure", cache(train.measure))  # the corpora share their files
    monkeypatch.setattr(sys, "argv", ["evaluate.py", "--data", str(data)])
    main()
    four, two = capsys.readouterr().out.strip().split("\n\n")
    assert four.splitlines()[0] == "4 tones, clips: 24, 24, 18"
    assert two.splitlines()[0] == "2 tones, clips: 18, 18, 18"
    for table in (four, two):
        lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[1:]]
        assert lines[0] == ["classifier", "compared", "EmoDB", "Korean", "English"]
        body = lines[2:]
        assert [line[1] for line in body] == ["yes", "no"] * (len(body) // 2)
        assert {line[0] for line in body} >= {*CLASSIFIERS, "perceptron, 180 numbers", "logistic regression, 180 numbers"}
        (compared,) = [line for line in body if line[:2] == ["logistic regression", "yes"]]
        assert compared[2:] == [ALL, ALL, NONE]
    assert [line.split("|")[1].strip() for line in four.splitlines()[3:5]] == ["logistic regression, neutral favored"] * 2
    assert sorted(data.rglob("*")) == before, "the evaluation writes nothing"
