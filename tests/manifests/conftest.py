from pathlib import Path

import pytest

from tests.manifests.rendering import OVERLAYS, Document, prepare, render


@pytest.fixture(scope="session")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared copy of manifests/."""
    return prepare(tmp_path_factory.mktemp("prepared"))


@pytest.fixture(scope="session")
def rendered(manifests: Path) -> dict[str, list[Document]]:
    """The documents of every overlay."""
    return {name: render(manifests / "overlays" / name) for name in OVERLAYS}
