"""Exports that are killed: they do not look whole, the same command continues them, and the bytes are those of one that was not."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.datasets.exports.kinds import KINDS
from tests.command import speechmill
from tests.export_store import fill
from tests.places import ROOT

KILLED = """
import os, signal, sys
from pipelines.datasets.exports import write
clips, convert = int(sys.argv.pop(1)), write.converted
def converted(*arguments):
    global clips
    clips -= 1
    if clips < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return convert(*arguments)
write.converted = converted
from pipelines.commands.cli import main
main()
"""
"""Runs `speechmill`, and kills it at a clip."""
SHARDS = ("--shard-mb", "0.1")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("radio") / "store")


def arguments(store: Path, out: Path, kind: str) -> list[str]:
    options = ["--split", "train=0.6,dev=0.4", "--split-by", "recording", *(SHARDS if KINDS[kind].sharded else ())]
    return ["dataset", "export", "radio", "--store", str(store), "--out", str(out), "--format", kind, *options]


def killed(clips: int, *given: str) -> None:
    """Runs the command and kills it after so many clips."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(clips), *given], env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == -signal.SIGKILL


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_export_is_continued_and_its_bytes_are_those_of_another_one(store: Path, tmp_path: Path, kind: str) -> None:
    out, part = tmp_path / "out", tmp_path / ".out.incomplete" / "files"
    killed(13, *arguments(store, out, kind))
    assert not out.exists()
    written = {p.relative_to(part): p.stat().st_mtime_ns for p in part.rglob("[!.]*") if p.is_file()}
    assert written and not [p for p in part.rglob("*") if p.name in ("manifest.jsonl", "README.md")]
    again = speechmill(*arguments(store, out, kind))
    assert again.returncode == 0, again.stderr
    assert "of them had been written by an export that was interrupted" in again.stdout
    assert {p: (out / p).stat().st_mtime_ns for p in written} == written
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert speechmill(*arguments(store, tmp_path / "other", kind)).returncode == 0
    assert contents(out) == contents(tmp_path / "other")


def test_an_export_that_is_killed_again_and_again_is_done_in_the_end(store: Path, tmp_path: Path) -> None:
    given = arguments(store, tmp_path / "out", "webdataset")
    for _ in range(3):
        killed(10, *given)
    assert speechmill(*given).returncode == 0
    assert speechmill(*arguments(store, tmp_path / "other", "webdataset")).returncode == 0
    assert contents(tmp_path / "out") == contents(tmp_path / "other")


def test_a_kill_within_a_record_of_the_journal_loses_that_file_alone(store: Path, tmp_path: Path) -> None:
    given, part = arguments(store, tmp_path / "out", "jsonl"), tmp_path / ".out.incomplete"
    killed(5, *given)
    journal = (part / "journal.jsonl").read_bytes()
    (part / "journal.jsonl").write_bytes(journal[:-20])
    done = speechmill(*given)
    assert done.returncode == 0 and "; 4 of them had been written" in done.stdout
    assert speechmill(*arguments(store, tmp_path / "other", "jsonl")).returncode == 0
    assert contents(tmp_path / "out") == contents(tmp_path / "other")


@pytest.mark.parametrize("other", [("--codec", "wav"), ("--where", "speaker <> ''"), ("--columns", "text"), ("--sample-rate", "16000")])
def test_an_export_in_another_form_begins_anew(store: Path, tmp_path: Path, other: tuple[str, ...]) -> None:
    given = arguments(store, tmp_path / "out", "jsonl")
    killed(5, *given)
    done = speechmill(*given, *other)
    assert done.returncode == 0 and "interrupted" not in done.stdout
    assert speechmill(*arguments(store, tmp_path / "fresh", "jsonl"), *other).returncode == 0
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")


def test_a_condition_that_is_true_for_other_clips_next_time_begins_anew(store: Path, tmp_path: Path) -> None:
    given = [*arguments(store, tmp_path / "out", "jsonl"), "--where", "clip < '0a04' OR random() < 0.5"]
    killed(5, *given)
    done = speechmill(*given)
    lines = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    assert done.returncode == 0 and len({line["clip"] for line in lines}) == len(lines) == int(done.stdout.split()[1])
    assert sorted(p.relative_to(tmp_path / "out").as_posix() for p in tmp_path.rglob("*.flac")) == sorted(x["audio"] for x in lines)
