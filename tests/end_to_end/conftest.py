"""The bundled sample as a dataset, stand-ins for stages, and a folder served over loopback HTTP."""

import re
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipelines.local import environments
from tests.end_to_end import stand_ins as program
from tests.end_to_end.runs import Dataset, Server, episode


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The bundled sample as a dataset with one version. Tests may add versions."""
    dataset = Dataset(tmp_path_factory.mktemp("store"), "sample")
    done = dataset.run()
    assert "dataset sample, version 1 of 1" in done.stdout
    assert re.search(r"run \| about .* on \d+ cores, .* of disk, for 1.9 min of audio in 2 recordings", done.stdout)
    return dataset


@pytest.fixture(scope="session")
def short(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Twenty seconds of the bundled sample as a dataset with one version. Tests may add versions."""
    folder = tmp_path_factory.mktemp("short")
    episode(folder / "short.mp3", 1, 0)
    dataset = Dataset(folder / "store", "short", options=("--sources", folder / "short.mp3"))
    dataset.run()
    return dataset


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that this process starts use stand-ins for `separate` and `segment`."""
    python = tmp_path / "stand-ins" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {program.__file__} "$@"\n')
    python.chmod(0o755)
    ensure = environments.ensure
    monkeypatch.setattr(environments, "ensure", lambda stage: python if f"components.{stage}" in program.STAND_INS else ensure(stage))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    served = Server(tmp_path / "served")
    served.folder.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            served.requests.append(self.path)

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(served.folder))) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        served.url = f"http://127.0.0.1:{http.server_port}"
        yield served
        http.shutdown()
