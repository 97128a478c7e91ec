"""Runs in Docker with the real images: the same dataset, and containers with only what their stage declares."""

import dataclasses
import io
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from rich.console import Console

from components.collect.component import collect
from components.deployment import Deployment, Needs, deployed
from components.download.component import download
from components.segment.component import segment
from components.separate.component import separate
from components.shared.rows import Item
from components.shared.task import MENDABLE, StageError
from components.stage import Stage
from components.transcribe.component import transcribe
from pipelines.cluster.workflow import RunError
from pipelines.dataset import SHARD_STAGES, STAGES
from pipelines.local import docker, tasks
from pipelines.local.display import Display
from pipelines.local.environments import has_gpu
from pipelines.local.tasks import Children, Task, perform
from store.objects import open_store
from store.plans import write_plan
from tests.end_to_end.runs import COMMAND, SMALL, Dataset, Server, episode, require_images, same, speechmill
from tests.end_to_end.test_http import QUICK, feed
from tests.end_to_end.test_lost import UNMEASURED, noise

NO_NETWORK = [s for s in STAGES if not s.needs.internet and not s.needs.store]


def image_of(stage: Stage) -> str:
    with deployed(Deployment(gpu=has_gpu())):
        return stage.image


@pytest.fixture(scope="module", autouse=True)
def images() -> None:
    require_images()


class Inside:
    """Runs Python code instead of a stage, in the stage's container; returns whether it succeeded, and its output."""

    def __init__(self, folder: Path) -> None:
        self.place = docker.Place(str(folder / "my, store"), folder / "my, store" / "runs", "sample:")
        self.children, self._count = Children(), 0

    def task(self, stage: Stage, code: str, **inputs: Path) -> Task:
        self._count += 1
        folder = self.place.runs / f"run/task-{self._count}"
        artifacts = {name: {"artifacts": [{"uri": str(path)}]} for name, path in inputs.items()}
        given = {
            "inputs": {"parameterValues": {}, "artifacts": artifacts},
            "outputs": {"outputFile": str(folder / "output.json")},
        }
        return Task(image_of(stage), ["python", "-c", code, json.dumps(given)])

    def perform(self, task: Task, needs: Needs) -> tuple[bool, str]:
        shown = io.StringIO()
        execute = docker.executor({task.image: needs}, self.place)
        done = perform(task, execute, Display(Console(file=shown, soft_wrap=True)), self.children)
        return done, "".join(line.partition("| ")[2] for line in shown.getvalue().splitlines(True))

    def __call__(self, stage: Stage, code: str, **inputs: Path) -> tuple[bool, str]:
        return self.perform(self.task(stage, code, **inputs), stage.needs)


@pytest.fixture
def inside(tmp_path: Path) -> Inside:
    return Inside(tmp_path)


def containers_with(text: str) -> list[str]:
    """Names of all containers whose description contains a text."""
    ids = subprocess.run(["docker", "ps", "--all", "--quiet"], capture_output=True, text=True, check=True).stdout.split()
    found = subprocess.run(["docker", "inspect", *ids], capture_output=True, text=True).stdout if ids else "[]"
    return [c["Name"] for c in json.loads(found) if text in json.dumps(c)]


def wait_until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.2)


