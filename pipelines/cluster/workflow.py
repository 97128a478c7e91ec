"""Reads the states of a run's tasks from its Argo workflow: what runs, what waits and why, and what failed with which message."""

import base64
import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from components.shared.task import MENDABLE, StageError, one_line

WAITING, RUNNING, DONE, CACHED, FAILED = "waiting", "running", "done", "from the cache", "failed"
_STATES = {"Pending": WAITING, "Running": RUNNING, "Succeeded": DONE, "Skipped": CACHED, "Failed": FAILED, "Error": FAILED}
_ITERATION = re.compile(r"iteration-iterations\((\d+):[^)]*\)")
_ATTEMPT = re.compile(r"\((\d+)\)$")
_LAUNCHER = re.compile(r"[IWEF]\d{4} [\d:.]+ +\d+ \S+\.go:\d+\] (.*)")
_FATAL = re.compile(r"F\d{4} [\d:.]+ +\d+ \S+\.go:\d+\] (.*)")
_ENDED = re.compile(
    r"failed to execute component: (?:failed to publish execution with error .* after execution failed: )?(exit status (\d+)|signal: .*)"
)
"""The launcher's last line if the stage itself failed; any other last line is its own error."""
_DRIVER = re.compile(r"KFP driver: (?:driver\.\w+\(.*?\) failed: )?(.*)")
_IMPORTED = re.compile(r'"componentInputParameter":\s*"(?:pipelinechannel--)?(\w+)"')
_IMAGE = re.compile(r'image \\?"([^"\\]+)')
_NO_IMAGE = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName")
_DAG_DRIVER = "system-dag-driver"
_DEADLINE = "Step exceeded its deadline"
"""Argo's message of a pod that it ends at the deadline of the run. A pod that exceeds its own time limit has another message."""
_PASSING = ("PodInitializing", "ContainerCreating")


class RunError(StageError):
    """A run failed, here or on Kubeflow, with the message of the failed stage. `mendable` means that no recording caused it."""

    def __init__(self, message: str, mendable: bool = False) -> None:
        super().__init__(message)
        self.mendable = mendable


@dataclass(frozen=True)
class TaskStatus:
    """The status of one stage on one shard, or on the run as a whole."""

    stage: str
    """Name of the stage, or Kubeflow's name for its own tasks."""
    shard: int
    """Counted from 1; 0 is the run as a whole."""
    state: str
    message: str
    """Kubernetes' message about its pod: why it waits, how it ended."""
    node: str
    """Argo's name of its last attempt, which also names its log."""
    started: datetime | None
    finished: datetime | None

    @property
    def name(self) -> str:
        """Name of the stage with the number of its shard, as in local runs."""
        return f"{self.stage} {self.shard}" if self.shard else self.stage

    @property
    def seconds(self) -> float | None:
        """How long it took, or has taken so far."""
        return ((self.finished or datetime.now(UTC)) - self.started).total_seconds() if self.started else None

    @property
    def hindrance(self) -> str:
        """Why its pod cannot start; "" if it can."""
        if self.state != WAITING or self.message.startswith(_PASSING):
            return ""
        if self.message.startswith(_NO_IMAGE):
            named = _IMAGE.search(self.message)
            name = named[1] if named else "of its stage"
            return f"no image: its node cannot get the image {name}: push it (make push), and name its --registry"
        return self.message


@dataclass(frozen=True)
class Workflow:
    """The tasks of a run that have started, in the order of their starts, and the number of its shards so far."""

    tasks: list[TaskStatus]
    shards: int
    finished_shards: int
    message: str = ""
    """Argo's message about the run as a whole, such as why it could not go on; usually empty."""


