"""Follows a run on a cluster to its end: prints the progress of its stages, why they wait and why they failed."""

import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from rich.console import Console
from rich.live import Live
from rich.table import Table

from pipelines.cluster.client import ENDED, Kubeflow, UnreachableError, state_of
from pipelines.cluster.remaining import Weights, remaining
from pipelines.cluster.workflow import (
    CACHED,
    DONE,
    FAILED,
    RUNNING,
    WAITING,
    Failure,
    RunError,
    TaskStatus,
    Workflow,
    failure,
    own_lines,
    read,
)

POLL_SECONDS = 3.0
LINE_SECONDS = 60.0
"""Time between two lines about the run as a whole, outside a terminal."""
PATIENCE_SECONDS = 300.0
"""How long Kubeflow may not answer before it is given up."""
_SHOWN_FAILURES = 10
T = TypeVar("T")


def follow(kubeflow: Kubeflow, run: str, weights: Weights | None = None) -> int:
    """Shows a run until it ends: a table of its stages in a terminal, else a line per change. Returns the number of its shards.

    With `weights` of its stages it also says how much of the run is left.

    Raises:
        RunError: The run failed or was stopped; the message names the stage, the shard and the stage's error.
        KeyboardInterrupt: The user pressed Ctrl-C; the run goes on.
    """
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    changes, began = _Changes(kubeflow, run, console), time.monotonic()
    stopping = said = began
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            state, workflow = _patiently(console, lambda: (state_of(kubeflow.run(run)), read(kubeflow.manifest(run))))
            _patiently(console, partial(changes.show, workflow))
            left = progress(workflow, weights)
            if console.is_terminal:
                live.update(_table(workflow, time.monotonic() - began, left), refresh=True)
            elif left and time.monotonic() - said >= LINE_SECONDS:
                said = time.monotonic()
                console.print(f"{'run':>12} | {left}")
            if state in ENDED:
                break
            if state != "CANCELING":
                stopping = time.monotonic()
            elif time.monotonic() - stopping > PATIENCE_SECONDS:
                raise RunError("a stop of the run was requested, but the cluster has not confirmed it: its workflow may be gone")
            time.sleep(POLL_SECONDS)
    if state == "CANCELED":
        raise RunError("the run was stopped")
    if state != "SUCCEEDED":
        raise RunError(*why(changes.failures, workflow.message))
    _ended_well(kubeflow, run, workflow, console)
    return workflow.shards


def _patiently(console: Console, ask: Callable[[], T]) -> T:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return ask()
        except UnreachableError as error:
            if time.monotonic() > deadline:
                raise
            console.print(f"{error}; this does not affect the run, asking again")
            time.sleep(POLL_SECONDS * 5)


class _Changes:
    """Prints changes since the last poll."""

    def __init__(self, kubeflow: Kubeflow, run: str, console: Console) -> None:
        self._kubeflow, self._run, self._console = kubeflow, run, console
        self._seen: dict[str, str] = {}
        self.failures: dict[str, Failure] = {}
        """Failures by the name of their task."""

    def show(self, workflow: Workflow) -> None:
        for name in self._seen.keys() - {task.name for task in workflow.tasks}:  # a stage's preparation, which has ended
            del self._seen[name]
            self.failures.pop(name, None)
        for task in workflow.tasks:
            hindrance = task.hindrance.partition(":")[0]
            if self._seen.get(task.name) == task.state + hindrance:
                continue
            if task.state == FAILED:
                self.failures[task.name] = failure(task, self._kubeflow.log(self._run, task.node))
            else:
                self.failures.pop(task.name, None)  # another attempt
            self._seen[task.name] = task.state + hindrance  # only after the log was read, so that a retry reads it again
            text = self._text(task)
            if text and (not self._console.is_terminal or task.hindrance or task.state == FAILED):
                self._console.print(f"{task.name:>12} | {text}")

    def _text(self, task: TaskStatus) -> str:
        seconds = f"{task.seconds:.0f} s" if task.seconds is not None else "0 s"
        if task.state == WAITING:
            return f"waits: {task.hindrance}" if task.hindrance else ""
        if task.state == FAILED:
            return f"failed after {seconds}: {self.failures[task.name].error}"
        return {RUNNING: "running", DONE: f"done in {seconds}", CACHED: "taken from the cache"}[task.state]


def why(failures: dict[str, Failure], said: str = "") -> tuple[str, bool]:
    """Returns all failures in one message, and whether none of them was caused by a recording. `said`: Argo's message about the run."""
    lines = [f"{name}: {failed.error}" for name, failed in failures.items()]
    if len(lines) > _SHOWN_FAILURES:
        lines[_SHOWN_FAILURES:] = [f"and {len(lines) - _SHOWN_FAILURES} more"]
    alone = "the run failed and none of its stages did" + (f": {said}" if said else "")
    return "\n".join(lines) or alone, bool(failures) and all(f.mendable for f in failures.values())


def progress(workflow: Workflow, weights: Weights | None) -> str:
    """Returns how much of a run is done and left, as far as its tasks tell; "" if they do not."""
    found = remaining(workflow, weights) if weights else None
    return f"{found[0]:.0%} of the work is done, about {max(1, round(found[1] / 60))} min left" if found else ""


def _table(workflow: Workflow, seconds: float, left: str) -> Table:
    title = f"{seconds // 3600:.0f}:{seconds // 60 % 60:02.0f}:{seconds % 60:02.0f}"
    if workflow.shards:
        title += f", {workflow.finished_shards} of {workflow.shards} shards"
    if left:
        title += f", {left}"
    states = (WAITING, RUNNING, CACHED, DONE, FAILED)
    table = Table("", *states, title=title, title_justify="left", box=None)
    counts = Counter((task.stage, task.state) for task in workflow.tasks)
    for stage in dict.fromkeys(task.stage for task in workflow.tasks):
        table.add_row(stage, *(str(counts[stage, state] or "") for state in states))
    return table


def _ended_well(kubeflow: Kubeflow, run: str, workflow: Workflow, console: Console) -> None:
    """Prints the result line of the stage that ended last, which describes the new version."""
    for task in [t for t in workflow.tasks if not t.shard][-1:]:
        for line in [line for line in own_lines(kubeflow.log(run, task.node)) if line.startswith("done in ")][-1:]:
            console.print(f"{task.name}: {line}")
    console.print(f"{workflow.shards} shards are done" if workflow.shards else "nothing new was found")
