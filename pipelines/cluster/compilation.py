"""Compiles pipelines into the YAML that Kubeflow takes. The same code and deployment give the same bytes."""

import hashlib
import re
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kfp.compiler import Compiler
from kfp.dsl.pipeline_context import Pipeline

from components.deployment import ROOT, Deployment

_MOST_TAG_CHARACTERS = 63
"""Of a tag's value, as Kubeflow takes it."""


@dataclass(frozen=True)
class Compiled:
    """A pipeline for one deployment."""

    name: str
    """dataset; dataset-gpu, dataset-azure or dataset-gpu-azure for a deployment with these."""
    text: str
    """YAML: the pipeline, and what Kubernetes is told about its pods."""

    @property
    def digest(self) -> str:
        """A hash of the text; since images are named by what they hold, of all code as well."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]


def compile_pipeline(build: Callable[[Deployment], Any], deployment: Deployment) -> Compiled:
    """Compiles a pipeline of pipelines/, given the function that builds it."""
    caching = Pipeline._execution_caching_default  # from KFP_DISABLE_EXECUTION_CACHING_BY_DEFAULT, when kfp is imported
    Pipeline._execution_caching_default = True
    try:
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "pipeline.yaml"
            pipeline = build(deployment)
            Compiler().compile(pipeline, str(path))
            text = path.read_text(encoding="utf-8")
    finally:
        Pipeline._execution_caching_default = caching
    name = pipeline.name
    kinds = ["gpu"] * deployment.gpu + ["azure"] * (deployment.azure and name == "dataset")
    return Compiled("-".join([name, *kinds]), text)


def version_name(compiled: Compiled) -> str:
    """What a version of the pipeline is called: the commit, where there is one, and the pipeline's hash."""
    commit = re.sub(r"[^\w.-]", "-", _commit())
    return f"{commit}-{compiled.digest}" if commit else compiled.digest


def version_tags(compiled: Compiled) -> dict[str, str]:
    """By what Kubeflow's API finds a version of the pipeline: `commit`, where there is one, and `hash`."""
    commit = _commit()[:_MOST_TAG_CHARACTERS]
    return ({"commit": commit} if commit else {}) | {"hash": compiled.digest}


def _commit() -> str:
    """The commit of this code as git describes it, "" where there is no repository."""
    try:
        command = ["git", "-C", str(ROOT), "describe", "--always", "--tags", "--dirty"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
