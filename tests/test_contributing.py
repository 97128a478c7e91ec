"""CONTRIBUTING.md adds a stage in five steps: they work on a copy of the project, and a test notices each part that is left out."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from components.deployment import ROOT
from components.shared.audio import FlacWriter
from components.shared.rows import SAMPLE_RATE_HZ, Recording
from components.shared.table import empty, write_rows
from tests.tasks import artifacts, stage_command

GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "tests" / "contributing" / "loudest"
PINS = "components/loudest/requirements.txt"
"""What `make pins` would make, and does where a registry is at hand: the example needs what `fingerprint` needs."""
EDITS = [(block.partition("\n")[0], block.splitlines()[1:]) for block in re.findall(r"^```diff\n--- (.*?)\n```", GUIDE, re.M | re.S)]
"""Path and lines of every change that the guide shows."""
LEFT_OUT = re.findall(r"^\| `(.+)` \| `(tests/.+)` \|$", GUIDE.partition("| left out |")[2], re.M)
DOCS = "make docs"


def python(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs Python in a copy of the project, whose modules hide those of this one."""
    tools = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(project), *tools])}
    return subprocess.run([sys.executable, *arguments], cwd=project, env=environment, capture_output=True, text=True)


def run_tests(project: Path, *paths: str) -> subprocess.CompletedProcess[str]:
    return python(project, "-m", "pytest", "-x", "-vvv", "--color=no", *paths)


def edited(text: str, lines: list[str]) -> str:
    """A text with a change as the guide shows it: after or before the lines that are there, or at its end."""
    there = "".join(f"{line[1:]}\n" for line in lines if line[0] == " ")
    wanted = "".join(f"{line[1:]}\n" for line in lines)
    if not there:
        return text + wanted
    assert text.count(there) == 1, f"expected {there!r} once, found it {text.count(there)} times: correct CONTRIBUTING.md"
    return text.replace(there, wanted)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the project with the stage of the guide."""
    copy = tmp_path_factory.mktemp("copy") / "project"
    ignored = shutil.ignore_patterns(".*", "data", "build", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT, copy, ignore=ignored)
    shutil.copy(ROOT / ".dockerignore", copy)
    shutil.copytree(EXAMPLE, copy, dirs_exist_ok=True)
    shutil.copyfile(ROOT / "components" / "fingerprint" / "requirements.txt", copy / PINS)
    for path, lines in EDITS:
        file = copy / path
        file.write_text(edited(file.read_text(encoding="utf-8"), lines), encoding="utf-8")
    made = python(copy, "-m", "docs.generate")
    assert made.returncode == 0, made.stderr
    yield copy


def test_the_steps_touch_at_most_five_places() -> None:
    folders = {path.parent.relative_to(EXAMPLE) for path in EXAMPLE.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert len({*map(str, folders), *(path for path, _ in EDITS)}) <= 5


def test_every_part_of_the_example_is_in_the_table_of_what_fails() -> None:
    files = {str(p.relative_to(EXAMPLE)) for p in EXAMPLE.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    assert {part for part, _ in LEFT_OUT} == {*files, PINS, DOCS, *(path for path, _ in EDITS)}


@pytest.mark.slow
def test_the_project_s_tests_pass_with_the_stage(project: Path) -> None:
    done = run_tests(project, "tests/components/loudest", "tests/test_rooms.py", *sorted({test for _, test in LEFT_OUT}))
    assert done.returncode == 0, done.stdout


def test_the_documents_tell_of_the_stage(project: Path) -> None:
    for page in ("README.md", "docs/stages.md", "docs/data-dictionary.md"):
        assert re.search("loudest", (project / page).read_text(encoding="utf-8"), re.I), page


def test_the_stage_runs_and_its_pipeline_compiles(project: Path, tmp_path: Path) -> None:
    clean = tmp_path / "clean"
    with FlacWriter(clean / "audio" / "a.flac") as file:
        file.write(np.concatenate([np.zeros(SAMPLE_RATE_HZ), np.full(SAMPLE_RATE_HZ, 0.5)]).astype(np.float32))
    write_rows(clean, Recording, [replace(empty(Recording), recording="a", seconds=2.0, samples=2 * SAMPLE_RATE_HZ)])
    found = tmp_path / "loudest"
    command = stage_command("loudest", tmp_path / "output.json", artifacts(clean=clean), artifacts(loudest=found))
    done = python(project, *command[1:])
    assert done.returncode == 0, done.stderr
    assert pq.read_table(found / "rows.parquet").to_pylist() == [
        {"recording": "a", "start": 1.0, "level_db": pytest.approx(-6.02, abs=0.01)}
    ]
    program = "from components.deployment import LOCAL\nfrom pipelines.dataset import build\nprint(*build(LOCAL).pipeline_spec.components)"
    assert "comp-loudest" in python(project, "-c", program).stdout.split()


@pytest.mark.slow
@pytest.mark.parametrize(("part", "test"), LEFT_OUT, ids=lambda value: value)
def test_a_part_that_is_left_out_fails_a_test(part: str, test: str, project: Path) -> None:
    paths = [*(project / "docs").glob("*.md"), project / "README.md"] if part == DOCS else [project / part]
    whole = {path: path.read_bytes() for path in paths}
    try:
        for path in paths:
            before = ROOT / path.relative_to(project)
            if before.exists():
                shutil.copyfile(before, path)
            else:
                path.unlink()
        done = run_tests(project, test)
        assert done.returncode not in (0, 5), done.stdout
        assert ("run make docs" if part == DOCS else "oudest") in done.stdout, done.stdout
    finally:
        for path, content in whole.items():
            path.write_bytes(content)
