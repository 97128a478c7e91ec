"""Tasks of a run work side by side within the cores and the memory of the machine."""

import io
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl
from rich.console import Console

from pipelines.cluster.workflow import RunError
from pipelines.local import runner
from pipelines.local.display import Display
from pipelines.local.room import Room, bounded
from pipelines.local.tasks import Children, Ended, Executor, Task

PEAK_MB = {"heavy": 800.0, "light": 100.0, "first": 100.0, "last": 100.0, "failing": 100.0}


def of(stage: str, word: str) -> dsl.ContainerSpec:
    command = ["python", "-m", f"components.{stage}"]
    return dsl.ContainerSpec(image=f"example/{stage}:1", command=command, args=[dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER, word])


def component(stage: str) -> Callable[..., Any]:
    def task(word: str):  # type: ignore[no-untyped-def]  # kfp takes a missing annotation, not None
        return of(stage, word)

    task.__name__ = stage
    return dsl.container_component(task)


first, heavy, light, failing, last = (component(stage) for stage in ("first", "heavy", "light", "failing", "last"))


@dsl.pipeline(name="middle")
def middle() -> None:
    begun = first(word="a")
    last(word="b").after(heavy(word="c").after(begun), light(word="d").after(begun), light(word="e").after(begun))


@dsl.pipeline(name="half")
def half() -> None:
    failed = failing(word="a")
    last(word="b").after(failed)
    heavy(word="c").after(light(word="d"))


class Machine:
    """Executes a task by waiting until no other has begun for a while; records which ran together."""

    def __init__(self) -> None:
        self.running: list[str] = []
        self.together: list[frozenset[str]] = []
        self.order: list[str] = []
        self._changed = threading.Condition()

    def __call__(self, task: Task, display: Display, children: Children) -> Ended:
        with self._changed:
            self.running.append(task.stage)
            self.order.append(task.stage)
            self.together.append(frozenset(self.running))
            self._changed.notify_all()
            while self._changed.wait(0.3):  # others begin
                pass
            self.running.remove(task.stage)
        return Ended(1 if task.stage == "failing" else 0, "")


def run(pipeline: object, folder: Path, execute: Executor) -> None:
    with Display(Console(file=io.StringIO())) as display:
        runner.run(pipeline, {}, root=folder, execute=execute, run_id="run", jobs=1, display=display)


def room(cores: int, memory_mb: float) -> Room:
    return Room(cores, memory_mb, PEAK_MB.__getitem__, PEAK_MB.__getitem__)


def test_tasks_that_do_not_wait_for_each_other_run_side_by_side_and_the_others_in_order(tmp_path: Path) -> None:
    seen = Machine()
    run(middle, tmp_path, bounded(seen, room(8, 10_000)))
    assert frozenset({"heavy", "light"}) in seen.together
    assert seen.order[0] == "first" and seen.order[-1] == "last" and sorted(seen.order[1:-1]) == ["heavy", "light", "light"]


@pytest.mark.parametrize(("cores", "memory_mb"), [(1, 10_000), (8, 150)])
def test_without_room_tasks_run_one_after_the_other_and_the_heaviest_first(tmp_path: Path, cores: int, memory_mb: float) -> None:
    seen = Machine()
    run(middle, tmp_path, bounded(seen, room(cores, memory_mb)))
    assert all(len(running) == 1 for running in seen.together)
    assert len(seen.order) == 5


def test_memory_keeps_a_large_task_from_the_side_of_others(tmp_path: Path) -> None:
    seen = Machine()
    run(middle, tmp_path, bounded(seen, room(8, 850)))
    assert frozenset({"heavy", "light"}) not in seen.together
    assert seen.order.count("light") == 2


def test_after_a_failure_the_tasks_that_do_not_depend_on_it_are_finished(tmp_path: Path) -> None:
    seen = Machine()
    with pytest.raises(RunError, match="failing"):
        run(half, tmp_path, bounded(seen, room(8, 10_000)))
    assert "last" not in seen.order and {"light", "heavy"} <= set(seen.order)


def test_the_heaviest_of_the_waiting_tasks_goes_first() -> None:
    shared, order, began = room(1, 10_000), list[str](), threading.Event()

    def work(stage: str) -> None:
        with shared.held(stage):
            order.append(stage)

    with shared.held("first"):
        waiting = [threading.Thread(target=work, args=[stage]) for stage in ("light", "heavy", "last")]
        for thread in waiting:
            thread.start()
        while len(shared._waiting) < 3:
            began.wait(0.01)
    for thread in waiting:
        thread.join()
    assert order[0] == "heavy" and len(order) == 3
