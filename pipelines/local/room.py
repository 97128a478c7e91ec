"""Lets tasks of a run work side by side as far as cores and memory allow."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from pipelines.local.display import Display
from pipelines.local.simulation import fits
from pipelines.local.tasks import Children, Ended, Executor, Task

_RESERVED_MB = 500.0
"""Left to this process and to the rest of the machine."""


class Room:
    """The cores and the memory that the tasks of a run share."""

    def __init__(self, cores: int, memory_mb: float, peak_mb: Callable[[str], float], weight: Callable[[str], float]) -> None:
        """Of a task, `peak_mb` is the memory that it takes at most, and `weight` says which of several waiting ones goes first."""
        self.cores, self.memory_mb = cores, memory_mb
        self._peak_mb, self._weight = peak_mb, weight
        self._running: list[str] = []
        self._waiting: list[str] = []
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def held(self, stage: str) -> Iterator[None]:
        """Waits for room for a task of the stage, the heaviest of the waiting tasks first, and holds it."""
        with self._changed:
            self._waiting.append(stage)
            try:
                self._changed.wait_for(lambda: self._is_next(stage))
            finally:
                self._waiting.remove(stage)
            self._running.append(stage)
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._running.remove(stage)
                self._changed.notify_all()

    def _is_next(self, stage: str) -> bool:
        free = [s for s in self._waiting if fits(self.cores, self.memory_mb, [self._peak_mb(r) for r in self._running], self._peak_mb(s))]
        return bool(free) and stage == max(free, key=self._weight)


def bounded(execute: Executor, room: Room) -> Executor:
    """Returns an executor whose tasks wait for room."""

    def execute_with_room(task: Task, display: Display, children: Children) -> Ended:
        with room.held(task.stage):
            return execute(task, display, children)

    return execute_with_room


def cores() -> int:
    """Returns the number of cores that this process may use, within the limit of its cgroup."""
    own = len(os.sched_getaffinity(0))
    with contextlib.suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        own = min(own, max(1, int(quota) // int(period)))
    return own


def memory_mb() -> float:
    """Returns the memory that tasks may take: what is available now on the machine, or left below the limit of the cgroup."""
    free = []
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        free.append(next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) / 1024)
    with contextlib.suppress(OSError, ValueError):
        limit, used = (int(Path(f"/sys/fs/cgroup/memory.{name}").read_text()) for name in ("max", "current"))
        free.append((limit - used) / 2**20)
    return max(0.0, min(free, default=float("inf")) - _RESERVED_MB)
