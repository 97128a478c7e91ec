"""`speechmill speakers`: what it says of datasets and of audio files whose voices somebody has labelled."""

import csv
import json
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from components.shared.rows import DatasetRow, Vector
from components.shared.table import empty
from store.datasets import DatasetStore
from store.objects import open_store
from tests.command import speechmill
from tests.places import DATA
from tests.versions import put_version


def speakers(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return speechmill("speakers", *arguments)


def refused(*arguments: str | Path) -> str:
    done = speakers(*arguments)
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]


def row(clip: str, similarity: float | None = None, **columns: object) -> DatasetRow:
    common = {"recording": clip.partition("-")[0], "samples": 88_200, "end": 2.0, "kept": True}
    return replace(empty(DatasetRow), clip=clip, similarity=similarity, **common, **columns)


def published(folder: Path, rows: Iterable[DatasetRow]) -> Path:
    put_version(DatasetStore(open_store(str(folder)), "radio"), list(rows), "run", {"stages": {}, "seconds": {}})
    return folder


def labelled(path: Path, lines: Iterable[tuple[str, str]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("clip", "label"), *lines])
    return path


@pytest.fixture(scope="module")
def radio(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A store whose dataset has 400 clips of a host near 0.8 and 3,200 of others near 0.6; and their labels."""
    rng, folder = np.random.default_rng(5), tmp_path_factory.mktemp("radio")
    scores = {"same": rng.normal(0.8, 0.05, 400), "other": rng.normal(0.6, 0.05, 3200)}
    rows = [row(f"{label}{i:04d}-0", float(s), reference="host/0123456789ab") for label, own in scores.items() for i, s in enumerate(own)]
    labels = labelled(folder / "labels.csv", [(r.clip, r.clip.rstrip("-0123456789")) for r in rows])
    return published(folder / "store", rows), labels


def test_a_labelled_dataset_gives_the_option_to_use(radio: tuple[Path, Path], tmp_path: Path) -> None:
    store, labels = radio
    done = speakers("calibrate", "--dataset", "radio", "--labels", labels, "--store", store, "--plot", tmp_path / "det.png")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "400 clips of the voice, 3200 of others"
    assert lines[1].startswith("equal error rate 2.")  # two standard deviations from either mean: 2.3 % in theory
    option, threshold = lines[-1].split()
    assert option == "--publish-min-similarity"
    rows = DatasetStore(open_store(str(store)), "radio")
    scores = {r.clip: r.similarity or 0 for r in rows.rows(rows.version())}
    accepted = [s >= float(threshold) for c, s in scores.items() if c.startswith("other")]
    assert 0.008 < np.mean(accepted) <= 0.01
    assert "warning" not in "".join(lines[:2])
    with Image.open(tmp_path / "det.png") as image:
        assert min(image.size) > 600


def test_json_says_the_same_as_the_text(radio: tuple[Path, Path]) -> None:
    store, labels = radio
    done = speakers("calibrate", "--dataset", "radio", "--labels", labels, "--store", store, "--json", "--false-accept-rate", "0.001")
    found = json.loads(done.stdout)
    assert (found["same_clips"], found["other_clips"], found["option"]) == (400, 3200, "--publish-min-similarity")
    assert found["equal_error_rate_low"] < found["equal_error_rate"] < found["equal_error_rate_high"]
    assert found["false_accept_rate"] <= 0.001
    assert found["miss_rate"] > 0.05
    assert found["threshold"] == round(found["threshold"], 3)
    assert "30000 other clips" in found["warnings"][0]


def test_without_similarities_clips_are_compared_with_the_mean_of_the_voice(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    centers = {"same": np.eye(256)[0], "other": np.eye(256)[1]}

    def vector(label: str) -> Vector:
        found = centers[label] + rng.normal(0, 0.02, 256)
        return Vector((found / np.linalg.norm(found)).astype("<f4").tobytes())

    rows = [row(f"{label}{i:02d}-0", vector=vector(label)) for label in centers for i in range(10)]
    store = published(tmp_path / "store", rows)
    labels = labelled(tmp_path / "labels.csv", [(r.clip, r.clip.rstrip("-0123456789")) for r in rows])
    done = speakers("calibrate", "--dataset", "radio", "--labels", labels, "--store", store)
    assert done.returncode == 0, done.stderr
    assert "equal error rate 0.00%" in done.stdout
    assert "warning: measuring false accepts of 1 %" in done.stdout
    option, threshold = done.stdout.splitlines()[-1].split()
    assert option == "--publish-join-similarity"
    assert 0.2 < float(threshold) < 0.9


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([("a-0", "same"), ("b-0", "same")], "expected clips labeled other"),
        ([("a-0", "same"), ("c-0", "other"), ("d-0", "other")], "found no c-0 and 1 more"),
        ([("a-0", "same"), ("b-0", "sheep")], "found b-0, sheep"),
        ([("a-0", "same"), ("a-0", "other")], "one label of the clip a-0"),
        ([("a-0", "same"), ("silent-0", "other")], "found none in silent-0"),
    ],
)
def test_labels_that_say_nothing_are_refused_in_one_line(lines: list[tuple[str, str]], message: str, tmp_path: Path) -> None:
    vector = Vector(np.eye(256, dtype="<f4")[0].tobytes())
    store = published(tmp_path / "store", [row("a-0", 0.9, vector=vector), row("b-0", 0.8, vector=vector), row("silent-0")])
    assert message in refused("calibrate", "--dataset", "radio", "--labels", labelled(tmp_path / "l.csv", lines), "--store", store)


def test_a_table_of_something_else_is_refused(tmp_path: Path) -> None:
    store = published(tmp_path / "store", [row("a-0", 0.9)])
    (tmp_path / "l.csv").write_text("file;speaker\n")
    message = refused("calibrate", "--dataset", "radio", "--labels", tmp_path / "l.csv", "--store", store)
    assert "expected the columns clip and label" in message
    assert "file;speaker" in message


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--dataset", "radio"],
        ["--same", "."],
        ["--same", ".", "--other", "."],
        ["--same", ".", "--other", ".", "--reference", "host", "--reference-files", "."],
        ["--dataset", "radio", "--labels", "README.md", "--same", "."],
        ["--dataset", "radio", "--labels", "README.md", "--plot", "det.gif"],
        ["--dataset", "radio", "--labels", "README.md", "--false-accept-rate", "1"],
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments: list[str]) -> None:
    assert refused("calibrate", *arguments).startswith("Error: ")


def test_the_list_has_who_speaks_most_first(tmp_path: Path) -> None:
    rows = [row(f"a-{i}", 0.8, speaker="s0002", gender="male") for i in range(6)]
    rows += [replace(row(f"b-{i}", 0.5, speaker="s0001", gender="female"), kept=False) for i in range(3)] + [row("c-0")]
    done = speakers("list", "radio", "--store", published(tmp_path / "store", rows))
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()[1:]] == [
        ["s0002", "12.0", "60.0%", "12.0", "6", "male", "0.800"],
        ["s0001", "6.0", "30.0%", "0.0", "3", "female", "0.500"],
        ["unknown", "2.0", "10.0%", "2.0", "1"],
    ]
    assert "no speakers in version 1" in speakers("list", "radio", "--store", published(tmp_path / "none", [row("a-0")])).stdout
    assert "expected a version of dataset jazz" in refused("list", "jazz", "--store", tmp_path / "store")


def spoken(speaker: str) -> list[Path]:
    with (DATA / "manifest.csv").open(newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["speaker"] == speaker]
    return [DATA / r["path"] for r in sorted(rows, key=lambda r: -float(r["duration_s"]))]


@pytest.mark.skipif(not (DATA / "manifest.csv").exists(), reason="no folder of real speech: set SPEECHMILL_DATA")
@pytest.mark.slow
@pytest.mark.parametrize("engine", ["campplus", "resemblyzer"])
def test_files_are_heard_by_the_stages_and_those_that_cannot_be_are_named(tmp_path: Path, engine: str) -> None:
    host, guest = spoken("ls1998"), spoken("ls3080")
    for label, files in {"same": host[2:5], "other": guest[:3]}.items():
        (tmp_path / label).mkdir()
        for file in files:
            (tmp_path / label / file.name).symlink_to(file)
    (tmp_path / "other" / "notes.wav").write_text("no sound")
    soundfile.write(tmp_path / "other" / "silence.wav", np.zeros(44_100), 44_100)
    (tmp_path / "same" / f"again-{host[2].name}").write_bytes(host[2].read_bytes())
    (tmp_path / "same" / f"reference-{host[0].name}").write_bytes(host[0].read_bytes())
    given = ["--same", tmp_path / "same", "--other", tmp_path / "other", "--reference-files", host[0], "--reference-files", host[1]]
    done = speakers("calibrate", *given, "--engine", engine, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["same_clips"], found["other_clips"]) == (3, 3)
    assert found["equal_error_rate"] == 0  # two women who read: the easiest there is
    why = {Path(file).name: reason for file, reason in found["left_out"].items()}
    assert len(why) == 4
    assert why["notes.wav"].startswith("not audio")
    assert why["silence.wav"] == "no speech was detected in it"
    assert any(reason.startswith("the same audio as") for reason in why.values())
    assert why[f"reference-{host[0].name}"] == "the reference contains it"
