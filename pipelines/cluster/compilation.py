"""Compiles pipelines to YAML for Kubeflow. The same code and deployment give the same bytes."""

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
"""Kubeflow's limit for the value of a tag."""


@dataclass(frozen=True)
class Compiled:
    """A pipeline compiled for one deployment."""

    name: str
    """Name of the pipeline with the suffixes of its deployment: dataset, dataset-gpu, dataset-azure or dataset-gpu-azure."""
    text: str
    """YAML of the pipeline and of the Kubernetes settings of its pods."""

    @property
    def digest(self) -> str:
        """Hash of the text. It covers all code, because the names of images contain hashes of their contents."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]


def compile_pipeline(build: Callable[[Deployment], Any], deployment: Deployment) -> Compiled:
    """Compiles the pipeline that a function builds."""
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
    """Returns the name of a pipeline version: the commit, if there is one, and the hash of the pipeline."""
    commit = re.sub(r"[^\w.-]", "-", _commit())
    return f"{commit}-{compiled.digest}" if commit else compiled.digest


def version_tags(compiled: Compiled) -> dict[str, str]:
    """Returns the tags by which Kubeflow's API finds a pipeline version: `commit`, if there is one, and `hash`."""
    commit = _commit()[:_MOST_TAG_CHARACTERS]
    return ({"commit": commit} if commit else {}) | {"hash": compiled.digest}


def _commit() -> str:
    """Returns the commit of this code from git describe, "" without a repository."""
    try:
        command = ["git", "-C", str(ROOT), "describe", "--always", "--tags", "--dirty"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
