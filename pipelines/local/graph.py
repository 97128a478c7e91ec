"""Runs the tasks of a graph side by side, where kfp.local runs one after the other."""

from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter
from typing import Any

from kfp.local import io, status
from kfp.local.orchestrator import enhanced_dag_orchestrator as orchestrator
from kfp.local.orchestrator.orchestrator_utils import OrchestratorUtils


def run_graph(
    *, dag_component_spec: Any, dag_arguments: dict[str, Any], parent_io_store: Any = None, **context: Any
) -> tuple[dict[str, Any], status.Status]:
    """Takes the place of kfp.local's `run_enhanced_dag`, whose arguments it has; our pipelines have no exit handlers.

    A task starts as soon as those that it depends on have ended. If one fails, those that depend on it do not run.
    """
    inputs = dag_component_spec.input_definitions
    arguments = OrchestratorUtils.join_user_inputs_and_defaults(dag_arguments=dag_arguments, dag_inputs_spec=inputs)
    store = io.IOStore(parent=parent_io_store)
    for name, value in arguments.items():
        store.put_parent_input(name, value)
    tasks = dict(dag_component_spec.dag.tasks)
    if not _run_all(tasks, store, context):
        return {}, status.Status.FAILURE
    outputs = OrchestratorUtils.get_dag_outputs(dag_outputs_spec=dag_component_spec.dag.outputs, io_store=store)
    return outputs, status.Status.SUCCESS


def _run_all(tasks: Mapping[str, Any], store: Any, context: Mapping[str, Any]) -> bool:
    """Runs the tasks of a graph; returns whether all succeeded."""
    order = TopologicalSorter({name: list(task.dependent_tasks) for name, task in tasks.items()})
    order.prepare()
    running: dict[Future[bool], str] = {}
    failed = False
    with ThreadPoolExecutor(max(1, len(tasks))) as threads:
        while True:
            running |= {threads.submit(_run, name, tasks[name], store, context): name for name in order.get_ready()}
            if not running:
                return not failed
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name = running.pop(future)
                if future.result():
                    order.done(name)
                else:
                    failed = True


def _run(name: str, task: Any, store: Any, context: Mapping[str, Any]) -> bool:
    """Runs a task, a loop, or a sub-pipeline and its condition; returns whether it succeeded."""
    condition = task.trigger_policy.condition
    if condition and not orchestrator.ConditionEvaluator.evaluate_condition(condition, store):
        return True
    arguments = {"task_name": name, "task_spec": task, "io_store": store, **context}
    if task.WhichOneof("iterator"):
        return not orchestrator._run_parallel_for_task(**arguments, parallel_executor=orchestrator.ParallelExecutor())
    outputs, state = orchestrator.execute_task(**arguments)
    if state == status.Status.FAILURE:
        context["fail_stack"].append(name)
        return False
    for key, output in outputs.items():
        store.put_task_output(name, key, output)
    return True


def stages_before(specification: Any) -> dict[str, frozenset[str]]:
    """Returns for each stage of a compiled pipeline all stages that end before it starts."""
    containers = {
        name: executor["container"]["command"][-1].removeprefix("components.")
        for name, executor in specification.deployment_spec["executors"].items()
        if "container" in executor
    }
    found: dict[str, set[str]] = {}

    def walk(dag: Any, before: frozenset[str]) -> frozenset[str]:
        """Adds the stages of a graph that begins after some stages; returns all that have ended with it."""
        tasks, ended = dag.tasks, dict[str, frozenset[str]]()
        for name in TopologicalSorter({name: list(task.dependent_tasks) for name, task in tasks.items()}).static_order():
            component = specification.components[tasks[name].component_ref.name]
            waited = before.union(*(ended[other] for other in tasks[name].dependent_tasks))
            stage = containers.get(component.executor_label, "")
            if stage:
                found.setdefault(stage, set()).update(waited)
            ended[name] = walk(component.dag, waited) if component.dag.tasks else waited | ({stage} - {""})
        return before.union(*ended.values())

    walk(specification.root.dag, frozenset())
    return {stage: frozenset(waited - {stage}) for stage, waited in found.items()}
