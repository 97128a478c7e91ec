"""Pipelines as the files that Kubeflow takes: the same bytes for the same code and deployment, and nothing that a cluster refuses."""

import hashlib
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kfp.compiler import Compiler
from kfp.dsl.pipeline_context import Pipeline

from components.deployment import ROOT, Deployment
from components.shared.task import StageError
from pipelines import dataset, training
from pipelines.lint import lint

PIPELINES: Mapping[str, Callable[[Deployment], Any]] = {"dataset": dataset.build, "training": training.build}
"""What builds each pipeline, by name."""


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


def compile_pipeline(name: str, deployment: Deployment) -> Compiled:
    """Compiles one of PIPELINES.

    Raises:
        StageError: A cluster would refuse it, or hang.
    """
    caching = Pipeline._execution_caching_default  # from KFP_DISABLE_EXECUTION_CACHING_BY_DEFAULT, when kfp is imported
    Pipeline._execution_caching_default = True
    try:
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / f"{name}.yaml"
            Compiler().compile(PIPELINES[name](deployment), str(path))
            text = path.read_text(encoding="utf-8")
    finally:
        Pipeline._execution_caching_default = caching
    if faults := lint(text):
        raise StageError(f"pipeline {name} would not run on a cluster: " + "; ".join(faults))
    kinds = ["gpu"] * deployment.gpu + ["azure"] * (deployment.azure and name == "dataset")
    return Compiled("-".join([name, *kinds]), text)


def version_name(compiled: Compiled) -> str:
    """What a version of the pipeline is called: the commit, where there is one, and the pipeline's hash."""
    try:
        command = ["git", "-C", str(ROOT), "describe", "--always", "--tags", "--dirty"]
        described = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        described = ""
    commit = re.sub(r"[^\w.-]", "-", described)
    return f"{commit}-{compiled.digest}" if commit else compiled.digest
