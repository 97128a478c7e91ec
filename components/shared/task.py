"""Runs a stage's main() as one Kubeflow task: on a cluster, in Docker or embedded, without kfp.

`python -m components.<stage> EXECUTOR_INPUT IMAGE`: EXECUTOR_INPUT is Kubeflow's JSON with parameters
and artifact paths, or @ and the path of a file with it. IMAGE is the name of the running image.
main() gets one argument per parameter, input artifact (a folder) and output artifact (an empty folder,
or a file to write for an HTML page). It returns a mapping: output parameters and the metadata of
classification metrics by name, every other number or text as a metric of the task.
"""

import errno
import inspect
import json
import os
import shutil
import sys
import time
import traceback
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NewType

import numpy as np
import pyarrow.parquet as pq

from components.shared.ending import tidily

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
"""ONNX Runtime 1.32 and later else reports to its makers, with an id that it writes into HOME, as soon as it is imported."""

Outcome = Mapping[str, Any]
Lineage = NewType("Lineage", dict[str, Any])
"""Image and settings of a stage and of all stages before it, by stage; main() gets it for an argument of this type."""

MENDABLE = 2
"""Exit status for an error that the user can fix and that no recording caused."""
LINEAGE = "lineage.json"
MODEL = "model.json"
"""Describes a model in its folder (components/shared/model.py)."""
_WIRING = ("sources", "sources_sha256", "dataset", "store", "run", "shard", "allow_private")
_METRICS, _CLASSIFICATION, _PAGE = "system.Metrics", "system.ClassificationMetrics", "system.HTML"
_MOUNTS = {"s3://": "/s3/", "minio://": "/minio/", "gs://": "/gcs/"}


class StageError(Exception):
    """An error that the user can fix: what was expected, what was found, where, and what to do.

    Never for an error that one recording causes: a run that ends so counts as a loss of no recording.
    """


def one_line(text: object) -> str:
    """Returns a text from outside as one printable line of at most 300 characters."""
    visible = "".join(c for c in str(text) if c.isprintable() or c.isspace())  # first, so that it leaves no two spaces
    return " ".join(visible.split())[:300]


def report(line: str) -> None:
    """Prints one line and flushes it."""
    print(line, flush=True)


class Progress:
    """Prints a stage's progress in seconds of audio, and its speed: `progress 340.0 of 2800.0 s, 45.2 s/s`."""

    def __init__(self, total_seconds: float) -> None:
        self._total, self._done = total_seconds, 0.0
        self._every = float(os.environ.get("SPEECHMILL_PROGRESS_SECONDS", "10"))
        self._start = self._printed = time.monotonic()

    def add(self, seconds: float) -> None:
        """Counts seconds of audio as done."""
        self._done += seconds
        self._print("")

    def note(self, text: str) -> None:
        """Shows how far the work on the next audio is, such as the megabytes of a transfer."""
        self._print(f", {text}")

    def _print(self, note: str) -> None:
        now = time.monotonic()
        if now - self._printed >= self._every:
            self._printed = now
            report(f"progress {self._done:.1f} of {self._total:.1f} s, {self._done / (now - self._start):.1f} s/s{note}")


def run(main: Callable[..., Outcome]) -> None:
    """Runs main() with the command line's executor input; exits with MENDABLE or 1 after printing an error."""
    with tidily():
        _run(main)


def _run(main: Callable[..., Outcome]) -> None:
    started = time.monotonic()
    try:
        text = sys.argv[1]
        task = json.loads(Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text)
        lineage = _lineage(task, image=sys.argv[2])
        outcome = main(**_arguments(main, task, lineage))
        seconds = _finish(task, outcome, lineage)
    except Exception as error:
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        mendable = isinstance(error, StageError) or full
        if not mendable:
            traceback.print_exc()
        kind = "" if mendable else f"{type(error).__name__}: "
        print(f"error: {kind}{one_line(error)}", file=sys.stderr, flush=True)
        raise SystemExit(MENDABLE if mendable else 1) from None
    taken = time.monotonic() - started
    shown = ", ".join(f"{k} {v:.6g}" if isinstance(v, float) else f"{k} {v}" for k, v in outcome.items() if not isinstance(v, list | dict))
    report(f"done in {taken:.1f} s" + (f", {seconds / taken:.1f} s/s" if seconds else "") + (f": {shown}" if shown else ""))


def _path(artifact: Mapping[str, Any]) -> Path:
    """Returns the path where Kubeflow's launcher mounts an artifact; in local runs the URI is a path."""
    if "customPath" in artifact:
        return Path(artifact["customPath"])
    uri = artifact["uri"]
    for scheme, folder in _MOUNTS.items():
        if uri.startswith(scheme):
            return Path(folder + uri.removeprefix(scheme))
    return Path(uri)


def _paths(task: Mapping[str, Any], side: str) -> dict[str, list[Path]]:
    lists = task.get(side, {}).get("artifacts", {})
    return {name: [_path(a) for a in value.get("artifacts", [])] for name, value in lists.items()}


