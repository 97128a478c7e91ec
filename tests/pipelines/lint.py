"""What the compiler of pipelines lets through, and a cluster refuses, gets wrong or waits for without end.

Each check stands for something that Kubeflow Pipelines 2.17 did: its driver's checks of types and lists, and pods that hang.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml
from google.protobuf import json_format
from kfp.kubernetes import kubernetes_executor_config_pb2 as kubernetes_pb
from kfp.pipeline_spec import pipeline_spec_pb2 as pb

_TYPE = pb.ParameterType.ParameterTypeEnum
_NUMBERS = {_TYPE.NUMBER_INTEGER, _TYPE.NUMBER_DOUBLE}
_OUTPUT_FILE = "{{$.outputs.output_file}}"
_CONDITION_INPUT = re.compile(r"inputs\.parameter_values\['([^']+)'\]")
_TEXT_IN_CONDITION = re.compile(r"(?:==|!=|[<>]=?|&&|\|\|)\s*'(.*)'\s*$")


def lint(compiled: str) -> list[str]:
    """What is wrong with a compiled pipeline: the spec and, after `---`, the platform's part of it; nothing if it is sound."""
    documents = list(yaml.safe_load_all(compiled))
    platform = documents[1] if len(documents) > 1 else {}
    try:
        spec = json_format.ParseDict(documents[0], pb.PipelineSpec())
        json_format.ParseDict(platform, pb.PlatformSpec())
        executors = platform.get("platforms", {}).get("kubernetes", {}).get("deploymentSpec", {}).get("executors", {})
        settings = {name: json_format.ParseDict(e, kubernetes_pb.KubernetesExecutorConfig()) for name, e in executors.items()}
    except json_format.ParseError as error:
        return [f"not understood: {error}"]
    return [*_Graph(spec).faults(), *_container_faults(spec), *_pod_faults(settings)]


