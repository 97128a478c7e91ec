"""Runs a pipeline of stages on this machine: kfp.local's orchestration, each task in its stage's own environment.

kfp.local 2.17 gets some of our shapes wrong; `_corrections` puts that right for the time of one run and says what.
"""

import contextlib
import functools
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kfp import local
from kfp.local import io, logging_utils, placeholder_utils, status, subprocess_task_handler
from kfp.local.orchestrator import enhanced_dag_orchestrator, task_spec_utils

from components.shared.task import MENDABLE, StageError
from pipelines.display import Display

ROOT = Path(__file__).resolve().parent.parent
GRACE_SECONDS = 10.0


class RunError(StageError):
    """A stage failed; the message is the stage's own. It is mendable if no recording is to blame."""

    def __init__(self, message: str, mendable: bool = False) -> None:
        super().__init__(message)
        self.mendable = mendable


class Children:
    """The processes of a run. After stop() they are ended and no new one starts."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # stop() is called from a signal handler
        self._live: set[subprocess.Popen[str]] = set()
        self.stopped = False
        self.failures: list[int] = []
        """Exit statuses of those that failed."""

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
                start_new_session=True,  # a stage's own children end with it
            )
            self._live.add(process)
        try:
            yield process
        finally:
            self._live.discard(process)
        if self.stopped:
            raise RunError("the run is ending")  # kfp.local must not try the task again

    @contextlib.contextmanager
    def ending_with_the_run(self) -> Iterator[None]:
        """Ends them when a person ends the run: Ctrl-C, a closed terminal, or SIGTERM."""

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


def environment_of(python: Path) -> dict[str, str]:
    """The environment variables of a stage's process: its own packages first, this repository as its code."""
    dropped = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
    inherited = {k: v for k, v in os.environ.items() if k not in dropped}
    return inherited | {
        "PATH": f"{python.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": str(ROOT),
        "PYTHONSAFEPATH": "1",  # the folder that a person stands in is not code
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONNOUSERSITE": "1",
    }


def stage_of(image: str) -> str:
    """Name of the stage of an image."""
    return image.rpartition("/")[2].partition(":")[0]


def execute(command: Sequence[str], python: Path, name: str, display: Display, children: Children) -> int:
    """Runs a stage's command in its environment, shows its lines, returns its exit status (negative: the signal that ended it)."""
    environment = environment_of(python) | ({"SPEECHMILL_PROGRESS_SECONDS": "0.5"} if display.live else {})
    command = _with_input_in_a_file(command)
    program = shutil.which(command[0], path=environment["PATH"])
    if program is None:
        raise RunError(f"{name}: expected the program {command[0]} in its environment, found none")
    last = ""
    with children.start([program, *command[1:]], environment) as process:
        assert process.stdout
        for line in process.stdout:
            display.line(name, line)
            last = line.strip() or last
        code = process.wait()
    display.ended(name)
    if code < 0:
        display.line(name, f"error: ended by signal {-code} ({signal.Signals(-code).name})")
    if code:
        children.failures.append(code)
    if code > 0 and name not in display.errors:
        display.line(name, f"error: ended with status {code}: {last}")
    return code


