"""@stage turns a function signature into a Kubeflow component; the settings of stages become parameters of pipelines.

With components/deployment.py it is the whole framework.
"""

import functools
import inspect
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Literal, get_args, get_origin

from kfp import dsl

from components.deployment import Needs, configure, current, image, run_limits


class Stage:
    """A stage in a pipeline; calling it makes a task. `settings` are the parameters with defaults."""

    def __init__(self, declare: Callable[..., None], needs: Needs) -> None:
        self.name, self._needs = declare.__name__, needs
        self.signature = inspect.signature(declare)
        self.settings = {n: p for n, p in self.signature.parameters.items() if p.default is not p.empty and p.default is not None}
        self.doc = inspect.getdoc(declare) or ""
        self._declare = declare

    @property
    def needs(self) -> Needs:
        """Resources of its tasks in the current deployment."""
        if not self._needs.azure:
            return self._needs
        return replace(self._needs, internet=True) if current().azure else replace(self._needs, secrets={})

    @property
    def image(self) -> str:
        """Name of its image in the current deployment."""
        return image(self.name, bool(self.needs.store))

    @property
    def component(self) -> Any:
        """Its kfp component, with its image in the current deployment."""
        name = self.image

        @functools.wraps(self._declare)
        def container(*_: Any) -> dsl.ContainerSpec:
            command = ["python", "-m", f"components.{self.name}"]
            return dsl.ContainerSpec(image=name, command=command, args=[dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER, name])

        container.__doc__ = self.doc.partition("\n\n")[0]  # kfp would copy the help of all parameters into every pod
        parameters = [_plain(p) for p in self.signature.parameters.values()]
        container.__signature__ = inspect.Signature(parameters, return_annotation=dsl.ContainerSpec)  # type: ignore[attr-defined]
        return dsl.container_component(container)

    def __call__(self, **arguments: Any) -> Any:
        needs, task = self.needs, self.component(**arguments)
        task.set_cpu_request(needs.cpu).set_cpu_limit(needs.cpu_limit)
        task.set_memory_request(needs.memory).set_memory_limit(needs.memory)
        configure(task, self.name, needs)
        return task.set_caching_options(needs.cached)


def stage(**needs: Any) -> Callable[[Callable[..., None]], Stage]:
    """Returns a decorator that turns a signature without a body into a Stage. It takes the fields of `Needs`."""
    return lambda declare: Stage(declare, Needs(**needs))


def choices(parameter: inspect.Parameter) -> tuple[Any, ...]:
    """Returns the allowed values of a parameter: of its Literal, or of a bool; empty if it has no fixed choice."""
    if get_origin(parameter.annotation) is Literal:
        return get_args(parameter.annotation)
    return (True, False) if parameter.annotation is bool else ()


def _plain(parameter: inspect.Parameter) -> inspect.Parameter:
    """Replaces a Literal, which kfp's compiler refuses, by str."""
    return parameter.replace(annotation=str) if get_origin(parameter.annotation) is Literal else parameter


class Settings:
    """The values of a pipeline's settings."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given

    def __call__(self, stage: Stage) -> dict[str, Any]:
        """Returns the arguments of one stage by their names in its signature."""
        return {name: self._given[f"{stage.name}_{name}"] for name in stage.settings}

    def of(self, *stages: Stage) -> dict[str, Any]:
        """Returns the arguments of several stages by their pipeline names, for a sub-pipeline."""
        return {f"{stage.name}_{name}": value for stage in stages for name, value in self(stage).items()}


def settings_of(*stages: Stage) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds the settings of these stages to a pipeline function, as parameters `<stage>_<setting>`.

    The decorated function receives them as one argument, `settings: Settings`.
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
    """Returns a decorator that makes a pipeline of a function and these stages' settings (`settings_of`).

    Kubeflow's form shows a drop-down for each parameter with a fixed choice, and Kubeflow refuses other
    values. Both read `literals` of the compiled pipeline, which kfp's compiler does not write. Azure is
    a choice only in deployments with Azure.
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
    """Returns a pipeline function's own parameters, and the parameters of these stages' settings."""
    own = [p for p in inspect.signature(function).parameters.values() if p.name != "settings"]
    return own, [p.replace(name=f"{s.name}_{n}") for s in stages for n, p in s.settings.items()]
