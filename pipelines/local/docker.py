"""Runs tasks in containers of their stages' images with the docker command. A container gets only what its stage declares."""

import contextlib
import csv
import io
import json
import os
import secrets
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kubernetes.utils.quantity import parse_quantity

from components.deployment import Needs
from components.discover.sources import parse
from components.shared.task import MENDABLE, StageError, one_line
from pipelines.local.display import Display
from pipelines.local.environments import has_gpu
from pipelines.local.tasks import Children, Ended, Executor, Task, follow
from store.objects import open_store
from store.plans import read_plan

STORE_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_REGION")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
INTERNET_VARIABLES = ("SPEECHMILL_PODBBANG_API", *_PROXIES, *(name.upper() for name in _PROXIES))
MAX_PROCESSES = 4096
"""Includes threads; TensorFlow starts several per processor."""

# The shell has its own session. Its standard input closes when the run ends, even by SIGKILL; then it removes the container.
_LIFE = """trap '' PIPE; docker create --name "$@"; echo "status $?"; cat >/dev/null; docker rm --force --volumes "$1" >/dev/null 2>&1"""


@dataclass(frozen=True)
class Place:
    """The store, artifacts and sources that the containers of a run may see."""

    store: str
    """URI of the store: a local folder, or a bucket reached over the network."""
    runs: Path
    """Folder for the artifacts of all runs."""
    sources: str
    """Sources of the run, some of which may be local."""

    @property
    def local_store(self) -> Path | None:
        return None if "://" in self.store else Path(self.store)


def check_images(images: Iterable[str]) -> None:
    """Raises StageError unless Docker's engine answers and has all of these images."""
    try:
        done = _docker("version", "--format", "{{.Server.Version}}")
    except FileNotFoundError:
        raise StageError("expected Docker's command, found no program docker: install Docker, or run embedded") from None
    if done.returncode:
        raise StageError(f"Docker's engine does not answer: {one_line(done.stderr)}")
    missing = [image for image in images if _docker("image", "inspect", image).returncode]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise StageError(f"expected the images of this code on this machine, found none called {missing[0]}{more}: make images")


def executor(needs: Mapping[str, Needs], place: Place) -> Executor:
    """Returns the executor for runs in Docker; `needs` holds the requirements of each image's stage."""

    def execute(task: Task, display: Display, children: Children) -> Ended:
        needed = needs[task.image]
        name = f"speechmill-{task.name.replace(' ', '-')}-{secrets.token_hex(4)}"
        command = task.command_of_file()
        with tempfile.TemporaryDirectory(dir=task.folder, prefix="scratch-", ignore_cleanup_errors=True) as scratch:
            options = container_options(task, needed, place, Path(scratch))
            if display.live:
                options.append("--env=SPEECHMILL_PROGRESS_SECONDS=0.5")
            with _container(name, [*options, task.image, *command]):
                ended = follow(["docker", "start", "--attach", name], os.environ, task, needed.timeout_hours, display, children)
                return ended if ended.reason else _state(name, ended.last, needed.memory)

    return execute


def container_options(task: Task, needs: Needs, place: Place, scratch: Path) -> list[str]:
    """Returns the options of `docker create` for a task. They name secrets; the values come from the environment."""
    mounts = _mounts(task, needs, place)
    memory, home = int(parse_quantity(needs.memory)), os.path.expanduser("~")  # noqa: PTH111  # pathlib's raises for an unknown user
    over_network = needs.internet or (needs.store and not place.local_store)
    variables = [*(INTERNET_VARIABLES if needs.internet else ()), *_secrets(needs)]
    variables += [f"{variable}_FILE" for variable in _secrets(needs)]
    if needs.store and over_network:  # for the store, or for sources in a bucket
        variables += STORE_VARIABLES
    return [
        "--init",
        "--pull=never",
        "--log-driver=none",  # the display shows its lines already
        "--read-only",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        f"--pids-limit={MAX_PROCESSES}",
        f"--memory={memory}",
        f"--memory-swap={memory}",
        *([f"--gpus={needs.gpu}"] if needs.gpu and has_gpu() else []),
        f"--user={os.getuid()}:{os.getgid()}",
        *(f"--group-add={group}" for group in os.getgroups()),
        # The host's network, so that a store, a feed or a proxy on loopback can be reached, as in embedded runs.
        f"--network={'host' if over_network else 'none'}",
        *([] if Path("/tmp") in mounts else ["--tmpfs=/tmp:size=64m,mode=1777"]),
        *(_mount(path, writable) for path, writable in mounts.items()),
        f"--env=TMPDIR={scratch}",  # on disk: media take gigabytes
        # Relative paths and ~ in sources mean the caller's folders.
        *([f"--workdir={Path.cwd()}", f"--env=HOME={home}"] if _reads_sources(needs) else [f"--env=HOME={scratch}"]),
        *(f"--env={variable}" for variable in variables if variable in os.environ),
    ]


