"""Models that tests share."""

from pathlib import Path

import pytest

from components.separate.network import Network, load_network
from tests.components.separate.models import write_model


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model of Spleeter with random weights."""
    return write_model(tmp_path_factory.mktemp("models") / "small")


@pytest.fixture(scope="session")
def network(folder: Path) -> Network:
    """The same, loaded."""
    return load_network(folder)
