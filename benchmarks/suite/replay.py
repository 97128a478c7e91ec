"""Runs the dataset pipeline once, and then each of its tasks again, alone, as often as one likes.

A run leaves the input of each task, with the paths of its artifacts, beside the task's outputs. A task that is run again gets the same
input, and folders of its own for what it writes.
"""

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.suite.measure import Usage, measured
from components.deployment import ROOT
from pipelines.dataset import STAGES
from pipelines.local import environments
from pipelines.local.embedded import environment_of

COMMAND = str(Path(sys.executable).parent / "speechmill")
DATASET = "bench"
NAMES = [stage.name for stage in STAGES]
_WRITERS = ("discover", "collect", "publish")
"""Stages without which the store lacks what a later stage reads, in order."""


def speechmill(*arguments: object, limit_seconds: float) -> Usage:
    """Runs a command of Speechmill as a user does, with the code of this repository. Raises RunFailedError if it fails."""
    return measured([COMMAND, *map(str, arguments)], os.environ | {"PYTHONPATH": str(ROOT)}, ROOT, limit_seconds)


def run_pipeline(audio: Path, store: Path, options: Sequence[str], limit_seconds: float) -> Usage:
    """Makes a dataset of an audio file in a new store. Raises RunFailedError if it fails."""
    before = megabytes(store)
    source = ("--sources", audio, "--dataset", DATASET, "--store", store)
    usage = speechmill("run", *source, *options, limit_seconds=limit_seconds)
    return replace(usage, stored_mb=megabytes(store) - before)


@dataclass(frozen=True)
class Task:
    """A task of a stage: Kubeflow's JSON with its parameters and the paths of its artifacts."""

    stage: str
    executor_input: Mapping[str, Any]

    def path(self, side: str, name: str) -> Path:
        """Returns the path of an artifact; `side` is "inputs" or "outputs"."""
        return Path(self.executor_input[side]["artifacts"][name]["artifacts"][0]["uri"])

    def at(self, folder: Path, store: Path, settings: Mapping[str, Any], models: Mapping[str, Path]) -> "Task":
        """Returns the task with its outputs in a folder, with another store, and with some other settings and models."""
        found = json.loads(json.dumps(self.executor_input))
        given, outputs = found["inputs"].get("parameterValues", {}), found["outputs"]
        given |= dict(settings) | ({"store": str(store)} if "store" in given else {})
        for name, path in models.items():
            found["inputs"]["artifacts"][name]["artifacts"][0]["uri"] = str(path)
        for name, output in outputs.get("parameters", {}).items():
            output["outputFile"] = str(folder / name)
        for name, output in outputs.get("artifacts", {}).items():
            output["artifacts"][0]["uri"] = str(folder / name)
        outputs["outputFile"] = str(folder / "executor_output.json")
        return Task(self.stage, found)


def tasks_of(store: Path) -> dict[str, Task]:
    """Returns the tasks of the only run in a store, of one shard, by stage."""
    paths = (store / "runs").rglob("executor_input.json")
    found = {name: Task(name, json.loads(p.read_text(encoding="utf-8"))) for p in paths for name in [p.parent.name.replace("-", "_")]}
    return {name: found[name] for name in NAMES if name in found}


def run_task(task: Task, folder: Path, store: Path, limit_seconds: float) -> Usage:
    """Runs a task, which writes into `folder` and `store`, in its stage's environment. Raises RunFailedError if it fails."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    path = folder / "executor_input.json"
    path.write_text(json.dumps(task.executor_input), encoding="utf-8")
    python = environments.ensure(task.stage)
    before = megabytes(store)
    command = [str(python), "-m", f"components.{task.stage}", f"@{path}", f"speechmill/{task.stage}:benchmark"]
    usage = measured(command, environment_of(python), ROOT, limit_seconds)
    return replace(usage, written_mb=megabytes(folder), stored_mb=megabytes(store) - before)


def needed_before(stage: str) -> list[str]:
    """Returns the stages that must have written into the store before this one, in order."""
    return [name for name in _WRITERS if NAMES.index(name) < NAMES.index(stage)]


def megabytes(folder: Path) -> float:
    """Returns the size of the files below a folder, in MB."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
