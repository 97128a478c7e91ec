"""Estimates what a run costs from measured rates: time, cores, memory, disk and objects."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.stage import Stage
from pipelines.local.rates import Rate, Rates
from pipelines.local.simulation import Work, wall_seconds

_UNMEASURED = Rate(start_seconds=1.0, cpu_seconds_per_hour=0.0, peak_memory_mb=200.0, artifact_mb_per_hour=0.0)
_FREE = ("discover", "download", "cut", "collect", "publish", "report", "fingerprint", "tag_speaker")
"""Stages whose settings change little of what a run costs, but the amount of audio."""
_FREE_SETTINGS = (
    "threads", "batch_segments", "batch_windows", "batch_clips", "clusters", "voice_normalization", "language", "word_times",
    "azure_concurrency", "azure_attempts", "azure_timeout_seconds", "azure_max_minutes",
)  # fmt: skip
_ARTIFACT_FILES = 30
"""Files that the artifacts of a shard have beside its sound: tables and lineage."""
_STORE_OBJECTS = 10
"""Objects of a version beside its clips and recordings."""
_SOUND_FILES = 3
"""Files of sound that artifacts have of each recording: of download, separate and denoise."""
POD_SECONDS = 8.0
"""Seconds that a pod takes to start, beyond its work."""

Before = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Machine:
    """Where tasks run."""

    cores: int
    memory_mb: float
    jobs: int
    """Number of shards that are at work at a time."""
    pod_cores: Mapping[str, float] = field(default_factory=dict)
    """On a cluster: the cores that a pod of each stage may use; every pod then has its own."""


def cluster(stages: Sequence[Stage], jobs: int) -> Machine:
    """Returns a cluster with a place for every pod."""
    limits = {s.name: s.needs.cpu_limit for s in stages}
    cores = {name: float(limit.removesuffix("m")) / (1000 if limit.endswith("m") else 1) for name, limit in limits.items()}
    return Machine(1, math.inf, jobs, cores)


@dataclass(frozen=True)
class StageCost:
    """What one stage costs in a run."""

    stage: str
    tasks: int
    cpu_seconds: float
    seconds_alone: float
    """By the clock, if its tasks had the machine for themselves, one after the other."""
    peak_memory_mb: float
    artifact_mb: float


@dataclass(frozen=True)
class Estimate:
    """What a run costs."""

    audio_hours: float
    recordings: int
    """0 if unknown."""
    shards: int
    cores: int
    wall_seconds: float
    core_hours: float
    peak_memory_mb: float
    """Of the largest tasks that can be at work at a time; on a cluster of the largest one."""
    artifact_mb: float
    """Disk for the artifacts of the run, in runs/."""
    store_mb: float
    """What the dataset grows by."""
    store_objects: int
    """Objects that the dataset grows by; on a cluster those of the artifacts as well."""
    tasks: int
    """On a cluster, each has a pod. Kubeflow starts others beside them, which work for seconds."""
    stages: tuple[StageCost, ...]


@dataclass(frozen=True)
class Costs:
    """What the stages of a run cost with its settings."""

    rates: Rates
    """All rates, with default settings."""
    stages: Mapping[str, Rate]
    """The rates with the settings of the run."""
    before: Before
    """All stages that must have ended before a stage."""
    of_shards: frozenset[str]
    """The stages that run once for each shard; the others run once."""

    def works(self, hours: Sequence[float], machine: Machine) -> list[Work]:
        """Returns the tasks of a run whose shards have so many hours of audio."""
        whole = [self._work(stage, 0, sum(hours), machine) for stage in self.stages if stage not in self.of_shards]
        return whole + [
            self._work(stage, n, h, machine) for n, h in enumerate(hours, 1) for stage in self.stages if stage in self.of_shards
        ]

    def _work(self, stage: str, shard: int, hours: float, machine: Machine) -> Work:
        rate = self.stages[stage]
        most = machine.pod_cores.get(stage, machine.cores)
        start = rate.start_seconds + (POD_SECONDS if machine.pod_cores else 0)
        return Work(stage, shard, start, rate.cpu_seconds_per_hour * hours, min(most, rate.speed(max(1, int(most)))), rate.peak_memory_mb)


def costs_of(rates: Rates, stages: Sequence[Stage], of_shards: Sequence[Stage], settings: Mapping[str, Any], before: Before) -> Costs:
    """Returns what the stages cost with the settings of a run, which are by `<stage>_<setting>`."""
    own = {s.name: rates.stages.get(s.name, _UNMEASURED).of(_own(s, settings)) for s in stages}
    return Costs(rates, own, before, frozenset(s.name for s in of_shards))


def unmeasured(rates: Rates, stages: Sequence[Stage], settings: Mapping[str, Any]) -> list[str]:
    """Returns the stages without a rate, and the settings whose cost is not measured, as `stage_setting value`."""
    found = [s.name for s in stages if s.name not in rates.stages]
    for stage in [s for s in stages if s.name in rates.stages and s.name not in _FREE]:
        for name, value in _own(stage, settings).items():
            given = value != stage.settings[name].default and name not in _FREE_SETTINGS
            if given and not rates.stages[stage.name].knows(name, value):
                found.append(f"{stage.name}_{name} {value}")
    return found


def _own(stage: Stage, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: settings[f"{stage.name}_{name}"] for name in stage.settings if f"{stage.name}_{name}" in settings}


def estimate(costs: Costs, hours: Sequence[float], recordings: int, machine: Machine) -> Estimate:
    """Estimates a run.

    Args:
        costs: What its stages cost.
        hours: The audio of each shard.
        recordings: Number of recordings, 0 if unknown.
        machine: Where it runs.
    """
    tasks, on_cluster = costs.works(hours, machine), bool(machine.pod_cores)
    at_once = len(tasks) * max(1, machine.cores) if on_cluster else machine.cores
    objects = round(costs.rates.clips_per_hour * sum(hours)) + recordings + _STORE_OBJECTS
    side_by_side = sorted((rate.peak_memory_mb for rate in costs.stages.values()), reverse=True)[: max(1, machine.cores)]
    stages = tuple(_cost(stage, rate, [t for t in tasks if t.stage == stage], sum(hours)) for stage, rate in costs.stages.items())
    return Estimate(
        audio_hours=sum(hours),
        recordings=recordings,
        shards=len(hours),
        cores=0 if on_cluster else machine.cores,
        wall_seconds=wall_seconds(tasks, costs.before, at_once, machine.memory_mb, machine.jobs),
        core_hours=sum(cost.cpu_seconds for cost in stages) / 3600,
        peak_memory_mb=max(side_by_side) if on_cluster else sum(side_by_side),
        artifact_mb=sum(cost.artifact_mb for cost in stages),
        store_mb=costs.rates.store_mb_per_hour * sum(hours),
        store_objects=objects + (len(hours) * _ARTIFACT_FILES + _SOUND_FILES * recordings if on_cluster else 0),
        tasks=len(tasks),
        stages=stages,
    )


def _cost(stage: str, rate: Rate, tasks: Sequence[Work], hours: float) -> StageCost:
    alone = sum(t.start_seconds + t.cpu_seconds / t.cores for t in tasks)
    cpu_seconds = rate.start_seconds * len(tasks) + sum(t.cpu_seconds for t in tasks)
    return StageCost(stage, len(tasks), cpu_seconds, alone, rate.peak_memory_mb, rate.artifact_mb_per_hour * hours)


def sentence(found: Estimate) -> str:
    """Returns an estimate in a line: `about 12 min on 2 cores, 1.3 GB of disk, for 3.2 hours of audio`."""
    disk = size(found.artifact_mb + found.store_mb)
    where = f" on {found.cores} cores" if found.cores > 1 else " on one core" if found.cores else ""
    return f"about {duration(found.wall_seconds)}{where}, {disk} of disk, for {duration(found.audio_hours * 3600, exact=True)} of audio"


def duration(seconds: float, exact: bool = False) -> str:
    """Returns a duration in the unit that suits it; one that is not exact has no more than two digits that count."""
    if seconds < 100:
        return f"{seconds if exact or seconds < 10 else 5 * round(seconds / 5):.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.{1 if exact else 0}f} min"
    return f"{seconds / 3600:.1f} hours"


def size(megabytes: float) -> str:
    """Returns a size in MB or GB."""
    return f"{megabytes:.0f} MB" if megabytes < 1000 else f"{megabytes / 1000:.1f} GB"
