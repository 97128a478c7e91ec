"""Renders a prepared copy of manifests/ with kustomize."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from components.deployment import ROOT
from tests.go_programs import built

VERSION = "v5.8.2"
OVERLAYS = ("cpu", "gpu", "external-minio")

Document = dict[str, Any]


def prepare(folder: Path, *arguments: str, namespace: str = "kubeflow") -> Path:
    """Copies the files of manifests/ that git has, sets the namespace, and runs prepare.py."""
    target = folder / "manifests"
    shutil.copytree(ROOT / "manifests", target, ignore=shutil.ignore_patterns("*.env", "images", "__pycache__"))
    base = target / "base" / "kustomization.yaml"
    base.write_text(re.sub(r"(?m)^namespace: .*$", f"namespace: {namespace}", base.read_text()))
    run_prepare(target, *arguments)
    return target


def run_prepare(manifests: Path, *arguments: str) -> None:
    """Runs the prepare.py of a copy."""
    command = [sys.executable, str(manifests / "prepare.py"), *arguments]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL)


def render(folder: Path) -> list[Document]:
    """All documents that kustomize renders for a folder."""
    done = subprocess.run(
        [built("kustomize", "sigs.k8s.io/kustomize/kustomize/v5", VERSION), "build", folder], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def find(documents: list[Document], kind: str, name: str) -> Document:
    """The document of a kind and a name; there must be exactly one."""
    (found,) = [d for d in documents if (d["kind"], d["metadata"]["name"]) == (kind, name)]
    return found
