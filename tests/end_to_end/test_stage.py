"""`speechmill stage`: one stage on a folder of files."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.end_to_end.runs import episode, speechmill
from tests.places import SAMPLE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A mono and a stereo recording of three seconds, one of them in a folder below."""
    noise = np.random.default_rng(1).normal(0, 0.05, (3 * 44_100, 2))
    (tmp_path / "in" / "below").mkdir(parents=True)
    soundfile.write(tmp_path / "in" / "one.wav", noise[:, 0], 44_100)
    soundfile.write(tmp_path / "in" / "below" / "two.flac", noise, 44_100)
    return tmp_path / "in"


@pytest.mark.slow
def test_denoise_gives_files_of_the_same_names_and_lengths(folder: Path, tmp_path: Path) -> None:
    done = speechmill("stage", "denoise", "--in", folder, "--out", tmp_path / "out", "--chain", "lowpass:5000:36:2")
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("one.wav", "below/two.flac"):
        samples, rate = soundfile.read(tmp_path / "out" / name)
        assert (len(samples), rate) == (3 * 44_100, 44_100)
        spectrum = np.abs(np.fft.rfft(samples))
        assert spectrum[3 * 10_000 :].mean() < 0.01 * spectrum[: 3 * 4_000].mean()
    assert sorted(p.name for p in (tmp_path / "out").rglob("*.*")) == ["one.wav", "two.flac"]


def test_separate_gives_voices_and_on_request_the_accompaniment(folder: Path, tmp_path: Path) -> None:
    done = speechmill(
        "stage", "separate", "--in", folder, "--out", tmp_path / "out", "--keep-accompaniment", "--stereo", "--model", "speech-2stems-small"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "music is removed by speech-2stems-small" in done.stdout
    names = ["one.accompaniment.wav", "one.wav", "two.accompaniment.flac", "two.flac"]
    assert sorted(p.name for p in (tmp_path / "out").rglob("*.*")) == names
    for name in ("one.wav", "one.accompaniment.wav", "below/two.flac", "below/two.accompaniment.flac"):
        samples, rate = soundfile.read(tmp_path / "out" / name)
        assert (samples.shape, rate) == ((3 * 44_100, 2), 44_100)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "out"], "no store is made"


def test_a_copy_of_a_file_gets_the_same_result(folder: Path, tmp_path: Path) -> None:
    (folder / "copy.wav").write_bytes((folder / "one.wav").read_bytes())
    (folder / "cover.jpg").write_bytes(b"no sound")
    done = speechmill("stage", "download", "--in", folder, "--out", tmp_path / "my files")
    assert done.returncode == 0, done.stdout + done.stderr
    one, copy = (soundfile.read(tmp_path / "my files" / name)[0] for name in ("one.wav", "copy.wav"))
    assert np.array_equal(one, copy)


