"""Runs a stage's task on this machine: the interface of executors, and the processes of a run."""

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from components.shared.task import MENDABLE, StageError, one_line
from pipelines.cluster.workflow import RunError
from pipelines.local.display import Display

GRACE_SECONDS = 10.0


@dataclass(frozen=True)
class Task:
    """A task as kfp.local requests it."""

    image: str
    command: Sequence[str]
    """python -m components.<stage> EXECUTOR_INPUT IMAGE"""

    @cached_property
    def executor_input(self) -> dict[str, Any]:
        """Its parameters, and the paths of its artifacts."""
        return json.loads(self.command[3])

    @property
    def folder(self) -> Path:
        """Folder in which only this task writes."""
        return Path(self.executor_input["outputs"]["outputFile"]).parent

    @property
    def name(self) -> str:
        """Name of the stage, with the number of the shard if there are several."""
        stage = self.image.rpartition("/")[2].partition(":")[0]
        iteration = re.search(r"iteration-(\d+)", str(self.folder))
        return f"{stage} {int(iteration[1]) + 1}" if iteration else stage

    def command_of_file(self) -> list[str]:
        """Returns the command with its input in a file: Linux limits an argument to 128 KiB and shows it to every user."""
        path = self.folder / "executor_input.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(self.command[3], encoding="utf-8")
        return [*self.command[:3], f"@{path}", *self.command[4:]]


@dataclass(frozen=True)
class Ended:
    """How a task ended."""

    status: int
    """Exit status; a negative one is the signal that ended the task."""
    last: str
    """The last line that it printed."""
    reason: str = ""
    """Why it failed, if the executor knows more than the task itself."""


class Children:
    """The processes of a run. stop() ends them and prevents new ones."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # stop() is called from a signal handler
        self._live: set[subprocess.Popen[str]] = set()
        self.stopped = False
        self.failures: list[int] = []
        """Exit statuses of the tasks that failed."""

    @contextlib.contextmanager
    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
        with self._lock:
            if self.stopped:
                raise RunError("the run is ending")
            process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,  # ends a stage's own children with it
            )
            self._live.add(process)
        try:
            yield process
        finally:
            self._live.discard(process)
        if self.stopped:
            raise RunError("the run is ending")  # keeps kfp.local from retrying the task

    @contextlib.contextmanager
    def ending_with_the_run(self) -> Iterator[None]:
        """Ends the processes on Ctrl-C, SIGTERM, or when the terminal closes."""

        def interrupt(*_: object) -> None:
            self.stop()
            raise KeyboardInterrupt

        before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            yield
        finally:
            for number, previous in before.items():
                signal.signal(number, previous)

    def stop(self, force: bool = False) -> None:
        self.stopped = True
        for process in list(self._live):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL if force else signal.SIGTERM)
        if not force:
            timer = threading.Timer(GRACE_SECONDS, self.stop, [True])
            timer.daemon = True
            timer.start()


Executor = Callable[[Task, Display, Children], Ended]
"""Runs a task to its end. Raises StageError or OSError if the task cannot be started."""


def follow(command: Sequence[str], environment: Mapping[str, str], name: str, display: Display, children: Children) -> Ended:
    """Runs a program to its end and shows its output under a name."""
    last = ""
    with children.start(command, environment) as process:
        assert process.stdout
        for line in process.stdout:
            display.line(name, line)
            last = line.strip() or last
        return Ended(process.wait(), last)


def perform(task: Task, execute: Executor, display: Display, children: Children) -> bool:
    """Runs a task; returns whether it succeeded, and shows why if it failed.

    Raises:
        StageError: The run is ending. Other exceptions are shown and not raised, because kfp.local would hide their reason.
    """
    try:
        ended = execute(task, display, children)
    except (StageError, OSError) as error:
        if children.stopped:
            raise
        ended = Ended(MENDABLE, "", one_line(error))
    display.ended(task.name)
    if ended.status == 0:
        return True
    children.failures.append(ended.status)
    if ended.reason:
        display.line(task.name, f"error: {ended.reason}")
    elif ended.status < 0:
        display.line(task.name, f"error: ended by signal {-ended.status} ({signal.Signals(-ended.status).name})")
    elif task.name not in display.errors:
        display.line(task.name, f"error: ended with status {ended.status}: {ended.last}")
    return False
