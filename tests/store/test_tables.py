"""The store keeps every version, also with concurrent publishers."""

import dataclasses
import json
import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from components.shared.rows import DatasetRow, Item
from components.shared.table import empty
from store.datasets import DatasetStore, dataset_names
from store.interface import StoreError
from store.ledger import Ledger, LedgerRow
from store.objects import check_name, open_store
from store.plans import write_plan
from store.tables import Table
from tests.versions import add_rows, change_version, put_version


def row(clip: str, **columns: object) -> DatasetRow:
    return dataclasses.replace(empty(DatasetRow), clip=clip, **columns)


def publish(uri: str, run: str, clip: str) -> int:
    made = add_rows(DatasetStore(open_store(uri), "show"), run, row(clip))
    assert made
    return made.number


def test_a_published_version_does_not_change(uri: str) -> None:
    dataset = DatasetStore(open_store(uri), "show")
    put_version(dataset, [row("a"), row("b", reason="too_short")], "one", {"made": "first"})
    change_version(dataset, lambda rows: [dataclasses.replace(rows[1], kept=True, reason=""), row("c")], "two")
    first, second = dataset.versions()
    assert [r.clip for r in dataset.rows(first)] == ["a", "b"]
    assert dataset.rows(second) == [row("b", kept=True), row("c")]
    assert (first.number, first.run, first.lineage["made"], second.number) == (1, "one", "first", 2)


def test_a_run_publishes_only_once(uri: str) -> None:
    dataset = DatasetStore(open_store(uri), "show")
    first = put_version(dataset, [row("a")], "one")
    assert put_version(dataset, [row("b")], "one") == first
    assert [r.clip for r in dataset.rows(dataset.version())] == ["a"]


def test_unchanged_rows_make_no_version(uri: str) -> None:
    dataset = DatasetStore(open_store(uri), "show")
    put_version(dataset, [row("a")], "one")
    assert change_version(dataset, lambda rows: rows, "two", {"other": "lineage"}) is None
    assert len(dataset.versions()) == 1


def test_concurrent_publishers_lose_no_rows(uri: str) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        numbers = pool.starmap(publish, [(uri, f"run-{i}", f"clip-{i:02d}") for i in range(12)])
    dataset = DatasetStore(open_store(uri), "show")
    assert sorted(numbers) == list(range(1, 13)) == [v.number for v in dataset.versions()]
    assert [r.clip for r in dataset.rows(dataset.version())] == [f"clip-{i:02d}" for i in range(12)]


@pytest.mark.slow
def test_concurrent_first_writers_of_a_table_lose_no_rows(tmp_path: Path) -> None:
    """If two writers create a table at the same time, Delta Lake reports a failed commit to one of them."""
    tables = [Table(open_store(str(tmp_path)), f"tables/{i}", DatasetRow, "clip") for i in range(60)]
    ready = threading.Barrier(4, timeout=60)

    def write(writer: int) -> None:
        for table in tables:
            ready.wait()
            table.change(lambda rows, _: ([*rows, row(str(writer))], {}))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert [[r.clip for r in table.rows()] for table in tables] == [["0", "1", "2", "3"]] * 60


@pytest.mark.slow
def test_concurrent_first_publishers_number_their_versions_one_after_the_other(tmp_path: Path) -> None:
    """If two writers create a table at the same time, Delta Lake may let both succeed, and commits one after the other."""
    store, ready = open_store(str(tmp_path)), threading.Barrier(4, timeout=60)
    names = [f"show-{i}" for i in range(40)]

    def write(writer: int) -> None:
        for name in names:
            ready.wait()
            add_rows(DatasetStore(store, name), f"run-{writer}", row(str(writer)))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    datasets = [DatasetStore(store, name) for name in names]
    assert [[v.number for v in d.versions()] for d in datasets] == [[1, 2, 3, 4]] * len(names)
    assert all([r.clip for r in d.rows(d.version())] == ["0", "1", "2", "3"] for d in datasets)


