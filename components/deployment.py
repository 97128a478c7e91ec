"""Where tasks will run: the registry their images come from, GPU or not, and what Kubernetes is told about each pod."""

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
"""The user that images run as; also in dockerfiles/base.Dockerfile."""

_STORE_CONFIG = "speechmill-store"
"""The ConfigMap of the run's namespace, as manifests/ makes it; the Secret of a user of the store is speechmill-<user>."""


@dataclass(frozen=True)
class Deployment:
    """What differs between places that run the same pipeline."""

    registry: str = ""
    """What image names begin with, its slash included; empty for images of this machine."""
    gpu: bool = False
    """Whether stages that can use a GPU ask for one."""
    azure: bool = False
    """Whether stages that can use Azure reach the internet and get its key."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels that the pod of every stage gets, such as the queue that Kueue puts it into."""
    deadline_hours: float = 0.0
    """When a run that is still at work is ended; 0 is never."""
    ttl_hours: float = 0.0
    """When Kubernetes' object of a run that has ended is removed; 0 is when the cluster's own setting says so."""


@dataclass(frozen=True)
class Needs:
    """What a stage's tasks use, as @stage explains it."""

    cpu: str
    cpu_limit: str
    memory: str
    gpu: int
    store: str
    internet: bool
    azure: bool
    timeout_hours: int
    cached: bool
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


LOCAL = Deployment()
"""This machine without a GPU, and the images that were built on it."""

_current: ContextVar[Deployment] = ContextVar("deployment", default=LOCAL)


@contextmanager
def deployed(deployment: Deployment) -> Iterator[None]:
    """Tasks that are made inside are tasks of this deployment."""
    token = _current.set(deployment)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Deployment:
    """The deployment that tasks are made for."""
    return _current.get()


def pins(name: str, gpu: bool) -> Path:
    """The pins of a stage: a GPU's where the stage has its own for it, else the CPU's."""
    folder = ROOT / "components" / name
    own = folder / "requirements.gpu.txt"
    return own if gpu and own.exists() else folder / "requirements.txt"


def contents(name: str, store: bool, gpu: bool) -> list[Path]:
    """The files that a stage's image is made of, in order: what .dockerignore lets in, the pins in use and the recipes."""
    own = ROOT / "components" / name
    folders = [ROOT / "components" / "shared", own] + [ROOT / "store"] * store
    files = {p for folder in folders for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts and p.suffix != ".in"}
    unused = {own / "component.py", *own.glob("overrides*.txt"), *own.glob("requirements*.txt")} - {pins(name, gpu)}
    recipes = {ROOT / "dockerfiles" / recipe for recipe in ("base.Dockerfile", "install.sh", "stage.Dockerfile")}
    return sorted((files | recipes) - unused)


def image(name: str, store: bool) -> str:
    """Name of a stage's image in the current deployment. It ends in a hash of what the image holds, because caches key on the name."""
    return image_of(name, contents(name, store, current().gpu))


def image_of(name: str, files: Iterable[Path], parent: str = "") -> str:
    """Name of an image that holds these files of the project and stands on another, by a hash of both."""
    digest = hashlib.sha256(parent.rpartition(":")[2].encode())
    for path in files:
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return f"{current().registry}speechmill/{name}:{digest.hexdigest()[:16]}"


def run_limits() -> dsl.PipelineConfig:
    """How long a run of the current deployment may take, and how long it stays; in local runs it means nothing."""
    deadline, ttl = (round(hours * 3600) or None for hours in (current().deadline_hours, current().ttl_hours))
    return dsl.PipelineConfig(
        active_deadline_seconds=deadline,
        ttl_seconds_after_finished=ttl,
        ttl_seconds_after_success=ttl,  # Kubeflow's manifests set these two to an hour, and Argo prefers them
        ttl_seconds_after_failure=ttl,
    )


def configure(task: Any, name: str, needs: Needs) -> None:
    """Tells Kubernetes about the pod of a stage's task; in local runs it means nothing."""
    for key, value in current().labels.items():
        kubernetes.add_pod_label(task, key, value)
    kubernetes.add_pod_label(task, "speechmill/stage", name)
    kubernetes.add_pod_label(task, "speechmill/network", "internet" if needs.internet else "store" if needs.store else "none")
    kubernetes.set_timeout(task, needs.timeout_hours * 3600)
    kubernetes.set_security_context(task, run_as_user=USER_ID, run_as_group=USER_ID, run_as_non_root=True)
    kubernetes.set_image_pull_policy(task, "IfNotPresent")  # a name never stands for other contents
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
        kubernetes.use_secret_as_env(task, secret, dict(variables), optional=True)  # a missing one would hang the pod
