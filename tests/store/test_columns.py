"""A table without a newer column stays readable, and gets the column with its next commit."""

import dataclasses
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from components.shared.rows import DatasetRow, Vector
from components.shared.table import SchemaError, empty
from store.datasets import DatasetStore
from store.interface import StoreError
from store.objects import open_store
from store.tables import Table
from store.upgrade import is_old, upgrade
from tests.versions import add_rows, change_version

BEFORE_TAGS = Path(__file__).parent / "before_tags"
"""A store written before clips had speakers, tones, quality and transcripts: two versions of a dataset."""


@pytest.fixture
def old(uri: str) -> DatasetStore:
    store = open_store(uri)
    for path in BEFORE_TAGS.rglob("*"):
        if path.is_file():
            store.write(path.relative_to(BEFORE_TAGS).as_posix(), path.read_bytes())
    with pytest.raises(StoreError, match="run `speechmill dataset upgrade show`"):
        DatasetStore(store, "show").versions()
    assert is_old(store, "show") and upgrade(store, "show") == 2 and not is_old(store, "show")
    return DatasetStore(store, "show")


def test_every_version_of_an_old_dataset_is_read_with_empty_columns(old: DatasetStore) -> None:
    first, second = old.versions()
    assert [(r.samples, r.kept, r.reason) for r in old.rows(first)] == [
        (88_200, True, ""),
        (88_200, True, ""),
        (22_050, False, "too_short"),
    ]
    assert [r.kept for r in old.rows(second)] == [True, True, True]
    for row in (*old.rows(first), *old.rows(second)):
        assert (row.speaker, row.vector, row.similarity, row.words, row.kept or row.reason) == ("", b"", None, [], row.kept or "too_short")


def test_an_old_dataset_takes_new_rows_and_its_old_versions_stay(old: DatasetStore) -> None:
    first, second = old.versions()
    before, then = old.rows(first), old.rows(second)
    vector = Vector(np.linspace(0, 1, 256, dtype="<f4").tobytes())
    tagged = replace(
        empty(DatasetRow), clip="f", vector=vector, similarity=0.5, words=["안녕", "하세요"], speaker="s0001", text="안녕 하세요"
    )
    made = add_rows(old, "run-3", tagged)
    assert made and made.number == 3
    assert old.rows(made) == [*then, tagged]
    assert [v.number for v in old.versions()] == [1, 2, 3]
    assert old.rows(first) == before
    changed = change_version(old, lambda rows: [replace(rows[0], speaker="s0002"), *rows[1:]], "run-4")
    assert changed and [r.speaker for r in old.rows(changed)] == ["s0002", "", "", "s0001"]
    assert old.rows(made) == [*then, tagged]


@dataclass(frozen=True, slots=True)
class Said:
    """Some columns of DatasetRow, one of which old tables lack."""

    clip: str
    start: float
    text: str
    kept: bool


def test_some_columns_of_a_version_are_those_of_its_rows(old: DatasetStore) -> None:
    first, second = old.versions()
    add_rows(old, "run-3", replace(empty(DatasetRow), clip="f", text="안녕", vector=Vector(b"")))
    for version in (first, second, old.version()):
        found = old.columns(version, Said).sort_by("clip").to_pylist()
        assert found == [{f.name: getattr(r, f.name) for f in dataclasses.fields(Said)} for r in old.rows(version)]


def test_concurrent_publishers_lose_no_rows_of_an_upgraded_dataset(old: DatasetStore) -> None:
    ready = threading.Barrier(4, timeout=60)

    def publish(run: int) -> None:
        ready.wait()
        add_rows(old, f"more-{run}", replace(empty(DatasetRow), clip=f"more-{run}", speaker="s0001"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(publish, range(4)))
    assert [v.number for v in old.versions()] == [1, 2, 3, 4, 5, 6]
    assert [r.clip for r in old.rows(old.version()) if r.speaker] == [f"more-{run}" for run in range(4)]


def test_an_old_dataset_can_get_a_version_with_the_same_rows(old: DatasetStore) -> None:
    rows = old.rows(old.version())
    made = change_version(old, lambda rows: rows, "run-3", {"stages": {"publish": {"settings": {"min_seconds": 0.4}}}})
    assert made and old.rows(made) == rows


def test_lists_and_vectors_are_read_back_bit_for_bit(uri: str) -> None:
    numbers = np.random.default_rng(1).standard_normal((4, 256)).astype("<f4")
    rows = [
        replace(
            empty(DatasetRow),
            clip=str(i),
            vector=Vector(v.tobytes()),
            words=["", "two words", "한"][:i],
            word_times=Vector(v[:i].tobytes()),
        )
        for i, v in enumerate(numbers)
    ]
    dataset = DatasetStore(open_store(uri), "show")
    add_rows(dataset, "one", *rows, replace(empty(DatasetRow), clip="none"))
    change_version(dataset, lambda rows: [replace(r, kept=True) if r.clip == "2" else r for r in rows], "two")
    assert dataset.rows(dataset.version()) == [replace(r, kept=r.clip == "2") for r in rows] + [replace(empty(DatasetRow), clip="none")]


@dataclass(frozen=True, slots=True)
class Short:
    clip: str
    samples: int


@dataclass(frozen=True, slots=True)
class Other:
    clip: str
    samples: str


@pytest.mark.parametrize(("kind", "id_column"), [(Other, "clip"), (Short, "samples")])
def test_a_table_with_other_columns_is_refused(tmp_path: Path, kind: type, id_column: str) -> None:
    """Other columns: one of another type, and one that the row class lacks, which reading would drop."""
    wide = dataclasses.make_dataclass("Wide", [("clip", str), ("samples", int), ("more", str)], frozen=True)
    store = open_store(str(tmp_path))
    Table(store, "table", wide, "clip").change(lambda *_: ([wide("a", 1, "b")], {}))
    with pytest.raises(SchemaError, match="more: string"):
        Table(store, "table", kind, id_column).rows()


def test_speakers_that_an_old_dataset_had_not_written_down_are_upgraded_too(uri: str) -> None:
    store, vector = open_store(uri), Vector(np.ones(256, "<f4").tobytes())
    rows = [
        replace(empty(DatasetRow), clip=c, samples=44_100, kept=True, speaker=s, vector=vector) for c, s in (("a", "s0001"), ("b", "s0002"))
    ]
    lineage = {"stages": {}, "seconds": {"kept_seconds": 2.0}, "speakers": {"given": 2}}
    metadata = {"speechmill.version": "1", "speechmill.run": "run", "speechmill.lineage": json.dumps(lineage)}
    Table(store, "datasets/show/table", DatasetRow, "clip").change(lambda *_: (rows, metadata))
    assert upgrade(store, "show") == 1
    dataset = DatasetStore(store, "show")
    assert [(s.speaker, s.clips, s.voice_seconds, s.centroid) for s in dataset.speakers(dataset.version())] == [
        ("s0001", 1, 1.0, vector),
        ("s0002", 1, 1.0, vector),
    ]
