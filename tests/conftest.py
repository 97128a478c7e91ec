"""Setup for all tests, in every environment. A fixture imports packages that only some environments have when it is used."""

import secrets
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.minio_server import MinioServer

# A shell starts background jobs with SIGINT ignored, and their children inherit that. Some tests send SIGINT.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def minio(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[MinioServer]":
    """A MinIO server that all tests share; each uses buckets of its own."""
    from tests.minio_server import serving

    with serving(tmp_path_factory.mktemp("minio")) as server:
        yield server


@pytest.fixture
def bucket(minio: "MinioServer", monkeypatch: pytest.MonkeyPatch) -> str:
    """URI of an empty bucket; sets the environment to connect to its server."""
    from store.minio import access, client

    minio.lead(monkeypatch)
    name = f"test-{secrets.token_hex(6)}"
    client(access()).make_bucket(name)
    return f"s3://{name}"
