"""A real MinIO server for tests, built once from its Go module and started on loopback."""

import os
import re
import secrets
import select
import socket
import socketserver
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.go_programs import built
from tests.http_server import free_port
from tests.places import ROOT

RECIPE = (ROOT / "dockerfiles" / "minio.Dockerfile").read_text(encoding="utf-8")
(VERSION,) = re.findall(r"^ARG MINIO=(\S+)$", RECIPE, re.MULTILINE)
"""The version that our image has."""
ROOT_USER = "root-of-tests"


class MinioServer:
    """A server on a free port that keeps its data in a folder. `secret` is its root user's secret key."""

    def __init__(self, folder: Path) -> None:
        self.host = f"127.0.0.1:{free_port()}"
        self.url, self.secret = f"http://{self.host}", secrets.token_hex(16)
        self._program, self._folder = built("minio", "github.com/minio/minio", VERSION), folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables with which a store connects to the server as its root user."""
        return self.environment_of(ROOT_USER, self.secret)

    def environment_of(self, user: str, secret: str) -> dict[str, str]:
        """Environment variables with which a store connects to the server as one of its users."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": user,
            "AWS_SECRET_ACCESS_KEY": secret,
        }

    def lead(self, patch: pytest.MonkeyPatch) -> None:
        """Sets the environment so that stores connect to the server as its root user."""
        for name, value in self.environment.items():
            patch.setenv(name, value)

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        environment = os.environ | {"MINIO_ROOT_USER": ROOT_USER, "MINIO_ROOT_PASSWORD": self.secret, "MINIO_BROWSER": "off"}
        command = [self._program, "server", "--quiet", "--address", self.host, self._folder / "data"]
        with (self._folder / "minio.log").open("ab") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        while self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/minio/health/live", timeout=5):
                    return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"expected MinIO to start, found it ended: {(self._folder / 'minio.log').read_text()}")

    def stop(self) -> None:
        """Kills the server, as a power cut would."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def serving(folder: Path) -> Iterator[MinioServer]:
    """Starts a server that keeps its data in a folder; stops it at the end."""
    server = MinioServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def proxy(server: MinioServer, change: Callable[[bytes], bytes]) -> Iterator[str]:
    """The URL of a proxy to a server. `change` gets all data, in both directions, and returns what to pass on; b"" disconnects."""
    host, _, port = server.host.rpartition(":")

    class Connection(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((host, int(port))) as upstream:
                ends = {self.request: upstream, upstream: self.request}
                while True:
                    for end in select.select(list(ends), [], [])[0]:
                        if not (data := change(end.recv(65536))):
                            return
                        ends[end].sendall(data)

    class Proxy(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Proxy(("127.0.0.1", 0), Connection) as listening:
        threading.Thread(target=listening.serve_forever, args=[0.01], daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_address[1]}"
        listening.shutdown()