def _with_input_in_a_file(command: Sequence[str]) -> list[str]:
    """Linux takes arguments of at most 128 KiB, and shows them to everybody: the executor input goes through a file."""
    task = json.loads(command[3])
    path = Path(task["outputs"]["outputFile"]).with_name("executor_input.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(command[3], encoding="utf-8")
    return [*command[:3], f"@{path}", *command[4:]]


class _Handler:
    """Takes the place of kfp.local's subprocess handler."""

    def __init__(
        self,
        image: str,
        full_command: list[str],
        pipeline_root: str,
        runner: Any,
        env_vars: Any = None,
        *,
        pythons: Mapping[str, Path],
        display: Display,
        children: Children,
    ) -> None:
        self._command, self._display, self._children = full_command, display, children
        self._python = pythons[image]
        self._name = _task_name(stage_of(image), full_command)

    def run(self) -> status.Status:
        code = execute(self._command, self._python, self._name, self._display, self._children)
        return status.Status.SUCCESS if code == 0 else status.Status.FAILURE


def _task_name(stage: str, command: Sequence[str]) -> str:
    """The stage's name, with the number of its shard where it works on one of several."""
    output_file = json.loads(command[3])["outputs"]["outputFile"]
    iteration = re.search(r"iteration-(\d+)", output_file)
    return f"{stage} {int(iteration[1]) + 1}" if iteration else stage


def run(
    pipeline: Any, arguments: Mapping[str, Any], *, root: Path, pythons: Mapping[str, Path], run_id: str, jobs: int, display: Display
) -> None:
    """Runs a pipeline to its end.

    Args:
        pipeline: A `@dsl.pipeline`.
        arguments: Its parameters.
        root: Folder for the artifacts of this and other runs, and for their cache.
        pythons: The Python that stands in for each image.
        run_id: What the run is called in the tables.
        jobs: Shards at a time.
        display: Shows what the stages print.

    Raises:
        RunError: A stage failed.
        KeyboardInterrupt: A person ended the run; every process of it has ended as well.
    """
    children = Children()
    root.mkdir(parents=True, exist_ok=True)
    handler = functools.partial(_Handler, pythons=pythons, display=display, children=children)
    try:
        with children.ending_with_the_run(), _corrections(handler, run_id, jobs), _shown_cache_hits(display), warnings.catch_warnings():
            # kfp.local deletes its workspace after a run: it gets none of ours
            warnings.filterwarnings("ignore", message=".*settings .* have no effect in the current local runner", category=UserWarning)
            local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(root), enable_caching=True)
            pipeline(**arguments)
    except RuntimeError as error:
        failed = [f"{task}: {message}" for task, message in display.errors.items()]
        mendable = bool(children.failures) and set(children.failures) == {MENDABLE}
        raise RunError("\n".join(failed) or str(error), mendable) from None
    finally:
        local.config.LocalExecutionConfig.instance = None  # or a component called later would run instead of being compiled


@contextlib.contextmanager
def _shown_cache_hits(display: Display) -> Iterator[None]:
    """kfp.local says it in its log only."""

    class Hits(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if hit := re.match(r"Task (?:\x1b\[\S*?m)?'?([\w-]+).* cache hit", record.getMessage()):
                display.line(hit[1], "taken from the cache")

    root, hits = logging.getLogger(), Hits()
    level = root.level
    root.addHandler(hits)
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(hits)


@contextlib.contextmanager
def _corrections(handler: Callable[..., Any], run_id: str, jobs: int) -> Iterator[None]:
    get_parent_input = io.IOStore.get_parent_input

    def parent_input_or_output(self: Any, key: str) -> Any:
        """Loop items and conditions: kfp.local recognizes a task's output only when it is called "Output"."""
        try:
            return get_parent_input(self, key)
        except ValueError:
            name, scope = key.removeprefix("pipelinechannel--"), self
            while scope is not None:
                for task, outputs in scope._task_output_data.items():
                    for output, value in outputs.items():
                        if name == f"{task}-{output}":
                            return value
                scope = scope._parent
            raise

    create_iteration = task_spec_utils.create_parameter_loop_iteration_task_spec

    def iteration_with_outputs(original: Any, item: Any, loop_task_name: Any) -> Any:
        """Loop bodies: kfp.local overwrites every parameter that comes from another task by the loop's item."""
        spec = create_iteration(original, item, loop_task_name)
        for name, value in original.inputs.parameters.items():
            if name != original.parameter_iterator.item_input and value.HasField("task_output_parameter"):
                spec.inputs.parameters[name].CopyFrom(value)
        return spec

    class Executor(enhanced_dag_orchestrator.ParallelExecutor):
        """Loops: kfp.local runs two iterations at a time, whatever is asked for; the pipeline's own limit is a cluster's."""

        def __init__(self, max_workers: int | None = None) -> None:
            super().__init__(max_workers)
            self.conservative_max = self.max_workers = jobs

    patches: list[tuple[Any, str, Any]] = [
        (subprocess_task_handler, "SubprocessTaskHandler", handler),
        (placeholder_utils, "make_random_id", lambda: run_id),
        (io.IOStore, "get_parent_input", parent_input_or_output),
        (task_spec_utils, "create_parameter_loop_iteration_task_spec", iteration_with_outputs),
        (enhanced_dag_orchestrator, "ParallelExecutor", Executor),
        # these swap the process's log handlers and print() from several threads at once
        (logging_utils, "local_logger_context", contextlib.nullcontext),
        (logging_utils, "indented_print", contextlib.nullcontext),
        (logging_utils, "print_horizontal_line", lambda: None),
    ]
    saved = [(owner, name, getattr(owner, name)) for owner, name, _ in patches]
    try:
        for owner, name, value in patches:
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in saved:
            setattr(owner, name, value)
