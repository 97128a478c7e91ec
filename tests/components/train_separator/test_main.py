"""The program: from a folder of songs to a model as `separate` takes it, and on from where it was interrupted."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from components.shared.model import describe, read_model
from components.shared.task import Lineage, StageError
from components.shared.training import identity
from components.train_separator.__main__ import main
from components.train_separator.training import build, save_model
from tests.components.train_separator.conftest import CONFIG
from tests.tasks import artifacts, stage_command

SETTINGS: dict[str, Any] = {
    "name": "small-one",
    "licence": "CC0-1.0",
    "configuration": json.dumps(CONFIG),
    "dataset_version": 0,
    "max_steps": 12,
    "max_minutes": 0.0,
    "batch_size": 2,
    "learning_rate": 0.01,
    "warmup_steps": 2,
    "validate_every_steps": 4,
    "validation_windows": 3,
    "patience": 0,
    "seed": 1,
    "workers": 1,
    "threads": 1,
}


def train(folder: Path, songs: Path, start: Path | None = None, **settings: Any) -> tuple[dict[str, Any], Lineage]:
    """The program in this process, with empty outputs below a folder."""
    for name in ("model", "store"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    lineage = Lineage({"train_separator": {"image": "train_separator:1", "settings": SETTINGS | settings}})
    outputs = {"model": folder / "model", "curve": folder / "curve.html"}
    done = main("", str(folder / "store"), songs, start=start, lineage=lineage, **outputs, **{**SETTINGS, **settings})
    return dict(done), lineage


def variables(folder: Path) -> dict[str, Any]:
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(folder / "model"))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def test_a_model_that_is_trained_further_is_another_one_that_spleeter_loads_and_the_same_training_again_is_the_same(
    songs: Path, tmp_path: Path
) -> None:
    start = tmp_path / "start"
    save_model(build(CONFIG, 7), CONFIG, start)
    before = describe(start, "first", "spleeter", "CC0-1.0", "a test", "2026-01-01T00:00:00+00:00")
    done, lineage = train(tmp_path / "one", songs, start, configuration="2stems", max_steps=16)
    model = read_model(tmp_path / "one" / "model", "spleeter")
    assert (model.name, model.licence, model.kind, model.origin) == ("small-one", "CC0-1.0", "spleeter", "trained by speechmill")
    assert set(model.files) == {"config.json", "checkpoint", "model.index", "model.data-00000-of-00001"}
    assert model.version != before.version
    assert json.loads((tmp_path / "one" / "model" / "config.json").read_text()) == CONFIG  # a start keeps its own
    old, new = variables(start), variables(tmp_path / "one" / "model")
    assert {name: value.shape for name, value in new.items()} == {name: value.shape for name, value in old.items()}
    assert all(np.isfinite(value).all() for value in new.values())
    assert any(np.abs(new[name] - old[name]).max() > 1e-3 for name in old)
    assert done["si_sdr_db"] > done["start_si_sdr_db"] + 0.5 and done["steps"] == 16 and done["ended"] == "done"
    assert lineage["train_separator"]["data"]["songs"] == 5
    page = (tmp_path / "one" / "curve.html").read_text()
    assert "small-one" in page and 'id="speech"' in page and "files_sha256" in page
    again, _ = train(tmp_path / "one", songs, start, configuration="2stems", max_steps=16)
    assert again["si_sdr_db"] == pytest.approx(done["si_sdr_db"]) and again["minutes"] == done["minutes"]  # taken from what is kept
    assert read_model(tmp_path / "one" / "model", "spleeter").files == model.files


def test_what_the_outcome_depends_on_names_a_training() -> None:
    own = {"image": "a", "settings": SETTINGS, "data": {"files_sha256": "1"}}
    name = identity(own, CONFIG)
    assert identity({**own, "settings": SETTINGS | {"workers": 9, "threads": 9}}, CONFIG) == name
    for other in ({"image": "b"}, {"settings": SETTINGS | {"seed": 2}}, {"data": {"files_sha256": "2"}}, {"models": {"start": "one/1"}}):
        assert identity(own | other, CONFIG) != name
    assert identity(own, CONFIG | {"T": 128}) != name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "../x"}, "model name"),
        ({"batch_size": 0}, "parameter train_separator_batch_size"),
        ({"max_steps": 0}, "parameter train_separator_max_steps"),
        ({"configuration": "none"}, "parameter configuration"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_read(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(StageError, match=message):
        train(tmp_path, tmp_path / "nowhere", **change)


def test_a_start_whose_files_are_damaged_is_refused(songs: Path, tmp_path: Path) -> None:
    (tmp_path / "start").mkdir()
    (tmp_path / "start" / "config.json").write_text(json.dumps(CONFIG))
    describe(tmp_path / "start", "first", "spleeter", "", "", "2026-01-01T00:00:00+00:00")
    (tmp_path / "start" / "config.json").write_text("{}")
    with pytest.raises(StageError, match=r"config.json, a file of the model first"):
        train(tmp_path / "one", songs, tmp_path / "start")


def start_program(songs: Path, folder: Path, **settings: Any) -> subprocess.Popen[str]:
    """The program as Kubeflow starts it."""
    outputs = artifacts("system.Model", model=folder / "model") | artifacts("system.HTML", curve=folder / "curve")
    outputs |= artifacts("system.Metrics", metrics=folder / "metrics")
    parameters = SETTINGS | settings | {"dataset": "", "store": str(folder / "store")}
    command = stage_command("train_separator", folder / "output.json", artifacts(sounds=songs), outputs, **parameters)
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def test_an_interrupted_training_ends_in_order_and_goes_on(songs: Path, tmp_path: Path) -> None:
    program = start_program(songs, tmp_path, max_steps=80, validate_every_steps=20)
    assert program.stdout
    seen = []
    for line in program.stdout:
        seen.append(line)
        if line.startswith("step 20,"):
            os.killpg(program.pid, signal.SIGTERM)
    assert program.wait() == 143, "".join(seen)
    assert any(line.startswith("stopped at step ") for line in seen), "".join(seen)
    (kept,) = (tmp_path / "store" / "runs" / "train_separator").iterdir()
    assert kept.suffix == ".npz" and not (tmp_path / "output.json").exists()
    program = start_program(songs, tmp_path, max_steps=80, validate_every_steps=20)
    text, _ = program.communicate()
    assert program.returncode == 0, text
    assert "resumes from step 2" in text and "\nstep 80," in text and "\nstep 20," not in text
    metrics = json.loads((tmp_path / "metrics").read_text())
    assert metrics["steps"] == 80 and metrics["si_sdr_gain_db"] > 3
    lineage = json.loads((tmp_path / "model" / "lineage.json").read_text())
    assert lineage["train_separator"]["data"]["songs"] == 5 and lineage["train_separator"]["settings"]["seed"] == 1


def test_a_file_that_cannot_be_used_is_named_in_the_last_line(songs: Path, tmp_path: Path) -> None:
    soundfile.write(songs / "train" / "song 1" / "vocals.wav", np.zeros((16_000, 2)), 16_000)
    program = start_program(songs, tmp_path)
    text, _ = program.communicate()
    assert program.returncode == 2
    assert "song 1/vocals.wav: 16000 Hz, 2 channels" in text.splitlines()[-1]
