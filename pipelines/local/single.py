"""Runs one task of a stage without a pipeline."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.stage import Stage
from pipelines.cluster.workflow import RunError
from pipelines.local.display import Display
from pipelines.local.embedded import executor, program
from pipelines.local.tasks import Children, Task, perform


def run_stage(stage: Stage, inputs: Mapping[str, Path], parameters: Mapping[str, Any], folder: Path, display: Display) -> dict[str, Path]:
    """Runs one task of a stage.

    Args:
        stage: The stage.
        inputs: Its input artifacts.
        parameters: Its parameters; a setting that is not given has its default.
        folder: Folder for its outputs.
        display: Shows its output.

    Returns:
        Its output artifacts by name.

    Raises:
        RunError: The task failed; the message is its error.
    """
    settings = {name: p.default for name, p in stage.settings.items()}
    produced = {n: str(s.type).partition("@")[0] for n, s in (stage.component.component_spec.outputs or {}).items()}
    outputs = {name: folder / stage.name / name for name, kind in produced.items() if kind.startswith("system.")}
    task = {
        "inputs": {
            "parameterValues": settings | dict(parameters),
            "artifacts": {name: {"artifacts": [{"name": name, "uri": str(path), "metadata": {}}]} for name, path in inputs.items()},
        },
        "outputs": {
            "parameters": {name: {} for name in produced if name not in outputs},
            "artifacts": {
                name: {"artifacts": [{"name": name, "uri": str(path), "type": {"schemaTitle": produced[name]}}]}
                for name, path in outputs.items()
            },
            "outputFile": str(folder / stage.name / "output.json"),
        },
    }
    command = ["python", "-m", f"components.{stage.name}", json.dumps(task), stage.image]
    execute, children = executor({stage.image: program(stage)}), Children()
    with children.ending_with_the_run():
        done = perform(Task(stage.image, command), execute, display, children)
    if not done:
        raise RunError(f"{stage.name}: {display.errors.get(stage.name, 'failed without an error message')}")
    return outputs
