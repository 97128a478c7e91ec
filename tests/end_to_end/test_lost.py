"""Stages that are killed, and runs that a person interrupts."""

import contextlib
import dataclasses
import re
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from components.deployment import LOCAL
from components.discover.items import recording_id
from components.shared.task import MENDABLE
from pipelines.cluster.workflow import RunError
from pipelines.dataset import STAGES, build
from pipelines.inputs.slots import AUTO, SLOTS, choose, uri
from pipelines.local import environments
from pipelines.local.display import Display
from pipelines.local.embedded import Program, executor, program
from pipelines.local.runner import run
from store.ledger import GIVEN_UP, PENDING, PUBLISHED, Ledger
from store.objects import open_store
from tests import command
from tests.artifacts import write_flac
from tests.end_to_end.runs import COMMAND, SMALL, Dataset, law_of_seconds

_TAGS = ("diarize", "tag_tone", "tag_quality", "tag_events")
SWITCHED_OFF = {f"{stage}_enabled": False for stage in _TAGS} | {"denoise_chain": "none"}
UNMEASURED = (*(f"--no-{stage.replace('_', '-')}-enabled" for stage in _TAGS), "--denoise-chain", "none")
"""The recordings are noise, so nothing is measured: as parameters and as options."""


def noise(path: Path, seed: int) -> None:
    """Writes 4 s of noise."""
    write_flac(path, np.random.default_rng(seed).normal(0, 0.05, 4 * 44_100))


def killer(python: Path, folder: Path, poison: str) -> Path:
    """A Python wrapper that kills itself with SIGKILL, as the OOM killer does, if its task reads audio of the recording `poison`."""
    check = (
        "import json, pathlib, sys; inputs = json.loads(pathlib.Path(sys.argv[1][1:]).read_text())['inputs']['artifacts'].values(); "
        f"sys.exit(any(pathlib.Path(a['uri'], 'audio', '{poison}.flac').exists() for i in inputs for a in i['artifacts']))"
    )
    wrapper = folder / "bin" / "python"
    wrapper.parent.mkdir(parents=True)
    wrapper.write_text(f'#!/bin/sh\n{python} -c "{check}" "$3" || kill -9 $$\nexec {python} "$@"\n')
    wrapper.chmod(0o755)
    return wrapper


def processes_with(text: str) -> list[str]:
    """Command lines of running processes that contain a text."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            found.append(file.read_bytes().decode(errors="replace"))
    return [line for line in found if text in line]


def instead_of(stage: str, python: Path, programs: dict[str, Program]) -> None:
    """Lets another program run a stage's tasks."""
    image = next(s.image for s in STAGES if s.name == stage)
    programs[image] = dataclasses.replace(programs[image], python=python)


def attempt(show: Dataset, media: Path, programs: dict[str, Program], number: int, **settings: object) -> None:
    defaults = {f"{s.name}_{name}": p.default for s in STAGES for name, p in s.settings.items()}
    store = open_store(str(show.folder))
    models = {parameter: uri(store.uri, slot, choose(store, slot, AUTO)) for parameter, slot in SLOTS.items()}
    own = {"sources": str(media), "dataset": "show", "store": str(show.folder), "allow_private": False}
    arguments = defaults | SWITCHED_OFF | settings | own | models
    with Display() as display:
        run(build(LOCAL), arguments, root=show.folder / "runs", execute=executor(programs), run_id=f"run-{number}", jobs=1, display=display)


@pytest.mark.parametrize(("status", "mendable"), [(MENDABLE, True), (1, False)])
def test_the_exit_status_tells_a_mendable_error_from_a_bad_recording(tmp_path: Path, status: int, mendable: bool) -> None:
    show = Dataset(tmp_path / "store", "show")
    noise(tmp_path / "media" / "0.flac", 0)
    programs = {s.image: program(s) for s in STAGES}
    wrapper = tmp_path / "bin" / "python"
    wrapper.parent.mkdir()
    wrapper.write_text(f"#!/bin/sh\necho no space left\nexit {status}\n")
    wrapper.chmod(0o755)
    instead_of("download", wrapper, programs)
    with pytest.raises(RunError, match=f"download 1: ended with status {status}: no space left") as error:
        attempt(show, tmp_path / "media", programs, 0)
    assert error.value.mendable == mendable
    (row,) = show.ledger().values()
    assert row.attempts == 1
    Ledger(open_store(str(show.folder)), "show").interrupted("run-0")
    (row,) = show.ledger().values()
    assert row.attempts == 0


def test_a_task_that_cannot_start_says_why_and_is_a_mendable_error(tmp_path: Path) -> None:
    show = Dataset(tmp_path / "store", "show")
    noise(tmp_path / "media" / "0.flac", 0)
    programs = {s.image: program(s) for s in STAGES}
    damaged = tmp_path / "bin" / "python"
    damaged.parent.mkdir()
    damaged.write_text("no program")
    damaged.chmod(0o755)
    instead_of("download", damaged, programs)
    with pytest.raises(RunError, match=r"download 1: .*Exec format error") as error:
        attempt(show, tmp_path / "media", programs, 0)
    assert error.value.mendable


def test_a_recording_that_kills_its_stage_is_given_up_and_the_others_are_published(tmp_path: Path, stand_ins: None) -> None:
    show, media = Dataset(tmp_path / "store", "show"), tmp_path / "media"
    for i in range(4):
        noise(media / f"{i}.flac", i)
    poison = recording_id("local", "", str(media / "0.flac"))
    programs = {s.image: program(s) for s in STAGES}
    instead_of("cut", killer(environments.ensure("cut"), tmp_path, poison), programs)
    for number in range(3):
        with pytest.raises(RunError, match=r"cut.*ended by signal 9"):
            attempt(show, media, programs, number, discover_shard_seconds=9.0)  # two recordings a shard
        assert {row.outcome for row in show.ledger().values()} == {PENDING}
    attempt(show, media, programs, 3, discover_shard_seconds=9.0)
    rows = show.ledger()
    assert rows[poison].outcome == GIVEN_UP
    assert "lost in 3 runs" in rows[poison].reason
    assert [r.outcome for r in rows.values() if r.recording != poison] == [PUBLISHED] * 3
    law_of_seconds(rows)


def test_ctrl_c_ends_every_process_and_the_next_run_resumes(tmp_path: Path, stand_ins: None) -> None:
    """The first run is a process of its own, with the real stages."""
    show = Dataset(tmp_path / "store", "show", command=command.speechmill)
    noise(tmp_path / "media" / "noise.flac", 1)
    started = [COMMAND, "run", *SMALL, "--store", show.folder, "--dataset", "show", "--sources", tmp_path / "media"]
    process = subprocess.Popen(started, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout
    assert any(re.search(r"download.*done in", line) for line in process.stdout)
    while not any("components.separate" in line for line in processes_with(str(show.folder))):
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    output = process.stdout.read()
    assert process.wait() == 130, output
    assert output.splitlines()[-1].startswith("interrupted"), output
    assert "Traceback" not in output
    assert processes_with(str(show.folder)) == []
    (row,) = show.ledger().values()
    assert (row.outcome, row.attempts) == (PENDING, 0)
    done = show.run("--sources", tmp_path / "media", *UNMEASURED)
    assert re.search(r"download.*taken from the cache", done.stdout)
