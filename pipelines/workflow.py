"""What Argo's workflow of a run says of its stages: their states, their shards, what waits and why, what failed with which words."""

import base64
import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from components.shared.task import MENDABLE, one_line

WAITING, RUNNING, DONE, CACHED, FAILED = "waiting", "running", "done", "from the cache", "failed"
_STATES = {"Pending": WAITING, "Running": RUNNING, "Succeeded": DONE, "Skipped": CACHED, "Failed": FAILED, "Error": FAILED}
_ITERATION = re.compile(r"iteration-iterations\((\d+):[^)]*\)")
_ATTEMPT = re.compile(r"\((\d+)\)$")
_LAUNCHER = re.compile(r"[IWEF]\d{4} [\d:.]+ +\d+ \S+\.go:\d+\] (.*)")
_EXIT = re.compile(r"failed to execute component: (exit status (\d+)|signal: .*)")
_DRIVER = re.compile(r"^F\d{4} .*\] KFP driver: .*? failed: (.*)", re.MULTILINE)
_IMAGE = re.compile(r'image \\?"([^"\\]+)')
_NO_IMAGE = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName")
_PASSING = ("PodInitializing", "ContainerCreating")


@dataclass(frozen=True)
class Task:
    """One stage at work on one shard, or on the run as a whole."""

    stage: str
    shard: int
    """From 1; 0 is the run as a whole."""
    state: str
    message: str
    """What Kubernetes says of its pod: why it waits, how it ended."""
    node: str
    """Argo's name of its last attempt, under which its log is found."""
    started: datetime | None
    finished: datetime | None

    @property
    def name(self) -> str:
        """As in runs on one machine: the stage's name, with the number of its shard."""
        return f"{self.stage} {self.shard}" if self.shard else self.stage

    @property
    def seconds(self) -> float | None:
        """How long it took, or takes so far."""
        return ((self.finished or datetime.now(UTC)) - self.started).total_seconds() if self.started else None

    @property
    def hindrance(self) -> str:
        """Why its pod does not start, where it is not just starting."""
        if self.state != WAITING or self.message.startswith(_PASSING):
            return ""
        if self.message.startswith(_NO_IMAGE):
            named = _IMAGE.search(self.message)
            name = named[1] if named else "of its stage"
            return f"no image: its node cannot get the image {name}: push it (make push), and name its --registry"
        return self.message


@dataclass(frozen=True)
class Workflow:
    """The tasks of a run that have begun, in the order of their beginnings, and the number of its shards so far."""

    tasks: list[Task]
    shards: int
    finished_shards: int


def read(manifest: Mapping[str, Any] | None) -> Workflow:
    """The tasks in a workflow's manifest; none while Argo has not begun."""
    nodes = _nodes(manifest or {})
    found: dict[str, list[Mapping[str, Any]]] = {}
    shards: dict[str, bool] = {}
    for node in nodes:
        *path, last = [_ATTEMPT.sub("", part) for part in _parts(node["name"])]
        if last == "executor" and node["type"] in ("Pod", "Skipped") and node["phase"] != "Omitted":
            found.setdefault(".".join(path), []).append(node)
        elif last.endswith("-driver") and node["type"] == "Pod" and node["phase"] in _shown_phases(node):
            found.setdefault(".".join([*path, last.removesuffix("-driver")]), []).append(node)
        elif match := _ITERATION.fullmatch(last):
            shards[match[0]] = shards.get(match[0], False) or node["phase"] == "Succeeded"
    tasks = [_task(path, attempts) for path, attempts in found.items()]
    return Workflow(
        sorted(tasks, key=lambda t: (t.started or datetime.max.replace(tzinfo=UTC), t.shard)), len(shards), sum(shards.values())
    )


def _shown_phases(driver: Mapping[str, Any]) -> tuple[str, ...]:
    """A driver prepares a stage, or a loop, a condition or a sub-pipeline; those are of no interest while they wait."""
    return ("Failed", "Error") if driver.get("templateName") == "system-dag-driver" else ("Pending", "Failed", "Error")


def _nodes(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Argo packs the nodes of a large workflow."""
    status = manifest.get("status", {})
    nodes = status.get("nodes")
    if packed := status.get("compressedNodes"):
        nodes = json.loads(gzip.decompress(base64.b64decode(packed)))
    return list((nodes or {}).values())


def _parts(name: str) -> list[str]:
    """The steps of a node's name. A loop's iteration shows its item, in which there may be anything."""
    return re.sub(r"\((\d+):[^)]*\)", r"(\1:)", name).split(".")


def _task(path: str, attempts: list[Mapping[str, Any]]) -> Task:
    last = max(attempts, key=lambda node: (node.get("startedAt") or "", int(match[1]) if (match := _ATTEMPT.search(node["name"])) else 0))
    iteration = _ITERATION.search(path)
    return Task(
        stage=re.sub(r"-\d+$", "", path.rpartition(".")[2]),  # kfp numbers a stage's second task
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
    """What the stage itself printed, without the lines of Kubeflow's launcher."""
    return [line for line in log.splitlines() if line.strip() and not _LAUNCHER.match(line)]


@dataclass(frozen=True)
class Failure:
    """Why a task failed, by its log."""

    error: str
    mendable: bool
    """Whether its stage said that no recording is to blame."""


def failure(task: Task, log: str) -> Failure:
    """The stage's own error line; where it has none, how it was ended and what came last."""
    lines, exits = own_lines(log), _EXIT.search(log)
    mendable = bool(exits and exits[2] == str(MENDABLE))
    for line in reversed(lines):
        if line.startswith("error: "):
            return Failure(line.removeprefix("error: "), mendable)
    if exits and "killed" in exits[1]:
        return Failure("it was killed, as the kernel does when the memory that its stage may use is full", False)
    if "OOMKilled" in task.message:
        return Failure(f"it used more memory than its stage may ({task.message})", False)
    if driver := _DRIVER.search(log):
        return Failure(f"Kubeflow could not start it: {one_line(driver[1])}", False)
    return Failure(": ".join(one_line(part) for part in (task.message, *lines[-1:]) if part) or "its pod was lost", False)
