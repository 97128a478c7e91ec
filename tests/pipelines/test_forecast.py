"""What a run on this machine says of its own cost and end."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from components.shared.rows import Recording
from components.shared.table import empty, write_rows
from pipelines.local.display import Display
from pipelines.local.estimate import Costs, Machine
from pipelines.local.forecast import Forecast
from pipelines.local.rates import Rate, Rates
from pipelines.local.tasks import Children, Ended, Task

BEFORE = {"discover": [], "download": ["discover"], "cut": ["discover", "download"], "publish": ["discover", "download", "cut"]}
RATES = {
    "discover": Rate(1, 0, 100, 0),
    "download": Rate(1, 36, 100, 100),
    "cut": Rate(1, 360, 100, 0),
    "publish": Rate(1, 0, 100, 0),
}
HOUR = 3600.0


class Run:
    """A run with two shards, and a clock that the test sets."""

    def __init__(self, lengths: dict[str, list[float]], cores: int = 1) -> None:
        self.now, self.text = 0.0, io.StringIO()
        display = Display(Console(file=self.text, soft_wrap=True, highlight=False, markup=False))
        costs = Costs(
            Rates("", "", "", "", 100, 10, RATES), RATES, {k: frozenset(v) for k, v in BEFORE.items()}, frozenset({"download", "cut"})
        )
        self.forecast = Forecast(costs, Machine(cores, 1000, 1), lengths.__getitem__, display, lambda: self.now)
        self.forecast.plan(list(lengths))

    def does(self, stage: str, shard: int, seconds: float, cpu_seconds: float | None = None) -> None:
        self.forecast.began((stage, shard))
        self.now += seconds
        self.forecast.ended((stage, shard), seconds if cpu_seconds is None else cpu_seconds)

    @property
    def left(self) -> float:
        left = self.forecast.left_seconds()
        assert left is not None
        return left


def test_the_plan_of_a_run_is_said_in_one_line() -> None:
    run = Run({"a": [HOUR, HOUR], "b": [HOUR / 2]})
    assert run.text.getvalue().strip() == "run | about 17 min on one core, 275 MB of disk, for 2.5 hours of audio in 3 recordings"


def test_recordings_without_a_length_are_said_and_taken_for_the_mean_of_the_others() -> None:
    mixed = Run({"a": [HOUR / 2, 0]})
    assert (
        "for 60.0 min of audio" in mixed.text.getvalue() and "1 of them state no length, and 30.0 min are assumed" in mixed.text.getvalue()
    )
    assert "an hour is assumed for each" in Run({"a": [0.0]}).text.getvalue()


def test_a_run_with_nothing_new_promises_nothing() -> None:
    run = Run({})
    assert run.text.getvalue() == "" and run.forecast.said() is None


def test_what_is_left_falls_to_nothing_as_the_stages_end() -> None:
    run, left = Run({"a": [HOUR], "b": [HOUR]}), []
    for shard in (1, 2):
        for stage, seconds in (("download", 37), ("cut", 361)):
            left.append(run.left)
            run.does(stage, shard, seconds)
    left.append(run.left)
    run.does("publish", 0, 1)
    assert left == pytest.approx([797 + 1, 761 + 1, 400, 363, 2], abs=5)
    assert run.forecast.left_seconds() is None


def test_within_a_task_its_progress_lines_count() -> None:
    run = Run({"a": [HOUR]})
    run.does("download", 1, 37)
    run.forecast.began(("cut", 1))
    run.now += 181
    run.forecast.heard("cut 1", HOUR / 2, HOUR)
    assert run.left == pytest.approx(181, abs=6)
    assert (said := run.forecast.said()) and said[1] == "55% done, about 3 min left"


def test_a_machine_half_as_fast_doubles_what_is_left() -> None:
    run = Run({"a": [HOUR], "b": [HOUR]})
    run.does("download", 1, 74, cpu_seconds=37)
    run.does("cut", 1, 722, cpu_seconds=361)
    assert run.left == pytest.approx(2 * 399, rel=0.03)


def test_a_machine_that_others_have_left_is_believed_to_be_fast_again() -> None:
    run, left = Run({str(n): [HOUR] for n in range(16)}), []
    for shard in range(1, 16):
        for stage, seconds in (("download", 37), ("cut", 361)):
            run.does(stage, shard, seconds * (3 if shard < 4 else 1), cpu_seconds=seconds)
            left.append(run.left)
    assert left[-1] == pytest.approx(398 + 1, rel=0.05) and left[5] == pytest.approx(3 * 13 * 398, rel=0.05)


def test_a_stage_that_takes_more_than_its_rate_takes_more_in_the_shards_to_come() -> None:
    run = Run({"a": [HOUR], "b": [HOUR]})
    run.does("download", 1, 37)
    run.does("cut", 1, 722)
    assert run.left == pytest.approx(37 + 722, rel=0.05)


def test_stages_from_the_cache_are_not_waited_for() -> None:
    run = Run({"a": [HOUR], "b": [HOUR]})
    run.does("cut", 2, 361)
    assert run.left == pytest.approx(37 + 361 + 1, rel=0.05)
    run.does("publish", 0, 1)
    assert run.forecast.left_seconds() is None


def test_the_executor_tells_of_plan_lengths_and_ends(tmp_path: Path) -> None:
    """The plan comes from the output of discover; download says how long the recordings really are."""
    run = Run({})
    run.forecast.planned = {"a": [HOUR]}.__getitem__

    def task(stage: str, outputs: dict[str, Any], folder: str) -> Task:
        given = {"inputs": {}, "outputs": {**outputs, "outputFile": str(tmp_path / folder / "output.json")}}
        return Task(f"example/{stage}:1", ["python", "-m", f"components.{stage}", json.dumps(given)])

    def execute(done: Task, display: Display, children: Children) -> Ended:
        done.folder.mkdir(parents=True, exist_ok=True)
        Path(done.executor_input["outputs"]["outputFile"]).write_text(json.dumps({"parameterValues": {"shards": ["a"]}}))
        if done.stage == "download":
            (tmp_path / "recordings").mkdir()
            write_rows(tmp_path / "recordings", Recording, [replace(empty(Recording), recording="r", seconds=2 * HOUR, samples=1)])
        run.now += (seconds := 73.0 if done.stage == "download" else 1.0)
        return Ended(0, "", cpu_seconds=seconds)

    followed = run.forecast.following(execute)
    followed(task("discover", {}, "discover"), run.forecast.display, Children())
    before = run.left
    outputs = {"artifacts": {"recordings": {"artifacts": [{"uri": str(tmp_path / "recordings")}]}}}
    followed(task("download", outputs, "for-loop-1-iteration-0/download"), run.forecast.display, Children())
    assert run.left == pytest.approx(722, rel=0.05) and before == pytest.approx(399, rel=0.05)