def _mounts(task: Task, needs: Needs, place: Place) -> dict[Path, bool]:
    """Returns the paths that a task sees, and whether each is writable, which may differ for a path inside another one."""
    mounts: dict[Path, bool] = {}
    if _reads_sources(needs):
        mounts |= dict.fromkeys(_local_sources(task, place), False)
    if needs.store and place.local_store:
        place.local_store.mkdir(parents=True, exist_ok=True)
        mounts[place.local_store] = needs.store == "publisher"
        if place.local_store in place.runs.parents:
            mounts[place.runs] = False  # the results of other tasks must not change
    mounts |= dict.fromkeys(_secret_files(needs), False)
    artifacts = task.executor_input.get("inputs", {}).get("artifacts", {}).values()
    mounts |= {Path(artifact["uri"]): False for found in artifacts for artifact in found["artifacts"]}
    return mounts | {task.folder: True}


def _reads_sources(needs: Needs) -> bool:
    """Returns whether the stage is `discover` or `download`; the Azure engine uses the internet, but no store."""
    return needs.internet and bool(needs.store)


def _secrets(needs: Needs) -> list[str]:
    """Returns the names of the variables that hold the stage's secrets."""
    return [variable for secret in needs.secrets.values() for variable in secret.values()]


def _secret_files(needs: Needs) -> list[Path]:
    """Returns the files with the stage's secrets, which <variable>_FILE names."""
    named = [os.environ.get(f"{variable}_FILE") for variable in _secrets(needs)]
    return [Path(name).absolute() for name in named if name and Path(name).is_file()]


def _local_sources(task: Task, place: Place) -> Iterator[Path]:
    """Yields the local files and folders among the run's sources, and those of a shard's plan from an earlier run."""
    folders = [Path(source.target) for source in parse(place.sources) if source.kind == "local"]
    shard = task.executor_input["inputs"]["parameterValues"].get("shard")
    items = read_plan(open_store(place.store), shard) if shard else []
    files = [Path(item.url) for item in items if item.kind == "local"]
    yield from (p for p in folders if p.exists())
    yield from (p for p in files if p.exists() and not any(p.is_relative_to(folder) for folder in folders))


def _mount(path: Path, writable: bool) -> str:
    """Returns the option for a mount in CSV, so that a path may contain a comma."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(["type=bind", f"source={path}", f"target={path}", *([] if writable else ["readonly"])])
    return f"--mount={line.getvalue()}"


@contextlib.contextmanager
def _container(name: str, arguments: list[str]) -> Iterator[None]:
    """Creates a container and removes it afterwards, even if this process is killed."""
    command = ["sh", "-c", _LIFE, "sh", name, *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as life:
        assert life.stdout
        said = line = ""
        for line in life.stdout:
            if line.startswith("status "):
                break
            said += line
        if line != "status 0\n":
            raise StageError(f"docker create: {one_line(said)}")
        yield


def _state(name: str, last: str, memory: str) -> Ended:
    """Returns how a container ended according to the engine; the status of `docker start` may be that of a lost connection."""
    found = _docker("inspect", "--format", "{{json .State}}", name)
    if found.returncode:
        return Ended(MENDABLE, last, f"docker inspect: {one_line(found.stderr)}")
    state = json.loads(found.stdout)
    status = state["ExitCode"]
    if state["Status"] != "exited" or state["Error"]:
        return Ended(MENDABLE, last, f"docker start: {one_line(state['Error'] or last)}")
    if status and state["OOMKilled"]:
        return Ended(-signal.SIGKILL, last, f"ended: out of memory, its limit is {memory}")
    ended_by_signal = status > 128 and status - 128 in set(signal.Signals)
    return Ended(128 - status if ended_by_signal else status, last)


def _docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, start_new_session=True)
