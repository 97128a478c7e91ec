"""The images of this checkout. Missing ones are built."""

import json
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest

from pipelines.local import images
from pipelines.local.environments import stages

SEALED = (
    "--rm",
    "--read-only",
    "--tmpfs=/tmp:size=256m",
    "--network=none",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--env=HOME=/",
)
"""Options of the strictest cluster. Kubeflow sets HOME to /."""


def docker(*arguments: str) -> str:
    """Runs the docker command, which must succeed; returns its output."""
    done = subprocess.run([images.docker(), *arguments], capture_output=True, text=True)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout


def inside(image: str, code: str) -> Any:
    """Runs Python code in a sealed container; returns the JSON that it prints last."""
    return json.loads(docker("run", *SEALED, image, "python", "-c", code).splitlines()[-1])


def config(image: str) -> dict[str, Any]:
    """The configuration of an image."""
    return json.loads(docker("image", "inspect", image))[0]["Config"]


@pytest.fixture(scope="session")
def built() -> Mapping[str, str]:
    """The name of every stage's image, by stage."""
    try:
        images.docker()
    except images.ImageError as error:
        pytest.skip(f"no images without Docker: {error}")
    base = images.build_base()
    return {stage: images.build(stage, False, base) for stage in stages()}
