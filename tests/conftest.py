"""Setup for all tests, in every environment. A fixture imports packages that only some environments have when it is used."""

import secrets
import signal
import socketserver
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

if TYPE_CHECKING:
    from tests.minio_server import MinioServer

# A shell starts background jobs with SIGINT ignored, and their children inherit that. Some tests send SIGINT.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# A busy machine is slow, and that is no failure. A test that hangs is one: see `timeout` in pyproject.toml.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")

_handle_error = socketserver.BaseServer.handle_error


def _handle_error_unless_disconnected(*connection: Any) -> None:
    """Connections that break are what many tests are about; the server says nothing about them."""
    if not isinstance(sys.exc_info()[1], ConnectionError):
        _handle_error(*connection)


socketserver.BaseServer.handle_error = _handle_error_unless_disconnected  # type: ignore[method-assign]


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds of every sleep in this process, none of which takes any time: the clock moves on instead, and stands still otherwise."""
    slept: list[float] = []
    start = time.monotonic()
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setattr(time, "monotonic", lambda: start + sum(slept))
    return slept


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
