"""recipes/voicefilter_small/recordings.py on a manifest of short sounds."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from recipes.voicefilter_small.recordings import held_out, main


def test_speakers_are_left_out_of_the_training_two_of_each_corpus_at_least() -> None:
    rows = [{"kind": "speech", "corpus": corpus, "speaker": f"{corpus}{n}"} for corpus, most in (("a", 3), ("b", 20)) for n in range(most)]
    rows.append({"kind": "noise", "corpus": "c", "speaker": ""})
    chosen = held_out(rows)
    assert sum(corpus == "a" for corpus, _ in chosen) == 2 and sum(corpus == "b" for corpus, _ in chosen) == 4
    assert chosen == held_out(rows[::-1])


def test_free_recordings_are_laid_out_by_speaker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = [("speech", f"s{n}", "CC0 1.0") for n in range(4)] + [("speech", "closed", "CC BY-NC 4.0"), ("noise", "", "CC BY 3.0")]
    columns = ("path", "corpus", "kind", "split", "label", "licence", "title", "author", "source_repo", "speaker")
    with (tmp_path / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(columns)
        for number, (kind, speaker, licence) in enumerate(kinds):
            soundfile.write(tmp_path / f"{number}.wav", np.full(100, 0.1), 16_000)
            table.writerow((f"{number}.wav", "c", kind, "dev", "", licence, "t", "a", "r", speaker))
    monkeypatch.setattr(sys, "argv", ["recordings", "--data", str(tmp_path), "--out", str(tmp_path / "out")])
    main()
    found = {part: {p.name for p in (tmp_path / "out" / part / "speech").iterdir()} for part in ("train", "test")}
    assert len(found["train"]) == len(found["test"]) == 2
    assert found["train"] | found["test"] == {f"c-s{n}" for n in range(4)}
    assert len(list((tmp_path / "out").rglob("noise/*.wav"))) == 1
    assert "CC BY-NC" not in (tmp_path / "out" / "licences.csv").read_text()