@pytest.mark.parametrize("name", ["short", pytest.param("sample", marks=pytest.mark.slow)])
def test_docker_makes_the_same_dataset_as_an_embedded_run(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    embedded: Dataset = request.getfixturevalue(name)
    other = dataclasses.replace(embedded, folder=tmp_path / "my, store", options=(*embedded.options, "--runner", "docker"))
    other.run()
    same(other, embedded)
    assert not list(other.folder.rglob("scratch-*"))
    again = other.run("--discover-again")
    assert again.stdout.count("taken from the cache") == len(SHARD_STAGES) - 1, "every stage of the shard except collect"
    assert containers_with(str(other.folder)) == []


def test_containers_reach_feeds_on_loopback_and_files_at_relative_paths(server: Server, tmp_path: Path) -> None:
    show, here = Dataset(tmp_path / "store", "show"), tmp_path / "here"
    (here / "my files").mkdir(parents=True)
    episode(here / "my files" / "one.mp3", 1, 0)
    episode(server.folder / "two.mp3", 2, 0)
    url = feed(server, ("two", "two"))
    done = speechmill(
        "run", "--runner", "docker", "--store", show.folder, "--dataset", "show", "--sources", f"./my files, {url}", *QUICK, cwd=here
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert {Path(r.source).name for r in show.rows()} == {"one.mp3", "two.mp3"}


def test_files_belong_to_the_caller() -> None:
    """Runs as an unprivileged user who may use Docker, and may read any file, such as the tests' own Python."""
    if os.getuid() or not shutil.which("setpriv"):
        pytest.skip("expected to be root and to have setpriv, to switch to another user")
    engine = Path("/var/run/docker.sock").stat().st_gid
    user = ["--reuid=12345", "--regid=12345", f"--groups={engine}", "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    with tempfile.TemporaryDirectory() as folder:
        noise(Path(folder) / "media" / "0.flac", 0)
        os.chown(folder, 12345, 12345)
        command = [COMMAND, "run", "--runner", "docker", "--dataset", "show", "--sources", "media", *UNMEASURED, *SMALL]
        environment = os.environ | {"HOME": folder, "PYTHONPATH": ""}
        done = subprocess.run(["setpriv", *user, *command], cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        found = list((Path(folder) / "data").rglob("*"))
        assert any(p.name == "rows.parquet" for p in found)
        assert {(p.stat().st_uid, p.stat().st_gid) for p in found} == {(12345, 12345)}
        assert all(stat.S_IMODE(p.stat().st_mode) == 0o600 for p in found if p.name == "executor_input.json")


@pytest.mark.parametrize("stage", NO_NETWORK, ids=lambda s: s.name)
def test_a_compute_stage_has_no_network_and_no_secrets(
    stage: Stage, inside: Inside, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*docker.STORE_VARIABLES, "SPEECHMILL_COOKIES", "http_proxy"):
        monkeypatch.setenv(name, "hush")
    where = server.url.removeprefix("http://").split(":")
    code = f"""
import os, socket
print(os.listdir('/sys/class/net'), 'hush' in str(os.environ))
try:
    socket.create_connection({where!r}, 5)
except OSError:
    print('refused')
"""
    assert inside(stage, code) == (True, "['lo'] False\nrefused\n")
    assert server.requests == []


def test_transcribe_has_network_and_azure_key_only_with_the_azure_engine(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_SPEECH_KEY", "hush")
    seen = "os.listdir('/sys/class/net') == ['lo'], os.environ.get('AZURE_SPEECH_KEY'), os.environ['HOME'] == os.environ['TMPDIR']"
    code = f"import os; print({seen})"
    assert inside(transcribe, code) == (True, "True None True\n")
    with deployed(Deployment(azure=True)):
        assert inside(transcribe, code) == (True, "False hush True\n")


def test_collect_has_no_network_if_the_store_is_a_folder(inside: Inside) -> None:
    assert inside(collect, "import os; print(os.listdir('/sys/class/net'))") == (True, "['lo']\n")


def test_stages_with_a_store_get_its_keys_and_only_download_the_cookies(
    inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookies = tmp_path / "cookies.txt"
    cookies.write_text("a cookie")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    monkeypatch.setenv("SPEECHMILL_COOKIES_FILE", str(cookies))
    code = "import os; print(os.environ.get('AWS_SECRET_ACCESS_KEY'), os.environ.get('SPEECHMILL_COOKIES_FILE'))"
    assert inside(collect, code) == (True, "None None\n")
    assert inside(download, code) == (True, f"hush {cookies}\n")  # its sources may be in a bucket
    inside.place = dataclasses.replace(inside.place, store="s3://bucket")
    assert inside(collect, code) == (True, "hush None\n")
    read = "import os; print(open(os.environ['SPEECHMILL_COOKIES_FILE']).read(), os.environ['AWS_SECRET_ACCESS_KEY'])"
    assert inside(download, read) == (True, "a cookie hush\n")
    task = inside.task(download, code)
    task.folder.mkdir(parents=True)
    assert "hush" not in str(docker.container_options(task, download.needs, inside.place, task.folder))


def test_a_task_can_write_only_to_its_own_folder_and_tmp(inside: Inside, tmp_path: Path) -> None:
    other, unseen, object_ = (inside.place.runs / name for name in ("run/task-0/out", "run/task-00/out", "../plans/x"))
    for path in (other, unseen, object_):
        path.mkdir(parents=True)
    own = inside.task(segment, "").folder.with_name("task-2")
    code = f"""
import os
scratch, own, other, hidden = os.environ["TMPDIR"], {str(own)!r}, {str(other)!r}, ({str(unseen)!r}, {str(object_)!r})
for folder in ("/app", "/", "/root", other, "/tmp", own, scratch, os.environ["HOME"]):
    try:
        open(folder + "/x", "w").close()
        print("written")
    except OSError:
        print("refused")
print([os.path.exists(path) for path in hidden], os.stat(scratch).st_dev == os.stat(own).st_dev)
"""
    done, said = inside(segment, code, voices=other)
    assert done, said
    assert said.split() == ["refused"] * 4 + ["written"] * 4 + ["[False,", "False]", "True"]
    assert not list(other.iterdir())


def test_a_task_sees_only_its_model_of_the_store_and_cannot_change_it(inside: Inside) -> None:
    models = Path(inside.place.store) / "models"
    for name in ("wanted", "other"):
        (models / name).mkdir(parents=True)
        (models / name / "model.json").write_text(name)
    code = f"""
import os
print(open({str(models / "wanted" / "model.json")!r}).read(), os.listdir({str(models)!r}), os.listdir({inside.place.store!r}))
try:
    open({str(models / "wanted" / "model.json")!r}, "w")
except OSError as error:
    print(error)
"""
    done, said = inside(separate, code, model=models / "wanted")
    assert done, said
    assert said.startswith("wanted ['wanted'] ['models', 'runs']\n") or said.startswith("wanted ['wanted'] ['runs', 'models']\n"), said
    assert "Read-only file system" in said


def test_only_stages_that_declare_it_can_write_to_a_local_store(inside: Inside) -> None:
    other = inside.place.runs / "run" / "task-0"
    other.mkdir(parents=True)
    code = f"open({inside.place.store!r} + '/x', 'w')"
    done, said = inside(download, code)
    assert not done and "Read-only file system" in said
    assert inside(collect, code) == (True, "")
    done, said = inside(collect, f"open({str(other)!r} + '/x', 'w')")
    assert not done and "Read-only file system" in said


def test_download_sees_the_planned_files_and_not_their_neighbors(inside: Inside, tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    for name in ("one.flac", "two.flac"):
        (tmp_path / "media" / name).touch()
    planned = Item("0" * 16, "local", str(tmp_path / "media" / "one.flac"), "", "", "", "", 0.0, 0, "")
    shard = write_plan(open_store(inside.place.store), [planned])
    code = f"import os; print(os.listdir({str(tmp_path / 'media')!r}))"
    task = inside.task(download, code)
    task.executor_input["inputs"]["parameterValues"]["shard"] = shard
    assert inside.perform(task, download.needs) == (True, "['one.flac']\n")


def test_an_out_of_memory_error_names_the_limit(inside: Inside) -> None:
    needs = dataclasses.replace(segment.needs, memory="64Mi")
    for code in (
        "bytearray(200 * 2**20)",
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'bytearray(200 * 2**20)'], check=True)",
    ):
        done, said = inside.perform(inside.task(segment, code), needs)
        assert not done
        assert said.endswith("error: ended: out of memory, its limit is 64Mi\n")
    assert inside.children.failures == [-signal.SIGKILL] * 2


@pytest.mark.parametrize("deaf", [False, True])
def test_a_container_is_ended_at_the_limit_of_its_stage(inside: Inside, monkeypatch: pytest.MonkeyPatch, deaf: bool) -> None:
    monkeypatch.setattr(tasks, "GRACE_SECONDS", 1.0)
    code = f"import signal, time; signal.signal(15, signal.SIG_IGN if {deaf} else signal.SIG_DFL); print('up', flush=True); time.sleep(600)"
    done, said = inside.perform(inside.task(segment, code), dataclasses.replace(segment.needs, timeout_hours=0.002))
    assert not done
    assert said.startswith("up\nerror: expected segment to end within 0.002 hours, the limit of the stage"), said
    assert containers_with(str(inside.place.runs)) == []
    assert inside.children.failures != [MENDABLE]


def test_tasks_that_fail_at_once_are_reported_as_failed(inside: Inside) -> None:
    given = [inside.task(segment, "raise SystemExit(1)") for _ in range(30)]
    with ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(lambda task: inside.perform(task, segment.needs), given))
    assert ended == [(False, "error: ended with status 1:\n")] * 30
    assert inside(segment, "print('error: no room'); raise SystemExit(2)") == (False, "error: no room\n")
    assert inside(segment, "import os; os.abort()") == (False, "error: ended by signal 6 (SIGABRT)\n")
    assert inside.children.failures == [1] * 30 + [MENDABLE, -signal.SIGABRT]


def test_an_error_of_docker_does_not_count_against_a_recording(inside: Inside) -> None:
    done, said = inside.perform(inside.task(segment, ""), dataclasses.replace(segment.needs, memory="1Ki"))
    assert not done and re.match(r"error: docker create: .*memory", said)
    assert inside.children.failures == [MENDABLE]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_no_container_remains_after_its_run(number: int, status: int, tmp_path: Path) -> None:
    noise(tmp_path / "media" / "noise.flac", 1)
    command = [
        COMMAND,
        "run",
        *SMALL,
        "--runner",
        "docker",
        "--store",
        tmp_path / "store",
        "--dataset",
        "show",
        "--sources",
        tmp_path / "media",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout
    assert any("download 1 | done in" in line for line in process.stdout)
    wait_until(lambda: any("separate" in name for name in containers_with(str(tmp_path))))
    process.send_signal(number)
    output = process.stdout.read()
    assert process.wait() == status, output
    wait_until(lambda: containers_with(str(tmp_path)) == [])
    if number == signal.SIGINT:
        assert output.splitlines()[-1].startswith("interrupted"), output
        assert [row.attempts for row in Dataset(tmp_path / "store", "show").ledger().values()] == [0]


def test_a_task_that_ignores_sigterm_is_killed_after_the_grace_period(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "GRACE_SECONDS", 1.0)
    ready = inside.place.runs / "run" / "task-1" / "ready"
    code = f"import signal, time; signal.signal(15, signal.SIG_IGN); open({str(ready)!r}, 'w'); time.sleep(600)"
    task = inside.task(segment, code)
    threading.Thread(target=lambda: (wait_until(ready.exists), inside.children.stop())).start()
    with pytest.raises(RunError, match="the run is ending"):
        inside.perform(task, segment.needs)
    assert containers_with(str(ready.parent)) == []
    with pytest.raises(RunError, match="the run is ending"):
        inside(segment, "print('a new one')")
    assert containers_with(str(inside.place.runs)) == []


def test_without_docker_or_images_no_run_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StageError, match=r"found none called speechmill/none:1 and 1 more: make images"):
        docker.check_images([image_of(segment), "speechmill/none:1", "speechmill/none:2"])
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    done = speechmill("run", "--runner", "docker", "--store", tmp_path / "store")
    assert done.returncode == 1
    assert done.stderr.startswith("error: Docker's engine does not answer") and len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "store").exists()
