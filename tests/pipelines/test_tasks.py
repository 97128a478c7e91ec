"""Tasks of runs on this machine: time limits, changed code, and what is left when a run is interrupted."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
from rich.console import Console

from components.cut.component import cut
from components.deployment import Deployment, deployed
from components.shared.task import MENDABLE
from pipelines.cluster.workflow import RunError
from pipelines.local import embedded, tasks
from pipelines.local.display import Display
from pipelines.local.embedded import Program
from pipelines.local.tasks import Children, Task, perform

IMAGE = "example/cut:1"
WORK = "print('at work', flush=True); time.sleep(600)"
OBEYING = f"import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit('asked to end')); {WORK}"
DEAF = f"import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WORK}"


def task(folder: Path, code: str) -> Task:
    return Task(IMAGE, ["python", "-c", code, json.dumps({"outputs": {"outputFile": str(folder / "output.json")}})])


def performed(folder: Path, code: str, hours: float = 1.0, image: Callable[[], str] = lambda: IMAGE) -> tuple[bool, list[str], Children]:
    """Performs a task; returns whether it succeeded, the lines that it showed, and the children."""
    shown, children = io.StringIO(), Children()
    execute = embedded.executor({IMAGE: Program(Path(sys.executable), hours, image)})
    done = perform(task(folder, code), execute, Display(Console(file=shown, soft_wrap=True)), children)
    return done, [line.partition("| ")[2] for line in shown.getvalue().splitlines()], children


@pytest.mark.parametrize(("code", "said"), [(OBEYING, ["at work", "asked to end"]), (DEAF, ["at work"])], ids=["obeying", "deaf"])
def test_a_task_is_ended_at_the_limit_of_its_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, said: list[str]) -> None:
    monkeypatch.setattr(tasks, "GRACE_SECONDS", 1.0)
    done, lines, children = performed(tmp_path, code, hours=0.002)
    assert not done and children.failures != [MENDABLE], "its recordings may be the cause"
    assert lines == [
        *said,
        "error: expected cut to end within 0.002 hours, the limit of the stage, found it still at work: "
        "let a shard hold less audio (discover_shard_seconds), or raise timeout_hours in components/cut/component.py",
    ]


def test_a_task_within_its_limit_is_left_alone(tmp_path: Path) -> None:
    assert performed(tmp_path, "print('done')")[:2] == (True, ["done"])


def test_a_task_of_changed_code_does_not_start(tmp_path: Path) -> None:
    """Its results would be kept under the name of the code before."""
    done, lines, children = performed(tmp_path, "print('done')", image=lambda: "example/cut:2")
    assert (done, children.failures) == (False, [MENDABLE])
    assert lines == ["error: expected the code of cut as it was when this run began, found it changed: start the run again"]


def test_a_program_knows_the_image_of_the_present_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = tmp_path / "cut.py"
    code.write_text("before")
    monkeypatch.setattr("pipelines.local.environments.ensure", lambda _: Path(sys.executable))
    monkeypatch.setattr("components.deployment.ROOT", tmp_path)
    monkeypatch.setattr("components.deployment.contents", lambda *_: [code])
    with deployed(Deployment(registry="example.org/")):
        own, before = embedded.program(cut), cut.image
    assert own.image() == before
    code.write_text("after")
    assert own.image() != before and own.image().startswith("example.org/")


class SlowlyStarted(subprocess.Popen):  # type: ignore[type-arg]
    """A process that exists before its start is complete: `meanwhile` runs in between."""

    meanwhile: Callable[[], object] = staticmethod(lambda: None)
    all: ClassVar[list[subprocess.Popen[str]]] = []

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[call-overload]
        SlowlyStarted.all.append(self)
        SlowlyStarted.meanwhile()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[str]]:
    """The processes that start slowly. Only SIGTERM ends them, since SIGKILL would come after the test."""
    monkeypatch.setattr(tasks, "GRACE_SECONDS", 3600.0)
    monkeypatch.setattr(subprocess, "Popen", SlowlyStarted)
    monkeypatch.setattr(SlowlyStarted, "all", [])
    return SlowlyStarted.all


def test_a_task_that_starts_while_the_run_ends_is_asked_to_end(
    tmp_path: Path, started: list[subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    children, stopping = Children(), threading.Event()
    stopper = threading.Thread(target=lambda: (stopping.set(), children.stop()))

    def meanwhile() -> None:
        stopper.start()
        stopping.wait()
        stopper.join(0.5)  # stop() waits for the process that starts

    monkeypatch.setattr(SlowlyStarted, "meanwhile", staticmethod(meanwhile))
    with pytest.raises(RunError, match="the run is ending"), children.start([sys.executable, "-c", OBEYING], os.environ) as process:
        process.wait()
    stopper.join()
    assert [p.returncode in (1, -signal.SIGTERM) for p in started] == [True]
    with pytest.raises(RunError, match="the run is ending"), children.start([sys.executable, "-c", OBEYING], os.environ):
        pass
    assert len(started) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_a_task_starts_ends_that_task(
    tmp_path: Path, started: list[subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.setattr(SlowlyStarted, "meanwhile", staticmethod(lambda: signal.raise_signal(number)))
    children = Children()
    with (
        pytest.raises(KeyboardInterrupt),
        children.ending_with_the_run(),
        children.start([sys.executable, "-c", OBEYING], os.environ),
    ):
        pytest.fail("the run went on")
    (process,) = started
    assert process.wait() in (1, -signal.SIGTERM)


def test_a_program_that_cannot_start_does_not_hide_an_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGINT)
        raise OSError("no program")

    monkeypatch.setattr(subprocess, "Popen", fail)
    children = Children()
    with pytest.raises(KeyboardInterrupt), children.ending_with_the_run(), children.start(["none"], os.environ):
        pass
    assert children.stopped
