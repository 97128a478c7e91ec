"""Predicts how long the tasks of a run take together on one machine."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

_LEAST = 1e-6
"""Seconds that count as none."""


@dataclass(frozen=True)
class Work:
    """What is left of a task."""

    stage: str
    shard: int
    """Counted from 1; 0 is the run as a whole."""
    start_seconds: float
    """CPU seconds that one core does alone, before the rest."""
    cpu_seconds: float
    """CPU seconds of the rest."""
    cores: float
    """How many cores the rest can use at a time."""
    memory_mb: float
    running: bool = False

    @property
    def left(self) -> float:
        """CPU seconds in all."""
        return self.start_seconds + self.cpu_seconds

    def after(self, seconds: float, share: float) -> "Work":
        """Returns what is left after this many seconds, in which it had this share of the cores that it can use."""
        if self.start_seconds > 0:
            left = self.start_seconds - seconds * share
            return replace(self, start_seconds=left if left > _LEAST else 0.0)
        return replace(self, cpu_seconds=self.cpu_seconds - seconds * share * self.cores)

    @property
    def used(self) -> float:
        """The cores that it can use now."""
        return 1.0 if self.start_seconds > 0 else self.cores


def fits(cores: int, memory_mb: float, running: Sequence[float], wanted_mb: float) -> bool:
    """Returns whether another task may start beside those that run.

    Args:
        cores: Cores of the machine: at most one task for each.
        memory_mb: Memory that tasks may take together.
        running: Memory that each running task takes at most, in MB. Without any, every task may start.
        wanted_mb: Memory that the new task takes at most.
    """
    return not running or (len(running) < cores and sum(running) + wanted_mb <= memory_mb)


def wall_seconds(tasks: Sequence[Work], before: Mapping[str, frozenset[str]], cores: int, memory_mb: float, jobs: int) -> float:
    """Returns the seconds until all tasks have ended.

    Args:
        tasks: The tasks that have not ended.
        before: All stages that must have ended before a stage: of its own shard and of the run, or of all shards.
        cores: Cores of the machine. Running tasks share them evenly if they can use more.
        memory_mb: Memory that tasks may take together.
        jobs: Number of shards that are at work at a time.
    """
    left: dict[int, dict[str, Work]] = {}
    for task in sorted(tasks, key=lambda t: (t.shard, -t.left)):
        left.setdefault(task.shard, {})[task.stage] = task
    passed = 0.0
    while left:
        for shard, stage in _ready(left, before, jobs):
            task = left[shard][stage]
            if fits(cores, memory_mb, [t.memory_mb for t in _running(left)], task.memory_mb):
                left[shard][stage] = replace(task, running=True)
        running = list(_running(left))
        share = min(1.0, cores / sum(t.used for t in running))
        step = min((t.start_seconds or t.cpu_seconds) / (t.used * share) for t in running)
        passed += step
        for task in running:
            rest = task.after(step, share)
            if rest.left > _LEAST:
                left[task.shard][task.stage] = rest
            else:
                del left[task.shard][task.stage]
                if not left[task.shard]:
                    del left[task.shard]
    return passed


def _running(left: Mapping[int, Mapping[str, Work]]) -> Iterator[Work]:
    return (task for tasks in left.values() for task in tasks.values() if task.running)


def _ready(left: Mapping[int, Mapping[str, Work]], before: Mapping[str, frozenset[str]], jobs: int) -> list[tuple[int, str]]:
    """Returns the tasks that wait for no other: of the shards at work, which are the first ones, and of the run as a whole."""
    own = left.get(0, {})
    shards = sorted(left.keys() - {0}, key=lambda shard: (not any(t.running for t in left[shard].values()), shard))[:jobs]
    found = [(shard, stage) for shard in shards for stage in left[shard] if not before[stage] & (left[shard].keys() | own.keys())]
    blocked = {stage for tasks in left.values() for stage in tasks}
    found += [(0, stage) for stage in own if not before[stage] & blocked]
    return [(shard, stage) for shard, stage in found if not left[shard][stage].running]