class _Graph:
    """Checks of what passes between tasks."""

    def __init__(self, spec: Any) -> None:
        self._components, self._root = spec.components, spec.root
        self._importers = {
            name
            for name, executor in spec.deployment_spec.fields["executors"].struct_value.fields.items()
            if "importer" in executor.struct_value.fields
        }

    def faults(self) -> Iterator[str]:
        yield from self._dag("root", self._root, conditional=False)

    def _dag(self, path: str, component: Any, conditional: bool) -> Iterator[str]:
        for name, task in component.dag.tasks.items():
            inner, where = self._components[task.component_ref.name], f"{path}/{name}"
            yield from self._parameters(where, task, component)
            yield from self._artifacts(where, task, inner)
            yield from self._loop(where, task, inner)
            yield from self._condition(where, task)
            if inner.executor_label in self._importers and task.task_info.name != name:
                yield f"{where}: an importer that is shown as {task.task_info.name}: no driver finds what it imports"
            if not conditional and (source := self._collected_input(task, component)):
                yield f"{where}: takes what all iterations of {source} made, under no condition: its driver fails after an empty loop"
            if inner.WhichOneof("implementation") == "dag":
                yield from self._dag(where, inner, conditional or bool(task.trigger_policy.condition))

    def _parameters(self, where: str, task: Any, component: Any) -> Iterator[str]:
        inner = self._components[task.component_ref.name]
        for name, source in task.inputs.parameters.items():
            wanted, given = inner.input_definitions.parameters[name].parameter_type, self._type(source, component)
            fits = wanted in (given, _TYPE.STRING) or {wanted, given} <= _NUMBERS
            if given is not None and not fits:
                yield f"{where}: parameter {name} wants {_TYPE.Name(wanted)}, gets {_TYPE.Name(given)}: the driver refuses it"

    def _type(self, source: Any, component: Any) -> int | None:
        """The type of what a parameter is given, where it comes from a task or from outside as it is."""
        if source.parameter_expression_selector:
            return None
        if source.WhichOneof("kind") == "component_input_parameter":
            return component.input_definitions.parameters[source.component_input_parameter].parameter_type
        if source.WhichOneof("kind") == "task_output_parameter":
            output = source.task_output_parameter
            producer = self._components[component.dag.tasks[output.producer_task].component_ref.name]
            return producer.output_definitions.parameters[output.output_parameter_key].parameter_type
        return None

    def _artifacts(self, where: str, task: Any, inner: Any) -> Iterator[str]:
        for name in task.inputs.artifacts:
            if inner.WhichOneof("implementation") == "dag" and inner.input_definitions.artifacts[name].is_artifact_list:
                yield f"{where}: a list of artifacts, {name}, goes into a sub-pipeline, a loop or a condition: one of them arrives"

    def _loop(self, where: str, task: Any, inner: Any) -> Iterator[str]:
        if task.WhichOneof("iterator") == "artifact_iterator":
            yield f"{where}: a loop over artifacts, which Kubeflow has not"
        if task.WhichOneof("iterator") != "parameter_iterator":
            return
        if not task.iterator_policy.parallelism_limit:
            yield f"{where}: a loop without parallelism: all iterations at once"
        items = task.parameter_iterator.items.input_parameter
        for name, used in inner.dag.tasks.items() if items else ():
            if any(source.component_input_parameter == items for source in used.inputs.parameters.values()):
                yield f"{where}/{name}: takes the list that its loop runs over: its driver does not find it"

    def _condition(self, where: str, task: Any) -> Iterator[str]:
        condition = task.trigger_policy.condition
        for name in set(_CONDITION_INPUT.findall(condition)) - set(task.inputs.parameters):
            yield f"{where}: its condition looks at {name}, which it does not get"
        if (text := _TEXT_IN_CONDITION.search(condition)) and "'" in text[1]:
            yield f"{where}: its condition compares with a text that holds a quote: {condition}"

    def _collected_input(self, task: Any, component: Any) -> str:
        """Name of the loop, or of what holds it, that a task takes a collected output of; empty if it takes none."""
        outputs = [(s.task_output_artifact, "output_artifact_key") for s in task.inputs.artifacts.values()]
        outputs += [(s.task_output_parameter, "output_parameter_key") for s in task.inputs.parameters.values()]
        for output, key in outputs:
            if output.producer_task and self._is_collected(output.producer_task, getattr(output, key), component):
                return str(output.producer_task)
        return ""

    def _is_collected(self, task: str, output: str, component: Any) -> bool:
        """Whether an output of a task, which is in a component, is a list with an entry an iteration."""
        producer = component.dag.tasks[task]
        if producer.WhichOneof("iterator"):
            return True
        inner = self._components[producer.component_ref.name]
        artifacts, parameters = inner.dag.outputs.artifacts, inner.dag.outputs.parameters
        sources = [(s.producer_subtask, s.output_artifact_key) for s in artifacts[output].artifact_selectors] if output in artifacts else []
        if output in parameters:
            one = parameters[output].value_from_parameter
            sources += [(one.producer_subtask, one.output_parameter_key)] if one.producer_subtask else []
        return any(self._is_collected(subtask, key, inner) for subtask, key in sources)


def _container_faults(spec: Any) -> Iterator[str]:
    for name, executor in json_format.MessageToDict(spec.deployment_spec).get("executors", {}).items():
        container = executor.get("container")
        if container is None:
            continue
        if not container.get("command"):
            yield f"{name}: no command, and on a cluster an image's ENTRYPOINT is not used"
        image = container["image"]
        if "@sha256:" not in image and ("{{" not in image) and (":" not in image.rpartition("/")[2] or image.endswith(":latest")):
            yield f"{name}: image {image} without a tag of its own: caches key on the name"
        if _OUTPUT_FILE in json.dumps([*container.get("command", ()), *container.get("args", ())]):
            yield f"{name}: {_OUTPUT_FILE} is replaced in local runs alone"


def _pod_faults(settings: dict[str, Any]) -> Iterator[str]:
    for name, pod in settings.items():
        sources = [
            (kind, s)
            for kind in ("secret_as_env", "secret_as_volume", "config_map_as_env", "config_map_as_volume")
            for s in getattr(pod, kind)
        ]
        for kind, source in sources:
            if not source.optional:
                yield f"{name}: {kind} is not optional: without it in the namespace the pod waits for ever"
