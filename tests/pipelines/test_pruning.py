"""`runs prune` deletes artifacts of earlier runs, and keeps what later runs take up again."""

import fcntl
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from components.shared.rows import Clip, Recording
from components.shared.table import empty, write_rows
from components.shared.task import StageError
from pipelines.commands.runs import command
from store.interface import Store
from store.ledger import Ledger, LedgerRow
from store.objects import open_store
from tests.store.conftest import uri

__all__ = ["uri"]
DONE, PENDING, FRESH = "a" * 16, "b" * 16, "c" * 16


def ledger(store: Store) -> None:
    """A dataset with a published and two planned recordings."""
    rows = [replace(empty(LedgerRow), recording=r, shard="0123456789abcdef", kind="feed") for r in (DONE, PENDING, FRESH)]
    Ledger(store, "show").write(lambda _: [replace(rows[0], outcome="published"), *rows[1:]])


def shard(task: Path, recording: str) -> None:
    """What two tasks of a shard leave, as the runner names it."""
    (task / "download" / "recordings" / "audio").mkdir(parents=True)
    (task / "cut" / "clips").mkdir(parents=True)
    write_rows(task / "download" / "recordings", Recording, [replace(empty(Recording), recording=recording)])
    (task / "download" / "recordings" / "audio" / f"{recording}.flac").write_bytes(b"1" * 50_000)
    write_rows(task / "cut" / "clips", Clip, [replace(empty(Clip), clip=f"{recording}-00000000", recording=recording)])


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """The runs of a store in a folder: an old one of two shards, with its cache, and a fresh one. Also a model and a training."""
    ledger(open_store(str(tmp_path)))
    root = tmp_path / "runs"
    old, fresh = root / "embedded" / "dataset-2026-01-01", root / "embedded" / "dataset-2026-02-01"
    for number, recording in enumerate((DONE, PENDING)):
        shard(old / f"for-loop-1-iteration-{number}", recording)
    (old / "report").mkdir()
    (old / "report" / "page").write_text("page")
    for other in (root / "models" / "a" / "b", root / "training" / "one" / "model"):
        other.mkdir(parents=True)
        (other / "weights").write_bytes(b"1")
    cache = root / "embedded" / ".kfp_cache"
    cache.mkdir()
    for number in range(2):
        uri = str(old / f"for-loop-1-iteration-{number}" / "cut" / "clips")
        (cache / f"{number}.json").write_text(json.dumps({"clips": {"uri": uri}}))
    for path in root.rglob("*"):
        os.utime(path, (time.time() - 30 * 86400,) * 2)
    shard(fresh / "for-loop-1-iteration-0", FRESH)
    return root


def prune(store: str, *options: str) -> dict[str, Any]:
    run = CliRunner().invoke(command, ["prune", "--store", store, "--json", *options])
    if run.exception:
        raise run.exception
    return json.loads(run.stdout)


def files(root: Path) -> set[str]:
    return {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}


def test_what_is_published_goes_and_what_a_later_run_needs_stays(runs: Path) -> None:
    before, store = files(runs), str(runs.parent)
    found = prune(store)
    old = "embedded/dataset-2026-01-01"
    assert found["works"].keys() == {f"{old}/for-loop-1-iteration-0", f"{old}/report"} and found["bytes"] > 50_000
    assert (found["pending"], found["young"], found["deleted"]) == (1, 1, False) and files(runs) == before
    assert prune(store, "--yes")["bytes"] == found["bytes"]
    gone = {f for f in before if f.startswith((f"{old}/for-loop-1-iteration-0/", f"{old}/report/"))} | {"embedded/.kfp_cache/0.json"}
    assert files(runs) == before - gone and not (runs / old / "report").exists()
    said = CliRunner().invoke(command, ["prune", "--store", store]).stdout
    assert "0 groups of artifacts" in said and "1 hold recordings that are not published yet" in said


def test_a_shard_that_is_published_later_goes_then(runs: Path) -> None:
    store = open_store(str(runs.parent))
    Ledger(store, "show").write(lambda rows: [replace(r, outcome="published") for r in rows.values()])
    assert len(prune(store.uri, "--yes", "--older-than", "0m")["works"]) == 4
    assert files(runs) == {"models/a/b/weights", "training/one/model/weights"}


def test_all_that_holds_a_recording_goes_if_it_is_named(runs: Path) -> None:
    found = prune(str(runs.parent), "--holding", FRESH, "--yes")
    assert found["works"].keys() == {"embedded/dataset-2026-02-01/for-loop-1-iteration-0"}
    assert not any(FRESH in f for f in files(runs)) and any(PENDING in f for f in files(runs))


def test_nothing_is_deleted_while_a_run_is_at_work(runs: Path) -> None:
    before = files(runs)
    with (runs / "show.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StageError, match="a run of dataset show is at work"):
            prune(str(runs.parent), "--yes")
    assert files(runs) == before | {"show.lock"}


def test_in_a_bucket_only_runs_of_datasets_are_pruned(bucket: str, tmp_path: Path) -> None:
    store = open_store(bucket)
    ledger(store)
    for run, recording in (("one", DONE), ("two", PENDING)):
        shard(tmp_path / run, recording)
        for path in (tmp_path / run).rglob("*.*"):
            store.write(f"runs/dataset/{run}/{path.relative_to(tmp_path / run).as_posix()}", path.read_bytes())
    store.write("runs/train_separator/a/b/checkpoint", b"1")
    before = set(store.keys("runs/"))
    found = prune(bucket, "--bucket", "--older-than", "0m", "--yes")
    assert found["works"].keys() == {"dataset/one/download", "dataset/one/cut"} and found["pending"] == 2
    assert set(store.keys("runs/")) == {k for k in before if not k.startswith("runs/dataset/one/")}


def test_a_bucket_is_asked_for_explicitly(tmp_path: Path) -> None:
    run = CliRunner().invoke(command, ["prune", "--store", str(tmp_path), "--bucket"])
    assert run.exit_code == 2 and "--bucket: expected it with --store s3://BUCKET" in run.output


def test_no_runs_are_nothing_to_prune(uri: str, tmp_path: Path) -> None:
    assert prune(uri, "--runs", str(tmp_path / "none"))["works"] == {}
