"""A loopback server, media made by ffmpeg, and items to fetch."""

import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
from tests.http_server import Server, serving
from tests.places import ROOT
from tests.tasks import artifacts, stage_command

QUICK = Policy(
    retries=3,
    backoff_seconds=0.01,
    sleep_seconds=0,
    max_sleep_seconds=0,
    rate_limit_bytes=0,
    licences=frozenset(),
    youtube_clients=("default",),
    max_bytes=0,
    max_seconds=0,
    timeout_minutes=0,
)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as state:
        yield state


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
    facts = {"title": "", "channel": "", "published": "", "licence": "", "seconds": 0.0, "failures": 0, "state": ""}
    return Item(recording=name, kind=kind, url=str(url), **(facts | known))


def fetch(folder: Path, *items: Item, policy: Policy = QUICK) -> list[Recording]:
    """Rows of the items, fetched in this process."""
    return download(list(items), folder / "audio", policy)[0]


def ignore(have: int, total: int) -> None:
    """Takes the bytes of a transfer."""


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
    parameters |= {"youtube_clients": "default", "max_bytes": 0, "max_seconds": 0, "timeout_minutes": 0}
    parameters |= {"shard": shard, "store": str(store), "allow_private": allow_private} | settings
    command = stage_command("download", output, None, artifacts(recordings=recordings), **parameters)
    variables = os.environ | {"PYTHONPATH": str(ROOT)} | (environment or {})
    done = subprocess.run(command, env=variables, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    rows = read_rows(recordings, Recording) if done.returncode == 0 else []
    metadata = json.loads(output.read_text())["artifacts"]["recordings"]["artifacts"][0]["metadata"] if rows else {}
    return Task(done.returncode, done.stdout, rows, recordings, metadata)
