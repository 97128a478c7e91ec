"""An empty store of each kind."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.minio import access, client
from tests.minio_server import MinioServer, serving


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioServer]:
    with serving(tmp_path_factory.mktemp("minio")) as server:
        yield server


@pytest.fixture
def bucket(server: MinioServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """URI of an empty bucket; the environment leads to it."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    name = f"test-{secrets.token_hex(6)}"
    client(access()).make_bucket(name)
    return f"s3://{name}"


@pytest.fixture(params=["folder", "minio"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URI of an empty store: the same is asked of every backend."""
    return str(tmp_path / "store") if request.param == "folder" else request.getfixturevalue("bucket")