def read(manifest: Mapping[str, Any] | None) -> Workflow:
    """Reads the tasks in a workflow's manifest; there are none before Argo starts."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    shards: dict[str, bool] = {}
    for node in _nodes(manifest or {}):
        if place := _place(node):
            found.setdefault(place, []).append(node)
        elif match := _ITERATION.fullmatch(_steps(node)[-1]):
            shards[match[0]] = shards.get(match[0], False) or node["phase"] == "Succeeded"
    tasks = [_task(place, last) for place, nodes in found.items() if _is_shown(last := max(nodes, key=_order))]
    return Workflow(
        sorted(tasks, key=lambda t: (t.started or datetime.max.replace(tzinfo=UTC), t.shard)),
        len(shards),
        sum(shards.values()),
        one_line((manifest or {}).get("status", {}).get("message") or ""),
    )


def _place(node: Mapping[str, Any]) -> str:
    """The task in the graph that a pod executes or prepares, "" for other nodes."""
    *path, last = _steps(node)
    if last == "executor" and node["type"] in ("Pod", "Skipped") and node["phase"] != "Omitted":
        return ".".join(path)
    if node["type"] == "Pod" and last.endswith("-driver"):
        return ".".join([*path, last.removesuffix("-driver")])
    return ".".join([*path, last]) if node["type"] == "Pod" and _imports(node) else ""


def _imports(node: Mapping[str, Any]) -> bool:
    return str(node.get("templateName")).startswith("system-importer")


def _order(node: Mapping[str, Any]) -> tuple[bool, str, int]:
    """Sort key of attempts: the last one is the largest, and execution comes after preparation."""
    attempt = _ATTEMPT.search(node["name"])
    return _steps(node)[-1] == "executor", node.get("startedAt") or "", int(attempt[1]) if attempt else 0


def _is_shown(node: Mapping[str, Any]) -> bool:
    """Whether to show a node: preparation only if it fails or waits; that of a loop, condition or sub-pipeline only if it fails."""
    if _steps(node)[-1] == "executor" or node["phase"] in ("Failed", "Error"):
        return True
    return node["phase"] == "Pending" and node.get("templateName") != _DAG_DRIVER


def _nodes(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The nodes of a workflow; Argo compresses those of a large one."""
    status = manifest.get("status", {})
    nodes = status.get("nodes")
    if packed := status.get("compressedNodes"):
        nodes = json.loads(gzip.decompress(base64.b64decode(packed)))
    return list((nodes or {}).values())


def _steps(node: Mapping[str, Any]) -> list[str]:
    """The steps of a node's name, without numbers of attempts. A loop's iteration includes its item, which may be any text."""
    parts = re.sub(r"\((\d+):[^)]*\)", r"(\1:)", node["name"]).split(".")
    return [_ATTEMPT.sub("", part) for part in parts]


def stage_name(task: str) -> str:
    """The stage of a task from kfp's name, which has hyphens, and a number for the stage's second task."""
    return re.sub(r"-\d+$", "", task).replace("-", "_")


def _name(task: str, node: Mapping[str, Any]) -> str:
    """Name of a task for people. Importers are numbered, so the parameter that each takes tells what it imports."""
    if _imports(node):
        parameters = node.get("inputs", {}).get("parameters", [])
        imported = _IMPORTED.search(next((p.get("value", "") for p in parameters if p["name"] == "task"), ""))
        return f"importer of {imported[1]}" if imported else task
    return task if node.get("templateName") == _DAG_DRIVER else stage_name(task)


def _task(place: str, last: Mapping[str, Any]) -> TaskStatus:
    iteration = _ITERATION.search(place)
    return TaskStatus(
        stage=_name(place.rpartition(".")[2], last),
        shard=int(iteration[1]) + 1 if iteration else 0,
        state=_STATES.get(last["phase"], RUNNING),
        message=one_line(last.get("message", "")) if last["type"] == "Pod" else "",
        node=last["id"],
        started=_time(last.get("startedAt")),
        finished=_time(last.get("finishedAt")),
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def own_lines(log: str) -> list[str]:
    """The lines that the stage itself printed, without those of Kubeflow's launcher."""
    return [line for line in log.splitlines() if line.strip() and not _LAUNCHER.match(line)]


@dataclass(frozen=True)
class Failure:
    """Why a task failed, according to its log."""

    error: str
    mendable: bool
    """Whether no recording caused it: the stage said so, or Kubeflow itself failed."""


def failure(task: TaskStatus, log: str) -> Failure:
    """The stage's own error line; without one, how it ended and its last line; or Kubeflow's error."""
    if task.message == _DEADLINE:
        return Failure("the deadline of the run ended it (--deadline-hours)", True)
    fatal = (_FATAL.findall(log) or [""])[-1]
    ended = _ENDED.match(fatal)
    if fatal and not ended:
        return Failure(_of_kubeflow(fatal), True)
    lines, mendable = own_lines(log), bool(ended and ended[2] == str(MENDABLE))
    for line in reversed(lines):
        if line.startswith("error: "):
            return Failure(line.removeprefix("error: "), mendable)
    if ended and "killed" in ended[1]:
        return Failure("it was killed, probably because it exceeded the memory limit of its stage", False)
    if "OOMKilled" in task.message:
        return Failure(f"it used more memory than its stage may ({task.message})", False)
    return Failure(": ".join(one_line(part) for part in (task.message, *lines[-1:]) if part) or "its pod was lost", mendable)


def _of_kubeflow(fatal: str) -> str:
    """The error of a driver or a launcher. It starts with what was attempted and ends with the reason, with addresses between."""
    if driver := _DRIVER.match(fatal):
        said, text = "Kubeflow could not start it", driver[1]
    else:
        said, text = "Kubeflow's launcher", re.sub("^failed to execute (importer )?component: ", "", fatal)
    return f"{said}: " + (one_line(text) if len(text) <= 300 else f"{one_line(text[:140])} … {one_line(text[-150:])}")
