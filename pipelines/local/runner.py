"""Runs a pipeline on this machine: kfp.local orchestrates, executors of this project run the tasks.

kfp.local 2.17 handles some constructs of the pipelines wrongly; `_corrections` patches it during a run.
"""

import contextlib
import functools
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kfp import local
from kfp.local import io, logging_utils, placeholder_utils, status, subprocess_task_handler
from kfp.local.orchestrator import dag_orchestrator, enhanced_dag_orchestrator, task_spec_utils

from components.shared.task import MENDABLE
from pipelines.cluster.workflow import RunError, stage_name
from pipelines.local.display import Display
from pipelines.local.graph import run_graph
from pipelines.local.tasks import Children, Executor, Task, perform


class _Handler:
    """Replaces kfp.local's subprocess handler, in Docker runs as well."""

    def __init__(
        self,
        image: str,
        full_command: list[str],
        pipeline_root: str,
        runner: Any,
        env_vars: Any = None,
        *,
        execute: Executor,
        display: Display,
        children: Children,
    ) -> None:
        self._task, self._execute, self._display, self._children = Task(image, full_command), execute, display, children

    def run(self) -> status.Status:
        done = perform(self._task, self._execute, self._display, self._children)
        return status.Status.SUCCESS if done else status.Status.FAILURE


def run(pipeline: Any, arguments: Mapping[str, Any], *, root: Path, execute: Executor, run_id: str, jobs: int, display: Display) -> None:
    """Runs a pipeline to its end.

    Args:
        pipeline: A `@dsl.pipeline`.
        arguments: Its parameters.
        root: Folder for the artifacts of this and other runs, and for their cache.
        execute: Runs its tasks.
        run_id: Id of the run in the tables.
        jobs: Number of shards at a time.
        display: Shows the output of the stages.

    Raises:
        RunError: A stage failed.
        KeyboardInterrupt: The user interrupted the run; all its processes have ended.
    """
    children = Children()
    root.mkdir(parents=True, exist_ok=True)
    handler = functools.partial(_Handler, execute=execute, display=display, children=children)
    try:
        with children.ending_with_the_run(), _corrections(handler, run_id, jobs), _shown_cache_hits(display), warnings.catch_warnings():
            # kfp.local deletes its workspace after a run, so it gets none
            warnings.filterwarnings("ignore", message=".*settings .* have no effect in the current local runner", category=UserWarning)
            local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(root), enable_caching=True)
            pipeline(**arguments)
    except RuntimeError as error:
        failed = [f"{task}: {message}" for task, message in display.errors.items()]
        mendable = bool(children.failures) and set(children.failures) == {MENDABLE}
        raise RunError("\n".join(failed) or str(error), mendable) from None
    finally:
        local.config.LocalExecutionConfig.instance = None  # otherwise a component called later would run instead of being compiled


@contextlib.contextmanager
def _shown_cache_hits(display: Display) -> Iterator[None]:
    """Shows cache hits, which kfp.local only logs."""

    class Hits(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if hit := re.match(r"Task (?:\x1b\[\S*?m)?'?([\w-]+).* cache hit", record.getMessage()):
                display.line(stage_name(hit[1]), "taken from the cache")

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
        """Loop items and conditions: kfp.local recognizes a task's output only if its name is "Output"."""
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
        """Loop bodies: kfp.local replaces every parameter from another task with the loop's item."""
        spec = create_iteration(original, item, loop_task_name)
        for name, value in original.inputs.parameters.items():
            if name != original.parameter_iterator.item_input and value.HasField("task_output_parameter"):
                spec.inputs.parameters[name].CopyFrom(value)
        return spec

    class Executor(enhanced_dag_orchestrator.ParallelExecutor):
        """Loops: kfp.local always runs two iterations at a time; the pipeline's own limit is for clusters."""

        def __init__(self, max_workers: int | None = None) -> None:
            super().__init__(max_workers)
            self.conservative_max = self.max_workers = jobs

    patches: list[tuple[Any, str, Any]] = [
        (subprocess_task_handler, "SubprocessTaskHandler", handler),
        (placeholder_utils, "make_random_id", lambda: run_id),
        (io.IOStore, "get_parent_input", parent_input_or_output),
        (task_spec_utils, "create_parameter_loop_iteration_task_spec", iteration_with_outputs),
        (enhanced_dag_orchestrator, "ParallelExecutor", Executor),
        (enhanced_dag_orchestrator, "run_enhanced_dag", run_graph),
        (dag_orchestrator, "run_dag", run_graph),
        # these replace the process's log handlers and print() from several threads at once
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
