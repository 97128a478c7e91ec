"""Starts stages as Kubeflow does: by a command with the executor's input as a JSON argument."""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def artifacts(kind: str = "system.Dataset", **paths: Path | list[Path]) -> dict[str, Any]:
    """Artifacts of a kind, by their names, as Kubeflow describes them; a list of paths is a list of artifacts."""
    return {
        name: {
            "artifacts": [
                {"name": name, "uri": str(path), "type": {"schemaTitle": kind}} for path in ([found] if isinstance(found, Path) else found)
            ]
        }
        for name, found in paths.items()
    }


def stage_command(
    stage: str,
    output_file: Path,
    inputs: Mapping[str, Any] | None = None,
    outputs: Mapping[str, Any] | None = None,
    results: Iterable[str] = (),
    **parameters: Any,
) -> list[str]:
    """The command of a task.

    Args:
        stage: Name of the stage.
        output_file: Where the stage writes its results and metadata.
        inputs: Input artifacts, made by `artifacts`.
        outputs: Output artifacts.
        results: Names of the output parameters.
        parameters: The parameters.
    """
    task = {
        "inputs": {"parameterValues": parameters, "artifacts": inputs or {}},
        "outputs": {"parameters": {name: {} for name in results}, "artifacts": outputs or {}, "outputFile": str(output_file)},
    }
    return [sys.executable, "-m", f"components.{stage}", json.dumps(task), f"speechmill/{stage}:0"]