def test_segment_gives_tables_and_textgrids(folder: Path, tmp_path: Path) -> None:
    done = speechmill("stage", "segment", "--in", folder, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    table = (tmp_path / "out" / "one.csv").read_text().splitlines()
    assert table[0] == "start,end,label,gender"
    assert table[1].startswith("0.0,") and float(table[-1].split(",")[1]) == pytest.approx(3.0)
    grid = (tmp_path / "out" / "below" / "two.TextGrid").read_text()
    assert grid.startswith('File type = "ooTextFile"') and '"segment"' in grid


def test_diarize_gives_tables_and_rttm_files_of_who_speaks_when(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "my show.opus").write_bytes((SAMPLE / "episode-2.opus").read_bytes())
    done = speechmill("stage", "diarize", "--in", tmp_path / "in", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.split() for line in (tmp_path / "out" / "my show.rttm").read_text().splitlines()]
    assert {(len(line), line[0], line[1], line[2]) for line in lines} == {(10, "SPEAKER", "my_show", "1")}
    table = (tmp_path / "out" / "my show.csv").read_text().splitlines()
    assert table[0] == "start,end,voice" and [row.split(",")[2] for row in table[1:]] == [line[7] for line in lines]
    assert len({line[7] for line in lines}) == 3, "three people speak"
    assert [float(line[3]) for line in lines] == sorted(float(line[3]) for line in lines)


@pytest.mark.slow
def test_transcribe_writes_a_table_and_a_textgrid_per_file(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    episode(tmp_path / "in" / "one.mp3", 1, 9)
    done = speechmill("stage", "transcribe", "--in", tmp_path / "in", "--out", tmp_path / "out", "--engine", "pocketsphinx", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("transcripts are written by pocketsphinx\n")
    with (tmp_path / "out" / "one.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert lines and all(0 <= float(line["start"]) < float(line["end"]) <= 20.1 for line in lines)
    assert "someone must" in " ".join(line["text"] for line in lines)
    assert all(line["text_by"].startswith("pocketsphinx/") and len(line["words"].split()) >= 1 for line in lines if line["text"])
    assert '"transcribe"' in (tmp_path / "out" / "one.TextGrid").read_text(encoding="utf-8")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "out"], "no store is made"


def test_a_file_that_is_no_audio_is_named_and_the_others_are_processed(folder: Path, tmp_path: Path) -> None:
    (folder / "notes.mp3").write_text("no audio at all")
    done = speechmill("stage", "download", "--in", folder, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: notes.mp3: ")
    assert (tmp_path / "out" / "one.wav").exists() and not (tmp_path / "out" / "notes.mp3").exists()


def test_files_are_taken_whatever_recorders_call_them_and_the_rest_is_counted(folder: Path, tmp_path: Path) -> None:
    data = (folder / "one.wav").read_bytes()
    for number, name in enumerate(("voice.3ga", "radio.MPGA", "web.weba", "mac.aifc", "old.asf", "memo")):
        (folder / name).write_bytes(data + bytes(number + 1))
    for name in ("._one.wav", ".hidden.wav", "cover.jpg", "README"):
        (folder / name).write_bytes(b"no sound")
    done = speechmill("stage", "download", "--in", folder, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "left out 4 files that are no audio: 2 hidden, 1 .jpg, 1 text" in done.stdout
    names = ["mac.aifc.flac", "memo.flac", "old.asf.flac", "one.wav", "radio.MPGA.flac", "voice.3ga.flac", "web.weba.flac"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir() if p.is_file()) == names


def test_a_long_name_and_results_that_cannot_be_written_cost_no_others(folder: Path, tmp_path: Path) -> None:
    data = (folder / "one.wav").read_bytes()
    for number, name in enumerate(("가" * 83 + ".wav", "taken.csv/inside.wav", "taken.wav", os.fsdecode(b"\xff.wav"))):  # 253 bytes of 255
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data + bytes(number + 1))
    done = speechmill("stage", "segment", "--in", folder, "--out", tmp_path / "out")
    assert done.returncode == 1
    refused = f"expected file names in UTF-8, found {os.fsencode(folder) + bytes([47, 255]) + b'.wav'!r}: rename it"
    assert done.stderr.splitlines()[-1] == f"error: {refused}; taken.wav: its results cannot be written: Is a directory"
    found = [p.relative_to(tmp_path / "out") for p in (tmp_path / "out").rglob("*.TextGrid")]
    assert {str(path) for path in found} > {"one.TextGrid", "below/two.TextGrid", "taken.csv/inside.TextGrid"} and len(found) == 4
    (short,) = [path.name for path in found if path.name.startswith("가")]
    assert short.startswith("가" * 70) and len(short.encode()) <= 255 and (tmp_path / "out" / short).with_suffix(".csv").is_file()
    assert "wrote the results of 4 files" in done.stdout


def test_a_folder_with_files_is_refused_as_output(folder: Path) -> None:
    done = speechmill("stage", "denoise", "--in", folder, "--out", folder)
    assert done.returncode == 1
    assert "expected an empty or a new folder" in done.stderr
