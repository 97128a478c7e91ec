"""@stage: a function signature becomes a Kubeflow container component.

The one place that knows what a task may use, and how a stage's parameters become those of a pipeline. With
components/deployment.py it is the whole framework.
"""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal, get_args, get_origin

from kfp import dsl

from components.deployment import Needs, configure, current, image, run_limits


class Stage:
    """A stage as pipelines use it: calling it makes a task. `settings` are its parameters with a default."""

    def __init__(self, declare: Callable[..., None], needs: Needs) -> None:
        self.name, self._needs = declare.__name__, needs
        self.signature = inspect.signature(declare)
        self.settings = {n: p for n, p in self.signature.parameters.items() if p.default is not p.empty and p.default is not None}
        self.doc = inspect.getdoc(declare) or ""
        self._declare = declare

    @property
    def needs(self) -> Needs:
        """What its tasks use in the current deployment."""
        if not self._needs.azure:
            return self._needs
        return replace(self._needs, internet=True) if current().azure else replace(self._needs, secrets={})

    @property
    def image(self) -> str:
        """Name of its image in the current deployment."""
        return image(self.name, bool(self.needs.store))

    @property
    def component(self) -> Any:
        """Its component of kfp, with its image in the current deployment."""
        name = self.image

        @functools.wraps(self._declare)
        def container(*_: Any) -> dsl.ContainerSpec:
            command = ["python", "-m", f"components.{self.name}"]
            return dsl.ContainerSpec(image=name, command=command, args=[dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER, name])

        container.__doc__ = self.doc.partition("\n\n")[0]  # kfp copies what explains a parameter into every pod, where nobody reads it
        parameters = [_plain(p) for p in self.signature.parameters.values()]
        container.__signature__ = inspect.Signature(parameters, return_annotation=dsl.ContainerSpec)  # type: ignore[attr-defined]
        return dsl.container_component(container)

    def __call__(self, **arguments: Any) -> Any:
        needs, task = self.needs, self.component(**arguments)
        task.set_cpu_request(needs.cpu).set_cpu_limit(needs.cpu_limit)
        task.set_memory_request(needs.memory).set_memory_limit(needs.memory)
        configure(task, self.name, needs)
        return task.set_caching_options(needs.cached)


def stage(
    *,
    cpu: str = "250m",
    cpu_limit: str = "1",
    memory: str = "1Gi",
    gpu: int = 0,
    store: str = "",
    internet: bool = False,
    azure: bool = False,
    timeout_hours: int = 12,
    cached: bool = True,
    secrets: Mapping[str, Mapping[str, str]] | None = None,
) -> Callable[[Callable[..., None]], Stage]:
    """Turns a signature without a body into a Stage.

    Args:
        cpu: CPU that a node must have free, as Kubernetes writes it.
        cpu_limit: CPU that a task gets at most.
        memory: Memory that a node must have free, and that a task gets at most.
        gpu: Number of GPUs that it can use; asked for where the deployment has GPUs.
        store: The user of the store that it works as, publisher, runner or reader, to reach what outlives a run; its image then holds the
            `store` package.
        internet: Whether it fetches from outside. A stage without it and without the store has no network.
        azure: Whether one of its engines is Azure's, for which alone it has the internet and its secrets: in deployments with Azure.
        timeout_hours: When a task's pod is ended.
        cached: Whether a task with the same image, parameters and inputs is taken from the cache.
        secrets: Kubernetes secrets it can do without: name, then key to environment variable.
    """
    needs = Needs(cpu, cpu_limit, memory, gpu, store, internet, azure, timeout_hours, cached, secrets or {})
    return lambda declare: Stage(declare, needs)


def choices(parameter: inspect.Parameter) -> tuple[Any, ...]:
    """The values that a parameter may have: those of its Literal, True and False for a bool. Empty where any value may be given."""
    if get_origin(parameter.annotation) is Literal:
        return get_args(parameter.annotation)
    return (True, False) if parameter.annotation is bool else ()


def _plain(parameter: inspect.Parameter) -> inspect.Parameter:
    """The parameter as kfp's compiler takes it, which refuses a Literal: a text."""
    return parameter.replace(annotation=str) if get_origin(parameter.annotation) is Literal else parameter


class Settings:
    """The settings that a pipeline was given."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given

    def __call__(self, stage: Stage) -> dict[str, Any]:
        """The arguments of one stage, under their names in its signature."""
        return {name: self._given[f"{stage.name}_{name}"] for name in stage.settings}

    def of(self, *stages: Stage) -> dict[str, Any]:
        """The arguments of several stages under their names in a pipeline, to pass on to a sub-pipeline."""
        return {f"{stage.name}_{name}": value for stage in stages for name, value in self(stage).items()}


def settings_of(*stages: Stage) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Gives a pipeline function the settings of these stages as parameters named `<stage>_<setting>`.

    The function itself takes them as one argument, `settings: Settings`.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        own, added = _parameters(function, stages)

        @functools.wraps(function)
        def pipeline(*args: Any) -> Any:  # kfp passes a channel for every parameter, in order
            return function(*args[: len(own)], settings=Settings(dict(zip([p.name for p in added], args[len(own) :], strict=True))))

        parameters = [_plain(p) for p in [*own, *added]]
        pipeline.__signature__ = inspect.signature(function).replace(parameters=parameters)  # type: ignore[attr-defined]
        return pipeline

    return decorate


def pipeline_of(*stages: Stage, name: str, description: str) -> Callable[[Callable[..., Any]], Any]:
    """Makes a function a pipeline with the settings of these stages, as settings_of gives them, for the current deployment.

    Kubeflow's form shows a drop-down for every parameter with a fixed choice, and Kubeflow refuses another value. Both read
    `literals` of the compiled pipeline, which kfp's compiler does not write. Azure is a choice in deployments with Azure.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        made = dsl.pipeline(name=name, description=description, pipeline_config=run_limits())(settings_of(*stages)(function))
        specifications = made.pipeline_spec.root.input_definitions.parameters
        for parameter in [p for group in _parameters(function, stages) for p in group]:
            for value in [v for v in choices(parameter) if v != "azure" or current().azure]:
                specifications[parameter.name].literals.add(**{"bool_value" if isinstance(value, bool) else "string_value": value})
        return made

    return decorate


def _parameters(function: Callable[..., Any], stages: Iterable[Stage]) -> tuple[list[inspect.Parameter], list[inspect.Parameter]]:
    """A pipeline function's own parameters, and those that these stages' settings are in it."""
    own = [p for p in inspect.signature(function).parameters.values() if p.name != "settings"]
    return own, [p.replace(name=f"{s.name}_{n}") for s in stages for n, p in s.settings.items()]
