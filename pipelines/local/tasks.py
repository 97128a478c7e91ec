"""Runs a stage's task on this machine: the interface of executors, and the processes of a run."""

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from components.shared.task import MENDABLE, StageError, one_line
from pipelines.cluster.workflow import RunError
from pipelines.local.display import Display

GRACE_SECONDS = 10.0
"""Time between SIGTERM and SIGKILL."""


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
    def stage(self) -> str:
        """Name of the stage."""
        return self.image.rpartition("/")[2].partition(":")[0]

    @property
    def name(self) -> str:
        """Name of the stage, with the number of the shard if there are several."""
        iteration = re.search(r"iteration-(\d+)", str(self.folder))
        return f"{self.stage} {int(iteration[1]) + 1}" if iteration else self.stage

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
    cpu_seconds: float | None = None
    """CPU seconds of the task, if the executor knows them."""


def end(processes: Iterable[subprocess.Popen[str]]) -> None:
    """Asks processes and their own children to end, and ends them after GRACE_SECONDS."""
    signal_groups(processes, signal.SIGTERM)
    timer = threading.Timer(GRACE_SECONDS, signal_groups, [processes, signal.SIGKILL])
    timer.daemon = True
    timer.start()


def signal_groups(processes: Iterable[subprocess.Popen[str]], number: signal.Signals) -> None:
    for process in processes:
        if process.returncode is None:  # after that, its id may be another's
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)


class Children:
    """The processes of a run. stop() ends them and prevents new ones."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        """Held while a process starts, so that stop() finds it among the others."""
        self._live: set[subprocess.Popen[str]] = set()
        self._main_starts = self._interrupted = False
        self.stopped = False
        self.failures: list[int] = []
        """Exit statuses of the tasks that failed."""

    @contextlib.contextmanager
    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
        with self._lock:
            if self.stopped:
                raise RunError("the run is ending")
            self._main_starts = threading.current_thread() is threading.main_thread()
            try:
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
            finally:
                self._main_starts = False
                if self._interrupted:
                    self._interrupt()
        try:
            yield process
        finally:
            self._live.discard(process)
        if self.stopped:
            raise RunError("the run is ending")  # keeps kfp.local from retrying the task

    @contextlib.contextmanager
    def ending_with_the_run(self) -> Iterator[None]:
        """Ends the processes on Ctrl-C, SIGTERM, or when the terminal closes."""
        before = {number: signal.signal(number, self._interrupt) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            yield
        finally:
            for number, previous in before.items():
                signal.signal(number, previous)

    def _interrupt(self, *_: object) -> None:
        """Handles a signal. If it came while this thread starts a process, start() calls it again: nothing else knows that process yet."""
        self._interrupted = self._main_starts
        if not self._interrupted:
            self.stop()
            raise KeyboardInterrupt

    def stop(self) -> None:
        with self._lock:
            self.stopped = True
            end(list(self._live))


Executor = Callable[[Task, Display, Children], Ended]
"""Runs a task to its end. Raises StageError or OSError if the task cannot be started."""


def follow(
    command: Sequence[str], environment: Mapping[str, str], task: Task, timeout_hours: float, display: Display, children: Children
) -> Ended:
    """Runs the program of a task to its end, or to its time limit, and shows its output under the task's name."""
    last, late = "", threading.Event()

    def end_late() -> None:
        late.set()
        end([process])

    with children.start(command, environment) as process:
        assert process.stdout
        timer = threading.Timer(timeout_hours * 3600, end_late)
        timer.daemon = True
        timer.start()
        try:
            for line in process.stdout:
                display.line(task.name, line)
                last = line.strip() or last
            cpu_seconds = used(process)
            status = process.wait()
        finally:
            timer.cancel()
    if late.is_set():
        return Ended(status or -signal.SIGTERM, last, too_late(task.stage, timeout_hours))  # 0 is what docker says of a signal
    return Ended(status, last, cpu_seconds=cpu_seconds)


def used(process: subprocess.Popen[str]) -> float | None:
    """Waits for the end of a process; returns its CPU seconds with those of its children. None if the system does not say."""
    try:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # leaves it to be asked, and to be waited for
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return sum(int(ticks) for ticks in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def too_late(stage: str, timeout_hours: float) -> str:
    """Returns the error of a task that was ended at its time limit."""
    what = f"expected {stage} to end within {timeout_hours:g} hours, the limit of the stage, found it still at work"
    return f"{what}: let a shard hold less audio (discover_shard_seconds), or raise timeout_hours in components/{stage}/component.py"


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
