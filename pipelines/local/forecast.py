"""Says how much of a run on this machine is done and when it ends. The times come from rates, which the run corrects as it goes."""

import bisect
import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from components.shared.rows import UNKNOWN_SECONDS, Recording
from components.shared.table import read_rows
from components.shared.task import StageError
from pipelines.local.display import Display
from pipelines.local.estimate import Costs, Machine, duration, estimate, sentence
from pipelines.local.simulation import Work, wall_seconds
from pipelines.local.tasks import Children, Ended, Executor, Task

LINE_SECONDS, LIVE_SECONDS = 60.0, 1.0
"""Time between two lines about the run in a log, and between two changes of its bar."""
_PRIOR_SECONDS = 5.0
"""Weight of the rates against what the run has measured."""
_SAMPLE_SECONDS = 10.0
_MOST = 0.95
"""Share of a task that counts as done at most while it runs."""

Key = tuple[str, int]
"""Stage and shard."""


@dataclass
class _State:
    began: float | None = None
    share: float = 0.0
    """Of its audio, as its progress lines say."""
    ended: bool = False
    ran: bool = False


@dataclass
class _Measured:
    """CPU seconds of the ended tasks of a stage: as expected, and as they were."""

    expected: float = _PRIOR_SECONDS
    used: float = _PRIOR_SECONDS


