"""The images of this machine: built where they are missing."""

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
"""How the strictest cluster starts a container; Kubeflow's HOME is /."""


def docker(*arguments: str) -> str:
    """What Docker's command prints; it must succeed."""
    done = subprocess.run([images.docker(), *arguments], capture_output=True, text=True)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout


def inside(image: str, code: str) -> Any:
    """What Python code prints as JSON in a sealed container."""
    return json.loads(docker("run", *SEALED, image, "python", "-c", code).splitlines()[-1])


def config(image: str) -> dict[str, Any]:
    """What an image says of itself."""
    return json.loads(docker("image", "inspect", image))[0]["Config"]


@pytest.fixture(scope="session")
def built() -> Mapping[str, str]:
    """Name of every stage's image."""
    try:
        images.docker()
    except images.ImageError as error:
        pytest.skip(f"no images without Docker: {error}")
    base = images.build_base()
    return {stage: images.build(stage, False, base) for stage in stages()}
