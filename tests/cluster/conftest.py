"""Tests against a real Kubeflow: `make test-cluster` says what they want."""

import os
import secrets
import socket
import threading
import urllib.parse
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.cluster.runs import ClusterDataset
from tests.end_to_end.runs import Server

WANTED = ("KFP_HOST", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.fixture(autouse=True, scope="session")
def _a_cluster() -> None:
    if absent := [name for name in WANTED if not os.environ.get(name)]:
        pytest.skip(f"no cluster: {', '.join(absent)} not set")


@pytest.fixture
def dataset() -> ClusterDataset:
    """A dataset that no other test knows."""
    return ClusterDataset(f"test-{secrets.token_hex(4)}")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A folder served where pods reach this machine: on the address that leads to the cluster."""
    host = urllib.parse.urlsplit(os.environ["KFP_HOST"])
    with socket.create_connection((host.hostname or "", host.port or 80)) as connection:
        address = connection.getsockname()[0]
    served = Server(tmp_path / "served")
    served.folder.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            served.requests.append(self.path)

    with ThreadingHTTPServer((address, 0), partial(Handler, directory=str(served.folder))) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        served.url = f"http://{address}:{http.server_port}"
        yield served
        http.shutdown()