@pytest.mark.slow
def test_the_history_is_never_removed(tmp_path: Path) -> None:
    """By default Delta Lake removes log entries older than 30 days at every checkpoint, once in 100 commits."""
    dataset = DatasetStore(open_store(str(tmp_path)), "show")
    put_version(dataset, [row("a")], "first")
    log = tmp_path / "datasets" / "show" / "decisions" / "_delta_log"
    for i in range(110):
        if i == 50:
            for entry in log.glob("*.json"):
                lines = [json.loads(line) for line in entry.read_text().splitlines()]
                for line in lines:
                    if "commitInfo" in line:
                        line["commitInfo"]["timestamp"] = 1_000_000_000_000
                entry.write_text("\n".join(json.dumps(line) for line in lines))
                os.utime(entry, (1_000_000_000, 1_000_000_000))
        put_version(dataset, [row("a", title=str(i))], f"run-{i}")
    assert list(log.glob("*.checkpoint.parquet"))
    assert dataset.versions()[0].run == "first"
    assert dataset.rows(dataset.version(1)) == [row("a")]


@pytest.mark.parametrize("name", ["my store", "데이터", "k=v", "a:b"])
def test_the_folder_of_a_store_may_have_any_name(tmp_path: Path, name: str) -> None:
    dataset = DatasetStore(open_store(str(tmp_path / name)), "show")
    put_version(dataset, [row("a")], "one")
    add_rows(dataset, "two", row("b"))
    assert [r.clip for r in dataset.rows(dataset.version())] == ["a", "b"]
    assert [p.name for p in (tmp_path / name).iterdir()] == ["datasets"]


@pytest.mark.parametrize("name", ["a#b", "a?b", "a%20b"])
def test_folder_names_with_url_characters_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match="without #"):
        open_store(str(tmp_path / name))


def test_reading_a_missing_dataset_creates_nothing(uri: str) -> None:
    assert DatasetStore(open_store(uri), "typo").versions() == []
    assert list(open_store(uri).keys("")) == []


def test_a_missing_version_is_an_error_that_lists_the_versions(uri: str) -> None:
    dataset = DatasetStore(open_store(uri), "show")
    with pytest.raises(StoreError, match="found none"):
        dataset.version()
    put_version(dataset, [row("a")], "one")
    with pytest.raises(StoreError, match=r"expected version 7 .* found versions 1 to 1"):
        dataset.version(7)
    open_store(uri).write("datasets/my stray folder/x", b"")
    assert dataset_names(open_store(uri)) == ["show"]


@pytest.mark.parametrize("name", ["", "..", "a/b", "A", "-a", "a" * 64, "a.b", "한국"])
def test_names_that_could_be_paths_are_refused(name: str) -> None:
    with pytest.raises(StoreError, match="dataset name"):
        check_name(name)


THREADS = """
import os, pathlib, sys, time
from store.ledger import Ledger
from store.objects import open_store
from store.plans import read_plan

def threads():
    names = [pathlib.Path(f"/proc/self/task/{t}/comm").read_text().strip() for t in os.listdir("/proc/self/task")]
    return [n for n in names if not n.startswith(("tokio", "jemalloc"))]

store = open_store(sys.argv[1])
Ledger(store, "show")._table.history()
before = threads()
assert len(Ledger(store, "show").rows()) == 1 and len(read_plan(store, sys.argv[2])) == 1
for _ in range(100):  # a new thread of tokio has the name of the process until it runs, an ended one for a moment
    if len(threads()) <= len(before):
        break
    time.sleep(0.1)
else:
    sys.exit(f"threads before reading: {before}, 10 s after it: {threads()}")
"""


def test_reading_leaves_no_arrow_threads(tmp_path: Path) -> None:
    """Arrow threads that hold Python buffers abort about one process in fifty at its exit (SIGABRT)."""
    store = open_store(str(tmp_path / "store"))
    item = Item("r", "feed", "https://a.example/1.mp3", "", "", "", "", 1.0, 0, "")
    shard = write_plan(store, [item])
    Ledger(store, "show").write(lambda rows: [dataclasses.replace(empty(LedgerRow), recording="r")])
    done = subprocess.run([sys.executable, "-c", THREADS, str(tmp_path / "store"), shard], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
