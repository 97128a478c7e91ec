"""What all tests need, in every environment. Fixtures import what only some environments have when they are used."""

import secrets
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.minio_server import MinioServer

# A shell starts what runs in the background deaf to Ctrl-C, and its children with it; tests press it.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def minio(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[MinioServer]":
    """A MinIO server; tests share it, and make buckets of their own."""
    from tests.minio_server import serving

    with serving(tmp_path_factory.mktemp("minio")) as server:
        yield server


@pytest.fixture
def bucket(minio: "MinioServer", monkeypatch: pytest.MonkeyPatch) -> str:
    """URI of an empty bucket; the environment leads to it."""
    from store.minio import access, client

    minio.lead(monkeypatch)
    name = f"test-{secrets.token_hex(6)}"
    client(access()).make_bucket(name)
    return f"s3://{name}"