@dataclass
class Forecast:
    """Follows the tasks of a run. A stage that begins says that those before it have ended, also those from the cache."""

    costs: Costs
    machine: Machine
    planned: Callable[[str], Sequence[float]]
    """Returns the seconds of the recordings of a shard, by its name; 0 is unknown."""
    display: Display
    clock: Callable[[], float] = time.monotonic
    _hours: list[float] = field(default_factory=list)
    _states: dict[Key, _State] = field(default_factory=dict)
    _measured: dict[str, _Measured] = field(default_factory=dict)
    _history: list[tuple[float, float]] = field(default_factory=list)
    """Seconds that had passed since the plan, and those that were expected for what was done then."""
    _since: float = 0.0
    _slowness: float = 1.0
    """How much longer the run has taken than expected: because of other work on the machine, or of its speed."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def following(self, execute: Executor) -> Executor:
        """Returns an executor that tells the forecast of its tasks."""

        def execute_followed(task: Task, display: Display, children: Children) -> Ended:
            self.began(_key(task.name))
            ended = execute(task, display, children)
            with contextlib.suppress(StageError, OSError, ValueError, KeyError):  # a forecast fails no run
                self._learn(task, ended)
            return ended

        return execute_followed

    def _learn(self, task: Task, ended: Ended) -> None:
        """Takes the end of a task, and what its results say of the run."""
        if ended.status == 0 and task.stage == "download":
            self.downloaded(_key(task.name)[1], _artifact(task, "recordings"))
        self.ended(_key(task.name), ended.cpu_seconds)
        if ended.status == 0 and task.stage == "discover":
            self.plan(_output(task, "shards"))

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Shows the state of the run from time to time."""
        stop = threading.Event()

        def show() -> None:
            while not stop.wait(LIVE_SECONDS if self.display.live else LINE_SECONDS):
                if said := self.said():
                    self.display.overall(*said)

        thread = threading.Thread(target=show, daemon=True)
        self.display.heard = self.heard
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def plan(self, shards: Sequence[str]) -> None:
        """Takes the shards that `discover` planned, and shows what the run will cost."""
        items = [list(self.planned(shard)) for shard in shards]
        known = [seconds for shard in items for seconds in shard if seconds]
        mean = sum(known) / len(known) if known else UNKNOWN_SECONDS
        with self._lock:
            self._hours = [sum(seconds or mean for seconds in shard) / 3600 for shard in items]
            self._since = self.clock()
            for state in self._states.values():
                state.ran = False  # what has ended before the plan says nothing of what follows
        if not items:
            return
        recordings = sum(map(len, items))
        found = estimate(self.costs, self._hours, recordings, self.machine)
        text = f"{sentence(found)} in {recordings} recordings"
        if unknown := recordings - len(known):
            assumed = "an hour is assumed" if not known else f"{duration(mean, exact=True)} are assumed"
            text += f"; {unknown} of them state no length, and {assumed} for each"
        self.display.line("run", text)

    def began(self, key: Key) -> None:
        """Takes the start of a task."""
        stage, shard = key
        with self._lock:
            self._state(key).began, self._state(key).ran = self.clock(), True
            shards = [shard] if shard else range(len(self._hours) + 1)
            for before in self.costs.before.get(stage, ()):
                for other in shards:
                    self._state((before, other)).ended = True
                self._state((before, 0)).ended = True

    def heard(self, name: str, done: float, total: float) -> None:
        """Takes a progress line of a task."""
        with self._lock:
            self._state(_key(name)).share = min(1.0, done / total) if total > 0 else 0.0

    def ended(self, key: Key, cpu_seconds: float | None) -> None:
        """Takes the end of a task."""
        with self._lock:
            self._state(key).ended = True
            tasks = {(t.stage, t.shard): t for t in self.costs.works(self._hours, self.machine)}
            if cpu_seconds is not None and key in tasks:
                measured = self._measured.setdefault(key[0], _Measured())
                measured.expected += tasks[key].left
                measured.used += cpu_seconds

    def downloaded(self, shard: int, recordings: Path) -> None:
        """Takes the real lengths of a shard."""
        seconds = sum(r.seconds for r in read_rows(recordings, Recording) if r.samples)
        with self._lock:
            if 0 < shard <= len(self._hours):
                self._hours[shard - 1] = seconds / 3600

    def left_seconds(self) -> float | None:
        """Returns the seconds until the end of the run; None before its plan, or if nothing is left."""
        with self._lock:
            tasks = [self._corrected(t) for t in self.costs.works(self._hours, self.machine)] if self._hours else []
            mine = [t for t in tasks if not self._state((t.stage, t.shard)).ended or self._state((t.stage, t.shard)).ran]
            left = [self._rest(t) for t in mine if not self._state((t.stage, t.shard)).ended]
            passed = self.clock() - self._since
        if not left:
            return None
        rest = self._together(left)
        expected = max(0.0, self._together(mine) - rest)
        self._slowness = self._lately(passed, expected)
        return rest * self._slowness

    def _lately(self, passed: float, expected: float) -> float:
        """Returns the ratio of passed to expected seconds in the second half of the run so far, since other work comes and goes."""
        if not self._history or passed - self._history[-1][0] >= _SAMPLE_SECONDS:
            self._history.append((passed, expected))
        before = bisect.bisect_right(self._history, passed / 2, key=lambda sample: sample[0]) - 1
        since, had = self._history[before] if before >= 0 else (0.0, 0.0)
        return (passed - since + _PRIOR_SECONDS) / (max(0.0, expected - had) + _PRIOR_SECONDS)

    def said(self) -> tuple[float, str] | None:
        """Returns the share of the run that is done, and a text; None if that is not known."""
        left = self.left_seconds()
        if left is None:
            return None
        passed = self.clock() - self._since
        share = passed / (passed + left) if left else 1.0
        return share, f"{share:.0%} done, about {duration(left)} left"

    @property
    def used_cpu_seconds(self) -> float:
        """CPU seconds of the tasks that have ended, if the system says them: not of containers."""
        return sum(measured.used - _PRIOR_SECONDS for measured in self._measured.values())

    def account(self) -> str:
        """Returns a line about the run that has ended: its time, and the CPU seconds of its tasks if the system says them."""
        used, expected = self.used_cpu_seconds, sum(measured.expected - _PRIOR_SECONDS for measured in self._measured.values())
        text = f"took {duration(self.clock() - self._since, exact=True)} since its plan"
        return f"{text}; its tasks used {used:.0f} CPU seconds, {expected:.0f} were expected" if self._measured else text

    def _together(self, tasks: Sequence[Work]) -> float:
        return wall_seconds(tasks, self.costs.before, self.machine.cores, self.machine.memory_mb, self.machine.jobs)

    def _corrected(self, task: Work) -> Work:
        measured = self._measured.get(task.stage, _Measured())
        return replace(task, cpu_seconds=task.cpu_seconds * measured.used / measured.expected)

    def _rest(self, task: Work) -> Work:
        """Returns what is left of a task by its progress lines, or by the time that it has run."""
        state = self._state((task.stage, task.shard))
        if state.began is None:
            return task
        if state.share:
            return replace(task, start_seconds=0.0, cpu_seconds=task.cpu_seconds * (1 - state.share), running=True)
        passed = (self.clock() - state.began) / self._slowness
        start = max(0.0, task.start_seconds - passed)
        done = min(max(0.0, passed - task.start_seconds) * task.cores, _MOST * task.cpu_seconds)
        return replace(task, start_seconds=start, cpu_seconds=task.cpu_seconds - done, running=True)

    def _state(self, key: Key) -> _State:
        return self._states.setdefault(key, _State())


def _key(name: str) -> Key:
    """Returns stage and shard of a task's name, such as `cut 3`."""
    stage, _, shard = name.partition(" ")
    return stage, int(shard or 0)


def _output(task: Task, name: str) -> list[str]:
    """Returns an output parameter of a task that is a list."""
    said = json.loads(Path(task.executor_input["outputs"]["outputFile"]).read_text(encoding="utf-8"))
    return list(said["parameterValues"][name])


def _artifact(task: Task, name: str) -> Path:
    return Path(task.executor_input["outputs"]["artifacts"][name]["artifacts"][0]["uri"])
