"""Runs programs that read what Speechmill writes: mlcroissant, huggingface_hub, MLflow and training tools, in an environment of their own.

Together they bring a hundred packages that neither the control side nor a stage needs. Lhotse is there without PyTorch (overrides).
"""

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from pipelines.local import environments
from tests.places import ROOT


@cache
def python() -> Path:
    """The Python of the readers' environment, which is made if it is missing."""
    return environments.made("readers", ROOT / "tests" / "readers.txt")


def environment(**more: str) -> dict[str, str]:
    """Environment variables for a reader: none of its packages come from elsewhere, and it calls nobody."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "MLFLOW_", "VIRTUAL_ENV"))}
    return own | {"HF_HUB_OFFLINE": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"} | more


def read(program: str, *arguments: object, **more: str) -> Any:
    """Runs a program with arguments; returns what it prints last, as JSON."""
    command = [python(), "-c", program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(**more))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
