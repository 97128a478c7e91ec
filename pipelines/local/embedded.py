"""Runs tasks without Docker: each in the virtual environment of its stage, with this repository as its code."""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from components.deployment import ROOT, current, deployed
from components.shared.task import StageError
from components.stage import Stage
from pipelines.local import environments
from pipelines.local.display import Display
from pipelines.local.tasks import Children, Ended, Executor, Task, follow


@dataclass(frozen=True)
class Program:
    """What replaces an image: a stage in its environment."""

    python: Path
    timeout_hours: float
    """Time limit of a task."""
    image: Callable[[], str]
    """Returns the name that the image of the present code would have."""


def program(stage: Stage) -> Program:
    """Returns a stage in its environment, which is made if it is missing, for the current deployment."""
    deployment = current()

    def image() -> str:
        with deployed(deployment):
            return stage.image

    return Program(environments.ensure(stage.name), stage.needs.timeout_hours, image)


def executor(programs: Mapping[str, Program]) -> Executor:
    """Returns the executor for embedded runs; `programs` holds what replaces each image."""

    def execute(task: Task, display: Display, children: Children) -> Ended:
        own = programs[task.image]
        if own.image() != task.image:  # its results would be kept under the name of the code before
            raise StageError(f"expected the code of {task.stage} as it was when this run began, found it changed: start the run again")
        environment = environment_of(own.python)
        if display.live:
            environment["SPEECHMILL_PROGRESS_SECONDS"] = "0.5"
        program, *arguments = task.command_of_file()
        found = shutil.which(program, path=environment["PATH"])
        if found is None:
            raise StageError(f"expected the program {program} in its environment, found none")
        return follow([found, *arguments], environment, task, own.timeout_hours, display, children)

    return execute


def environment_of(python: Path) -> dict[str, str]:
    """Returns the environment variables of a stage's process: its packages come first, this repository is its code."""
    dropped = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
    inherited = {k: v for k, v in os.environ.items() if k not in dropped and not k.startswith(("OPENLINEAGE_", "MLFLOW_"))}
    return inherited | {
        "PATH": f"{python.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": str(ROOT),
        "PYTHONSAFEPATH": "1",  # never import from the current folder
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONNOUSERSITE": "1",
    }
