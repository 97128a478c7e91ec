"""`speechmill models` as a person meets it, from a fetch to a model in a store."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from components.shared.model import read_model
from pipelines.inputs.registry import entry
from pipelines.local import environments
from tests.command import speechmill
from tests.http_server import Server, serving
from tests.models import write_model

COMMAND = str(Path(sys.executable).parent / "speechmill")
NETWORKS = environments.FOLDER / "segment" / "models" / "inaSpeechSegmenter"
needs_networks = pytest.mark.skipif(not NETWORKS.is_dir(), reason="the networks of segment are not installed")


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A folder as a training leaves it."""
    return write_model(tmp_path / "trained", "my-separator", {"weights": random.Random(1).randbytes(1000)})


Models = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Models:
    """Runs `speechmill models …` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return partial(speechmill, "models")


def line(shown: str, name: str) -> list[str]:
    (found,) = [row for row in shown.splitlines() if row.split()[:1] == [name]]
    return found.split()


@needs_networks
def test_a_model_goes_from_a_mirror_into_a_store_and_is_found_there(models: Models, server: Server, tmp_path: Path) -> None:
    for name in entry("ina-segmenter").files:
        server.put(f"/mirror/{name}", (NETWORKS / name).read_bytes(), cuts=[1_000_000])
    done = models("fetch", "ina-segmenter", "--from", f"{server.url}/mirror/")
    assert done.returncode == 0, done.stderr
    assert "keras_male_female_cnn.hdf5: 6.0 MB of 6.0 MB, " in done.stdout and "MB/s" in done.stdout
    version = read_model(tmp_path / "data" / "fetched-models" / "ina-segmenter", "ina").version
    assert line(models("list").stdout, "ina-segmenter")[:6] == ["ina-segmenter", "ina", "15.2", "MB", "MIT", "fetched"]
    pushed = models("push", "ina-segmenter")
    assert pushed.stdout == f"ina-segmenter was pushed: {tmp_path}/data/models/ina-segmenter/{version}\n"
    assert "is there already" in models("push", "ina-segmenter").stdout
    both = models("push", "tone-4", "ina-segmenter").stdout.splitlines()
    assert [line.split()[0] for line in both] == ["tone-4", "ina-segmenter"]
    assert version in line(models("list").stdout, "ina-segmenter")
    assert models("verify", "ina-segmenter").stdout.count(": whole") == 2


def test_a_trained_model_is_pushed_as_it_is(models: Models, trained: Path, tmp_path: Path) -> None:
    done = models("push", trained, "--to", tmp_path / "store")
    assert done.returncode == 0 and "my-separator was pushed" in done.stdout
    assert line(models("list", "--store", tmp_path / "store").stdout, "my-separator")[:5] == [
        "my-separator",
        "spleeter",
        "1.0",
        "kB",
        "MIT",
    ]
    assert models("push", "trained", "--to", tmp_path / "store").returncode == 0


def test_what_is_damaged_in_a_store_is_found_and_mended(models: Models, trained: Path, tmp_path: Path) -> None:
    models("push", trained)
    (stored,) = tmp_path.glob("data/models/my-separator/*/weights")
    stored.write_bytes(b"truncated")
    done = models("verify")
    assert done.returncode == 1 and "weights: expected 1000 bytes" in done.stderr and "found 9 bytes" in done.stderr
    assert models("push", trained).returncode == 0 and models("verify", "my-separator").returncode == 1
    assert models("push", trained, "--again").returncode == 0
    assert models("verify", "my-separator").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("fetch", "spleter"), "expected the name of a model, found 'spleter'; there are "),
        (("fetch", "spleeter-2stems", "--from", "here.tar.gz"), "here.tar.gz"),
        (("fetch", "spleeter-2stems-16khz", "--from", "2stems.tar.gz"), "expected a whole tar or zip archive"),
        (("push", "spleeter-2stems"), "speechmill models fetch spleeter-2stems"),
        (("fetch", "whisper-base", "vosk-ko", "--from", "here.tar.gz"), "expected one model with --from and --to, found 2"),
        (("push", "./nowhere"), "expected a model in nowhere, found no model.json there"),
        (("verify", "whisper-tiny"), "expected the model whisper-tiny on this machine or in data, found none"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_is_said_in_one_line(models: Models, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    (tmp_path / "2stems.tar.gz").write_bytes(b"<html>")
    done = models(*arguments)
    assert done.returncode == 1 and said in done.stderr
    assert done.stderr.startswith("error: expected ") and done.stderr.count("\n") == 1


def test_an_interrupted_fetch_ends_and_says_that_it_goes_on(server: Server, tmp_path: Path) -> None:
    server.put("/config.json", b"{}", statuses=[503] * 1000)
    process = subprocess.Popen(
        [COMMAND, "models", "fetch", "whisper-tiny", "--from", f"{server.url}/"], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    while not server.asked:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate()
    assert process.returncode == 130 and "interrupted: " in error and "Traceback" not in error
    assert not (tmp_path / "data" / "fetched-models" / "whisper-tiny").exists()
