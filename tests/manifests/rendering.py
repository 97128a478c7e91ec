"""What kustomize makes of manifests/, prepared in a folder of its own."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.environments import ROOT

VERSION = "v5.8.2"
OVERLAYS = ("cpu", "gpu", "external-minio")

Document = dict[str, Any]


def program() -> Path:
    """Kustomize; built where it is missing, which takes a minute. Skips the test where Go is absent."""
    path = ROOT / "build" / "bin" / f"kustomize-{VERSION}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            if not shutil.which("go"):
                pytest.skip("expected Go, to build kustomize, found none")
            folder = path.parent / f"go-{VERSION}"
            environment = os.environ | {"GOBIN": str(folder), "CGO_ENABLED": "0"}
            subprocess.run(["go", "install", "-trimpath", f"sigs.k8s.io/kustomize/kustomize/v5@{VERSION}"], env=environment, check=True)
            (folder / "kustomize").replace(path)
            folder.rmdir()
    return path


def prepare(folder: Path, *arguments: str, namespace: str = "kubeflow") -> Path:
    """A copy of manifests/ as git has it, for a namespace, and with what prepare.py makes."""
    target = folder / "manifests"
    shutil.copytree(ROOT / "manifests", target, ignore=shutil.ignore_patterns("*.env", "images", "__pycache__"))
    base = target / "base" / "kustomization.yaml"
    base.write_text(re.sub(r"(?m)^namespace: .*$", f"namespace: {namespace}", base.read_text()))
    run_prepare(target, *arguments)
    return target


def run_prepare(manifests: Path, *arguments: str) -> None:
    """Runs prepare.py of a copy."""
    command = [sys.executable, str(manifests / "prepare.py"), *arguments]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL)


def render(folder: Path) -> list[Document]:
    """Every document that kustomize makes of a folder."""
    done = subprocess.run([program(), "build", folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def find(documents: list[Document], kind: str, name: str) -> Document:
    """The one document of a kind and a name."""
    (found,) = [d for d in documents if (d["kind"], d["metadata"]["name"]) == (kind, name)]
    return found
