"""The environments of the peers: benchmarks/peers/NAME.txt pins them, .venvs/peer-NAME holds them."""

import re
import subprocess
from functools import cache
from pathlib import Path

from components.deployment import ROOT
from pipelines.local import environments
from pipelines.local.embedded import environment_of

PEERS = ROOT / "benchmarks" / "peers"
_WEIGHTS = {"inaspeechsegmenter": ROOT / "components" / "segment" / "models.txt"}


class NotInstalledError(Exception):
    """An environment could not be made; the message is the last line of the installer."""


@cache
def peer_python(name: str) -> Path:
    """Returns the Python of an environment of peers, which is made if it is missing or does not match its pins.

    Raises:
        NotInstalledError: It could not be installed.
    """
    try:
        return environments.made(f"peer-{name}", PEERS / f"{name}.txt", _WEIGHTS.get(name))
    except (subprocess.CalledProcessError, OSError) as error:
        raise NotInstalledError(f"its packages could not be installed: {error}") from error


def variables(python: Path) -> dict[str, str]:
    """Returns the environment variables of a program that runs with this Python; it reaches no model hub."""
    return environment_of(python) | {"HF_HUB_OFFLINE": "1"}


def version_of(name: str, package: str) -> str:
    """Returns the version of a package in the pins of an environment of peers."""
    found = re.search(rf"^{re.escape(package)}==(\S+)", (PEERS / f"{name}.txt").read_text(encoding="utf-8"), re.MULTILINE | re.IGNORECASE)
    assert found, f"expected {package} in {name}.txt"
    return found[1]
