"""Go programs that tests need. Each is built once, into build/bin."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.places import ROOT


def built(name: str, module: str, version: str) -> Path:
    """The path of a module's program. Builds it if it is missing, which takes minutes; skips the test if Go is absent."""
    path = ROOT / "build" / "bin" / f"{name}-{version}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            if not shutil.which("go"):
                pytest.skip(f"expected Go, to build {name} to test with, found none")
            folder = path.parent / f"go-{path.name}"
            environment = os.environ | {"GOBIN": str(folder), "CGO_ENABLED": "0"}
            subprocess.run(["go", "install", "-trimpath", f"{module}@{version}"], env=environment, check=True)
            (folder / name).replace(path)
            folder.rmdir()
    return path
