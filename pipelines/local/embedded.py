"""Runs tasks without Docker: each in the virtual environment of its stage, with this repository as its code."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from components.deployment import ROOT
from components.shared.task import StageError
from pipelines.local.display import Display
from pipelines.local.tasks import Children, Ended, Executor, Task, follow


def executor(pythons: Mapping[str, Path]) -> Executor:
    """Returns the executor for embedded runs; `pythons` holds the Python that replaces each image."""

    def execute(task: Task, display: Display, children: Children) -> Ended:
        environment = environment_of(pythons[task.image])
        if display.live:
            environment["SPEECHMILL_PROGRESS_SECONDS"] = "0.5"
        program, *arguments = task.command_of_file()
        found = shutil.which(program, path=environment["PATH"])
        if found is None:
            raise StageError(f"expected the program {program} in its environment, found none")
        return follow([found, *arguments], environment, task.name, display, children)

    return execute


def environment_of(python: Path) -> dict[str, str]:
    """Returns the environment variables of a stage's process: its packages come first, this repository is its code."""
    dropped = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
    inherited = {k: v for k, v in os.environ.items() if k not in dropped}
    return inherited | {
        "PATH": f"{python.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": str(ROOT),
        "PYTHONSAFEPATH": "1",  # never import from the current folder
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONNOUSERSITE": "1",
    }
