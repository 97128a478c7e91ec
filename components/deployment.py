"""The place where tasks run: its image registry, GPU and Azure, and the options of each pod."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kfp import dsl, kubernetes

ROOT = Path(__file__).resolve().parent.parent
USER_ID = 10001
"""User id of containers; also in dockerfiles/base.Dockerfile."""

_STORE_CONFIG = "speechmill-store"
"""ConfigMap in the run's namespace (manifests/). The Secret of a store user is speechmill-<user>."""


@dataclass(frozen=True)
class Deployment:
    """The differences between places that run the same pipeline."""

    registry: str = ""
    """Prefix of image names, with its slash; empty for images on this machine."""
    gpu: bool = False
    """Whether stages that can use a GPU request one."""
    azure: bool = False
    """Whether stages with an Azure engine get the internet and the key of Azure."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of the pods of all stages, such as Kueue's queue."""
    deadline_hours: float = 0.0
    """Time limit of a run, in hours; 0 means no limit."""
    ttl_hours: float = 0.0
    """Hours that Kubernetes keeps the object of a run that has ended; 0 means the cluster's own setting."""


@dataclass(frozen=True, kw_only=True)
class Needs:
    """Resources of a stage's tasks, as @stage takes them. CPU and memory are in Kubernetes notation."""

    cpu: str = "250m"
    """CPU request."""
    cpu_limit: str = "1"
    memory: str = "1Gi"
    """Memory request and limit."""
    gpu: int = 0
    """Number of GPUs that a task can use; requested if the deployment has GPUs."""
    store: str = ""
    """Store user: publisher, runner or reader. The image then holds the `store` package."""
    internet: bool = False
    """Whether it needs the internet. Without internet and store it has no network."""
    azure: bool = False
    """Whether it has an Azure engine: internet and secrets only if the deployment has Azure."""
    timeout_hours: float = 12
    """Time limit of a task, in hours."""
    cached: bool = True
    """Whether a task with the same image, parameters and inputs is a cache hit."""
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Optional Kubernetes secrets: name, then key to environment variable."""


LOCAL = Deployment()
"""This machine without a GPU, with the images that were built on it."""

_current: ContextVar[Deployment] = ContextVar("deployment", default=LOCAL)


@contextmanager
def deployed(deployment: Deployment) -> Iterator[None]:
    """Makes this the current deployment inside the `with` block."""
    token = _current.set(deployment)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Deployment:
    """Returns the current deployment."""
    return _current.get()


def pins(name: str, gpu: bool) -> Path:
    """Returns the path of a stage's pins: requirements.gpu.txt if `gpu` and it exists, else requirements.txt."""
    folder = ROOT / "components" / name
    own = folder / "requirements.gpu.txt"
    return own if gpu and own.exists() else folder / "requirements.txt"


def contents(name: str, store: bool, gpu: bool) -> list[Path]:
    """Lists the files of a stage's image, sorted: what .dockerignore admits, its pins, the recipes."""
    own = ROOT / "components" / name
    folders = [ROOT / "components" / "shared", own] + [ROOT / "store"] * store
    files = {p for folder in folders for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts and p.suffix != ".in"}
    unused = {own / "component.py", *own.glob("overrides*.txt"), *own.glob("requirements*.txt")} - {pins(name, gpu)}
    recipes = {ROOT / "dockerfiles" / recipe for recipe in ("base.Dockerfile", "install.sh", "stage.Dockerfile")}
    return sorted((files | recipes | {ROOT / "components" / "__init__.py"}) - unused)


def image(name: str, store: bool) -> str:
    """Returns the name of a stage's image. It ends in a hash of the files, because caches key on it."""
    return image_of(name, contents(name, store, current().gpu))


def image_of(name: str, files: Iterable[Path], parent: str = "") -> str:
    """Returns the name of an image, with a hash of these project files and of its parent image."""
    digest = hashlib.sha256(parent.rpartition(":")[2].encode())
    for path in files:
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return f"{current().registry}speechmill/{name}:{digest.hexdigest()[:16]}"


def run_limits() -> dsl.PipelineConfig:
    """Returns the deadline and the time to live of runs in the current deployment; local runs ignore them."""
    deadline, ttl = (round(hours * 3600) or None for hours in (current().deadline_hours, current().ttl_hours))
    return dsl.PipelineConfig(
        active_deadline_seconds=deadline,
        ttl_seconds_after_finished=ttl,
        ttl_seconds_after_success=ttl,  # Kubeflow's manifests set these two to an hour, and Argo prefers them
        ttl_seconds_after_failure=ttl,
    )


def configure(task: Any, name: str, needs: Needs) -> None:
    """Sets the pod options of a stage's task; local runs ignore them."""
    for key, value in current().labels.items():
        kubernetes.add_pod_label(task, key, value)
    kubernetes.add_pod_label(task, "speechmill/stage", name)
    kubernetes.add_pod_label(task, "speechmill/network", "internet" if needs.internet else "store" if needs.store else "none")
    kubernetes.set_timeout(task, round(needs.timeout_hours * 3600))
    kubernetes.set_security_context(task, run_as_user=USER_ID, run_as_group=USER_ID, run_as_non_root=True)
    kubernetes.set_image_pull_policy(task, "IfNotPresent")  # the same name always has the same contents
    if needs.gpu and current().gpu:
        task.set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(needs.gpu)
        kubernetes.add_toleration(task, key="nvidia.com/gpu", operator="Exists", effect="NoSchedule")
        kubernetes.add_node_selector(task, "nvidia.com/gpu.present", "true")  # the label of NVIDIA's GPU feature discovery
    if needs.store:
        config = {"endpoint": "AWS_ENDPOINT_URL", "region": "AWS_REGION"}
        keys = {"accesskey": "AWS_ACCESS_KEY_ID", "secretkey": "AWS_SECRET_ACCESS_KEY"}
        kubernetes.use_config_map_as_env(task, _STORE_CONFIG, config, optional=True)
        kubernetes.use_secret_as_env(task, f"speechmill-{needs.store}", keys, optional=True)
    for secret, variables in needs.secrets.items():
        kubernetes.use_secret_as_env(task, secret, dict(variables), optional=True)  # a pod would wait for a missing secret