def _arguments(main: Callable[..., Outcome], task: Mapping[str, Any], lineage: Lineage) -> dict[str, Any]:
    inputs, outputs = _paths(task, "inputs"), _paths(task, "outputs")
    given = task.get("inputs", {}).get("parameterValues", {})
    arguments: dict[str, Any] = {}
    for name, parameter in inspect.signature(main).parameters.items():
        kind = parameter.annotation
        if kind is Lineage:
            arguments[name] = lineage
        elif name in outputs:
            arguments[name] = _file(outputs[name][0]) if _kind(task["outputs"]["artifacts"][name]) == _PAGE else _emptied(outputs[name][0])
        elif kind == list[Path]:
            arguments[name] = inputs.get(name, [])
        elif kind is Path or (isinstance(kind, types.UnionType) and Path in typing.get_args(kind)):
            if name not in inputs and kind is Path:
                raise StageError(f"expected an input artifact {name!r}, found {sorted(inputs)}")
            arguments[name] = inputs[name][0] if name in inputs else None
        elif name in given:
            arguments[name] = _typed(name, given[name], kind)
        else:
            raise StageError(f"expected a parameter {name!r}, found {sorted(given)}")
    return arguments


def _emptied(folder: Path) -> Path:
    """Creates an output folder without the files of an earlier attempt."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _file(path: Path) -> Path:
    """Creates the folder of an output file and deletes an earlier file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    return path


def _kind(artifacts: Mapping[str, Any]) -> str:
    return str(artifacts["artifacts"][0].get("type", {}).get("schemaTitle", ""))


def _typed(name: str, value: Any, kind: type) -> Any:
    """Converts a parameter to its type: in Kubeflow's JSON, whole numbers look like 3.0."""
    if kind is int and float(value) != int(value):
        raise StageError(f"parameter {name}: expected a whole number, found {value}")
    if kind is bool and not isinstance(value, bool):
        raise StageError(f"parameter {name}: expected true or false, found {value!r}")
    return kind(value)


def _finish(task: Mapping[str, Any], outcome: Outcome, lineage: Lineage) -> float:
    """Writes lineage and Kubeflow's output file; returns the seconds of audio of the first output."""
    declared = task.get("outputs", {})
    parameters = {name: outcome[name] for name in declared.get("parameters", {})}
    metrics = {k: v for k, v in outcome.items() if k not in parameters and not isinstance(v, dict)}
    artifacts, first_seconds = {}, 0.0
    for name, value in declared.get("artifacts", {}).items():
        if name == "executor-logs":  # the launcher's own
            continue
        artifact = value["artifacts"][0]
        path, kind, facts = _path(artifact), _kind(value), dict(metrics)
        if kind in (_METRICS, _CLASSIFICATION):
            facts = facts if kind == _METRICS else outcome[name]
            _file(path).write_text(json.dumps(facts))  # without a file, a local run never gets a cache hit
        elif kind != _PAGE:
            (path / LINEAGE).write_text(json.dumps(lineage, indent=1, sort_keys=True))
            facts |= _facts(path)
            first_seconds = first_seconds or float(facts.get("seconds", 0))
        artifacts[name] = {"artifacts": [{"name": artifact["name"], "uri": artifact["uri"], "metadata": facts}]}
    target = Path(declared["outputFile"])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps({"parameterValues": parameters, "artifacts": artifacts}))
    return first_seconds


def _lineage(task: Mapping[str, Any], image: str) -> Lineage:
    """Leaves out _WIRING: sources may hold secrets, and a repeated run must have the same lineage."""
    lineage: dict[str, Any] = {}
    models: dict[str, str] = {}
    for name, folder in ((name, folder) for name, folders in _paths(task, "inputs").items() for folder in folders):
        if (folder / LINEAGE).exists():
            lineage |= json.loads((folder / LINEAGE).read_text())
        if (folder / MODEL).exists():
            model = json.loads((folder / MODEL).read_text())
            models[name] = f"{model['name']}/{model['version']}"
    settings = {k: v for k, v in task.get("inputs", {}).get("parameterValues", {}).items() if k not in _WIRING}
    own = {"image": image, "settings": settings} | ({"models": models} if models else {})
    return Lineage(lineage | {image.rpartition("/")[2].partition(":")[0]: own})


def _facts(folder: Path) -> dict[str, float]:
    """Returns an artifact's metadata: bytes, and rows and seconds of audio if it has them."""
    facts: dict[str, float] = {"bytes": sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())}
    table = folder / "rows.parquet"
    if table.exists():
        file = pq.ParquetFile(table)
        facts["rows"] = file.metadata.num_rows
        if "seconds" in file.schema_arrow.names:
            facts["seconds"] = float(np.sum(file.read(["seconds"])["seconds"].to_numpy()))
    return facts
