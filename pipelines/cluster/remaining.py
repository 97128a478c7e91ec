"""Says how far a run on a cluster is and when it may end, from its ended tasks and from how stages compare with each other."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.cluster.workflow import CACHED, DONE, FAILED, RUNNING, Workflow


@dataclass(frozen=True)
class Weights:
    """The seconds that a pod of each stage would take for a shard of an hour; only their proportions count."""

    stages: Mapping[str, float]
    of_shards: frozenset[str]
    """The stages that run once for each shard; the others run once."""
    at_once: int
    """Number of shards that are at work at a time."""


def remaining(workflow: Workflow, weights: Weights) -> tuple[float, float] | None:
    """Returns the share of the work that is done, and the seconds until the end; None before a task of a shard has ended.

    A shard is as long as its ended tasks say. A shard without any is as long as the mean of the others. Shards that Argo has not made
    yet are not known, so that the seconds may grow while shards begin.
    """
    taken: dict[int, float] = {}
    expected: dict[int, float] = {}
    done: dict[int, set[str]] = {}
    for task in workflow.tasks:
        if task.stage not in weights.stages or task.state not in (DONE, CACHED, RUNNING, FAILED):
            continue
        if task.state in (DONE, CACHED):
            done.setdefault(task.shard, set()).add(task.stage)
        if task.state == DONE and task.shard and task.seconds is not None:
            taken[task.shard] = taken.get(task.shard, 0.0) + task.seconds
            expected[task.shard] = expected.get(task.shard, 0.0) + weights.stages[task.stage]
    if not sum(expected.values()):
        return None
    mean = sum(taken.values()) / sum(expected.values())
    all_shards = range(1, workflow.shards + 1)
    pace = {shard: taken[shard] / expected[shard] if expected.get(shard) else mean for shard in all_shards}

    def seconds(shard: int, stages: frozenset[str]) -> float:
        return pace.get(shard, mean) * sum(weights.stages[stage] for stage in stages)

    whole = weights.stages.keys() - weights.of_shards
    left = {shard: seconds(shard, weights.of_shards - done.get(shard, set())) for shard in all_shards}
    end = seconds(0, frozenset(whole - done.get(0, set())))
    total = sum(seconds(shard, weights.of_shards) for shard in all_shards) + seconds(0, frozenset(whole))
    lines = max(1, min(weights.at_once, workflow.shards))
    rest = max(sum(left.values()) / lines, max(left.values(), default=0.0)) + end
    return 1 - (sum(left.values()) + end) / total, rest
