"""The program: from a folder of speakers to a model as `extract` takes it, and on from where it was interrupted."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from components.shared.inference import load_voicefilter
from components.shared.model import read_model
from components.shared.voicefilter import GRAPH, NETWORKS, read_config
from tests.tasks import artifacts, stage_command

SETTINGS: dict[str, Any] = {
    "name": "filter",
    "licence": "CC0-1.0",
    "configuration": "small",
    "engine": "campplus",
    "dataset_version": 0,
    "loss_power": 0.3,
    "max_steps": 6,
    "max_minutes": 0.0,
    "batch_size": 2,
    "learning_rate": 0.003,
    "warmup_steps": 2,
    "validate_every_steps": 2,
    "validation_mixtures": 2,
    "patience": 0,
    "seed": 1,
    "workers": 1,
    "threads": 1,
}


def start_program(sounds: Path, folder: Path, **settings: Any) -> subprocess.Popen[str]:
    """The program as Kubeflow starts it."""
    outputs = artifacts("system.Model", model=folder / "model") | artifacts("system.HTML", curve=folder / "curve")
    outputs |= artifacts("system.Metrics", metrics=folder / "metrics")
    parameters = SETTINGS | settings | {"dataset": "", "store": str(folder / "store")}
    command = stage_command("train_voicefilter", folder / "output.json", artifacts(sounds=sounds), outputs, **parameters)
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def test_an_interrupted_training_goes_on_and_makes_the_model_of_an_uninterrupted_one(library: Path, tmp_path: Path) -> None:
    program = start_program(library, tmp_path / "whole")
    text, _ = program.communicate()
    assert program.returncode == 0, text
    program = start_program(library, tmp_path / "parts")
    assert program.stdout
    seen = []
    for line in program.stdout:
        seen.append(line)
        if line.startswith("step 2,"):
            os.killpg(program.pid, signal.SIGTERM)
    assert program.wait() == 143, "".join(seen)
    (kept,) = (tmp_path / "parts" / "store" / "runs" / "train_voicefilter").iterdir()
    assert kept.suffix == ".npz" and not (tmp_path / "parts" / "output.json").exists()
    program = start_program(library, tmp_path / "parts")
    text, _ = program.communicate()
    assert program.returncode == 0, text
    assert "resumes from step " in text and "\nstep 2," not in text and "\nstep 6," in text
    whole, parts = (read_model(tmp_path / name / "model", "voicefilter") for name in ("whole", "parts"))
    assert whole.files == parts.files, "the same weights, bit for bit"
    assert whole.version == parts.version and whole.licence == "CC0-1.0"
    folder = tmp_path / "parts" / "model"
    assert read_config(folder).network == NETWORKS["small"]
    mask = load_voicefilter(folder / GRAPH, 1)(np.ones((20, 601), np.float32), np.ones(192, np.float32) / np.float32(192**0.5))
    assert mask.shape == (20, 601)
    metrics = json.loads((tmp_path / "parts" / "metrics").read_text())
    assert metrics["steps"] == 6 and {"si_sdr_db", "sdr_db", "mixtures_sdr_db", "real_time_factor"} < metrics.keys()
    assert metrics["real_time_factor"] > 0
    lineage = json.loads((folder / "lineage.json").read_text())
    assert lineage["train_voicefilter"]["data"]["held_out_speakers"] == 2
    page = (tmp_path / "parts" / "curve").read_text()
    assert "filter" in page and 'id="speech"' in page and "files_sha256" in page
