"""recipes/speech_2stems_small/recordings.py on a manifest of one-second sounds."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from recipes.speech_2stems_small.recordings import main, may_be_used

COLUMNS = ("path", "corpus", "kind", "split", "label", "licence", "title", "author", "source_repo")
ROWS = (
    ("read.wav", "speech", "dev", "", "CC BY 4.0"),
    ("angry.wav", "emotion", "dev", "anger", "CC0 1.0"),
    ("band.wav", "music", "dev", "instrumental, no vocals", "Public Domain"),
    ("song.wav", "music", "dev", "vocals", "CC0 1.0"),
    ("rain.wav", "noise", "dev", "rain", "CC BY 3.0"),
    ("held.wav", "speech", "test", "", "CC0 1.0"),
    ("closed.wav", "speech", "dev", "", "CC BY-NC 4.0"),
    ("alike.wav", "noise", "dev", "wind", "CC BY-SA 3.0"),
    ("words.txt", "text", "dev", "", "CC0 1.0"),
)
USED = {"speech": ["0000.flac", "0001.flac"], "music": ["0002.flac"], "noise": ["0003.flac"]}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A collection: stereo sounds at 22.05 kHz, and a manifest with more rows than may be used."""
    folder = tmp_path / "data"
    folder.mkdir()
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        for path, kind, split, label, licence in ROWS:
            table.writerow(
                dict(zip(COLUMNS, (path, "c", kind, split, label, licence, f"title of {path}", "somebody", "repo"), strict=True))
            )
            if path.endswith(".wav"):
                soundfile.write(folder / path, np.random.default_rng(len(path)).normal(0, 0.1, (22_050, 2)), 22_050)
    return folder


def collect(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["recordings.py", *map(str, arguments)])
    main()


def test_free_recordings_of_the_split_are_converted_and_credited(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "sounds"
    collect(monkeypatch, "--data", data, "--out", out, "--split", "dev")
    assert {folder.name: sorted(p.name for p in folder.iterdir()) for folder in out.iterdir() if folder.is_dir()} == USED
    for path in out.glob("*/*.flac"):
        samples, rate = soundfile.read(path)
        assert rate == 44_100 and samples.shape == (44_100, 2)
    with (out / "licences.csv").open(newline="", encoding="utf-8") as file:
        credits = list(csv.DictReader(file))
    assert [(row["path"], row["title"], row["author"], row["licence"]) for row in credits] == [
        ("read.wav", "title of read.wav", "somebody", "CC BY 4.0"),
        ("angry.wav", "title of angry.wav", "somebody", "CC0 1.0"),
        ("band.wav", "title of band.wav", "somebody", "Public Domain"),
        ("rain.wav", "title of rain.wav", "somebody", "CC BY 3.0"),
    ]


def test_collecting_again_gives_the_same_bytes(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        collect(monkeypatch, "--data", data, "--out", tmp_path / name)
    files = [p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.*")]
    assert len(files) == 5
    assert all((tmp_path / "a" / p).read_bytes() == (tmp_path / "b" / p).read_bytes() for p in files)


def test_a_split_without_free_recordings_is_refused(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match=r"expected recordings of the split train under a free licence .*: check --split"):
        collect(monkeypatch, "--data", data, "--out", tmp_path / "sounds", "--split", "train")
    assert not (tmp_path / "sounds").exists()


@pytest.mark.parametrize(
    ("licence", "free"),
    [
        ("CC0 1.0", True),
        ("CC0", True),
        ("CC BY 4.0", True),
        ("Public Domain Mark 1.0", True),
        ("CC BY-NC 4.0", False),
        ("CC BY-SA 4.0", False),
        ("CC BY-ND 4.0", False),
        ("GPL", False),
        ("", False),
    ],
)
def test_only_licences_that_ask_for_credit_at_most_are_free(licence: str, free: bool) -> None:
    assert may_be_used({"kind": "speech", "label": "", "split": "dev", "licence": licence}, "dev") == free
