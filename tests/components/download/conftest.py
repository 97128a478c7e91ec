"""A loopback server that behaves as podcast hosts do on bad days, media made by ffmpeg, and items to fetch."""

import hashlib
import http.server
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from components.download.download import download
from components.download.policy import Policy
from components.shared.audio import ffmpeg
from components.shared.rows import Item, Recording
from components.shared.table import read_rows
from store.objects import LocalStore
from store.plans import write_plan
from tests.places import ROOT
from tests.tasks import artifacts, stage_command

QUICK = Policy(retries=3, backoff_seconds=0.01, sleep_seconds=0, max_sleep_seconds=0, rate_limit_bytes=0, licences=frozenset())


@dataclass
class Resource:
    """What the server does at one path. Statuses and cuts are used up by one request each, then it behaves."""

    data: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    statuses: list[int] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    """After so many bytes of an answer the connection breaks."""
    later: bytes = b""
    """What is there from the second request on, if it changes."""


@dataclass
class Server:
    url: str
    resources: dict[str, Resource]
    asked: list[tuple[str, str]]
    """Path and Range header of every request."""
    cookies: list[str] = field(default_factory=list)

    def put(self, path: str, data: bytes, **behavior: Any) -> str:
        """Serves data at a path and returns its URL."""
        headers = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "Content-Type": "audio/mpeg"} | behavior.pop("headers", {})
        self.resources[path] = Resource(data, headers, **behavior)
        return self.url + path

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: Server

    def do_GET(self) -> None:
        path, requested = self.path.partition("?")[0], self.headers.get("Range", "")
        self.state.asked.append((self.path, requested))
        self.state.cookies.append(self.headers.get("Cookie", ""))
        found = self.state.resources.get(path, Resource(statuses=[404] * 99))
        status = found.statuses.pop(0) if found.statuses else 200
        data, headers = found.data, dict(found.headers)
        unchanged = self.headers.get("If-Range") in (None, headers.get("ETag"), headers.get("Last-Modified"))
        if status == 200 and requested.startswith("bytes=") and found.ranges and unchanged:
            start = int(requested[6:].partition("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            status, data = 206, data[start:]
        if status >= 300:
            data = b""
        if found.later:
            found.data, found.headers["ETag"] = found.later, '"later"'
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(data)), "Connection": "close"} | headers).items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        self.close_connection = True
        if self.command != "HEAD":
            self.wfile.write(data[: found.cuts.pop(0)] if found.cuts and status in (200, 206) else data)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server("", {}, [])
    handler = type("BoundHandler", (Handler,), {"state": state})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        state.url = f"http://127.0.0.1:{listening.server_port}"
        threading.Thread(target=listening.serve_forever, args=[0.01], daemon=True).start()
        yield state
        listening.shutdown()


Make = Callable[..., Path]


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Makes a media file once: make("a.mp3", "-f", "lavfi", "-i", …)."""
    folder = tmp_path_factory.mktemp("media")

    def made(name: str, *arguments: str) -> Path:
        path = folder / name
        if not path.exists():
            subprocess.run([ffmpeg(), "-v", "error", "-bitexact", *arguments, "-bitexact", f"file:{path}"], check=True)
        return path

    return made


@pytest.fixture(scope="session")
def episode(make: Make) -> bytes:
    """A mono mp3 of 4 s."""
    return tone(make, "episode.mp3", 440).read_bytes()


def tone(make: Make, name: str, hertz: int, seconds: float = 4, *arguments: str) -> Path:
    return make(name, "-f", "lavfi", "-i", f"sine={hertz}:sample_rate=44100:duration={seconds}", *arguments)


def item(url: str | Path, kind: str = "media", **known: Any) -> Item:
    name = hashlib.sha256(f"{kind} {url}".encode()).hexdigest()[:16]
    facts = {"title": "", "channel": "", "published": "", "licence": "", "seconds": 0.0, "failures": 0}
    return Item(recording=name, kind=kind, url=str(url), **(facts | known))


def fetch(folder: Path, *items: Item, policy: Policy = QUICK) -> list[Recording]:
    """Rows of the items, fetched in this process."""
    return download(list(items), folder / "audio", policy)[0]


@dataclass
class Task:
    """What a task left behind."""

    status: int
    log: str
    rows: list[Recording]
    folder: Path
    metadata: dict[str, Any]


def run_task(
    tmp_path: Path,
    items: list[Item],
    allow_private: bool = True,
    shard: str = "",
    environment: dict[str, str] | None = None,
    **settings: Any,
) -> Task:
    """Runs the stage as Kubeflow does: as a command of its own with the executor's input."""
    store, recordings, output = tmp_path / "store", tmp_path / "recordings", tmp_path / "output.json"
    shard = shard or write_plan(LocalStore(store), items)
    parameters = {"retries": 1, "backoff_seconds": 0.01, "sleep_seconds": 0, "max_sleep_seconds": 0, "rate_limit_bytes": 0, "licences": ""}
    parameters |= {"shard": shard, "store": str(store), "allow_private": allow_private} | settings
    command = stage_command("download", output, None, artifacts(recordings=recordings), **parameters)
    variables = os.environ | {"PYTHONPATH": str(ROOT)} | (environment or {})
    done = subprocess.run(command, env=variables, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    rows = read_rows(recordings, Recording) if done.returncode == 0 else []
    metadata = json.loads(output.read_text())["artifacts"]["recordings"]["artifacts"][0]["metadata"] if rows else {}
    return Task(done.returncode, done.stdout, rows, recordings, metadata)
