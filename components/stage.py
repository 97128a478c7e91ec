"""@stage: a function signature becomes a Kubeflow container component.

The one place that knows how an image is named, what a task may use, and how a stage's parameters become those of a
pipeline. It is the whole framework.
"""

import functools
import hashlib
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kfp import dsl

ROOT = Path(__file__).resolve().parent.parent


def image(name: str, store: bool) -> str:
    """Name of a stage's image. It ends in a hash of what the image holds, because caches key on the name.

    The registry is the environment's SPEECHMILL_REGISTRY, empty by default.
    """
    folders = [ROOT / "components" / "shared", ROOT / "components" / name] + [ROOT / "store"] * store
    files = sorted(p for folder in folders for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return os.environ.get("SPEECHMILL_REGISTRY", "") + f"speechmill/{name}:{digest.hexdigest()[:16]}"


class Stage:
    """A stage as pipelines use it: calling it makes a task. `settings` are its parameters with a default."""

    def __init__(self, declare: Callable[..., None], cpu: str, memory: str, gpu: int, store: bool, cached: bool) -> None:
        self.name, self.store = declare.__name__, store
        self.signature = inspect.signature(declare)
        self.settings = {n: p for n, p in self.signature.parameters.items() if p.default is not p.empty and p.default is not None}
        self.doc = inspect.getdoc(declare) or ""
        self.image = image(self.name, store)
        self._resources = cpu, memory, gpu
        self._cached = cached

        @functools.wraps(declare)
        def container(*_: Any) -> dsl.ContainerSpec:
            command = ["python", "-m", f"components.{self.name}"]
            return dsl.ContainerSpec(image=self.image, command=command, args=[dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER, self.image])

        container.__signature__ = self.signature.replace(return_annotation=dsl.ContainerSpec)  # type: ignore[attr-defined]
        self.component = dsl.container_component(container)

    def __call__(self, **arguments: Any) -> Any:
        cpu, memory, gpu = self._resources
        task = self.component(**arguments).set_cpu_request(cpu).set_memory_limit(memory)
        if gpu:
            task.set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(gpu)
        return task.set_caching_options(self._cached)


def stage(
    *, cpu: str = "1", memory: str = "2Gi", gpu: int = 0, store: bool = False, cached: bool = True
) -> Callable[[Callable[..., None]], Stage]:
    """Turns a signature without a body into a Stage.

    Args:
        cpu: CPU request, as Kubernetes writes it.
        memory: Memory limit, as Kubernetes writes it.
        gpu: Number of GPUs.
        store: Whether the image holds the `store` package, to read and write what outlives a run.
        cached: Whether a task with the same image, parameters and inputs is taken from the cache.
    """
    return lambda declare: Stage(declare, cpu, memory, gpu, store, cached)


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
        signature = inspect.signature(function)
        own = [p for p in signature.parameters.values() if p.name != "settings"]
        added = [p.replace(name=f"{s.name}_{n}") for s in stages for n, p in s.settings.items()]

        @functools.wraps(function)
        def pipeline(*args: Any) -> Any:  # kfp passes a channel for every parameter, in order
            return function(*args[: len(own)], settings=Settings(dict(zip([p.name for p in added], args[len(own) :], strict=True))))

        pipeline.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
        return pipeline

    return decorate
