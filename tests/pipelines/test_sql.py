"""`dataset sql`: the same clips as the version has, and nothing but them."""

import csv
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from store.objects import open_store
from tests.command import speechmill
from tests.pipelines.published import Dataset, clip

VECTOR = np.eye(192, dtype="<f4")[3].tobytes()


@pytest.fixture(params=["folder", "minio"])
def show(request: pytest.FixtureRequest, tmp_path: Path) -> Dataset:
    """A dataset with three versions in a folder or a bucket; one block has clips that the second version replaced."""
    uri = str(tmp_path / "store") if request.param == "folder" else request.getfixturevalue("bucket")
    dataset = Dataset(open_store(uri))
    first = [clip("a-1", 4, tone="calm", text='안녕, "you"\nthere', words=["안녕", "you"]), clip("a-2", 1), clip("b-1", 2, snr_db=7.5)]
    dataset.publish("run-1", first)
    dataset.publish("run-2", [clip("a-1", 3, tone="sad", vector=VECTOR, voice_by="campplus")], media="new")
    dataset.publish("run-3", min_seconds=2.5)
    return dataset


@pytest.fixture
def local(tmp_path: Path) -> Dataset:
    dataset = Dataset(open_store(str(tmp_path / "store")))
    dataset.publish("run-1", [clip("a-1", 4, vector=VECTOR, voice_by="campplus"), clip("a-2", 1)])
    return dataset


def asked(dataset: Dataset, query: str, *options: Any) -> subprocess.CompletedProcess[str]:
    return speechmill("dataset", "sql", "show", query, *options, "--store", dataset.store.uri)


def rows(dataset: Dataset, query: str, *options: Any) -> list[dict[str, Any]]:
    done = asked(dataset, query, "--json", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_clips_of_each_version_are_its_rows(show: Dataset) -> None:
    for version in show.versions.versions():
        expected = show.versions.rows(version)
        found = rows(show, "select * from clips order by clip", "--version", version.number)
        assert [r["clip"] for r in found] == [r.clip for r in expected]
        for got, row in zip(found, expected, strict=True):
            vectors = {"vector", "word_times", "events_top_probabilities"}
            assert {n: v for n, v in got.items() if n not in vectors} == {n: getattr(row, n) for n in got if n not in vectors}
            assert np.array(got["vector"], "<f4").tobytes() == row.vector


def test_recordings_speakers_and_versions_are_there(show: Dataset) -> None:
    speechmill("dataset", "tag", "show", "golden", "--version", 2, "--store", show.store.uri)
    assert rows(show, "select recording, kept_samples / 44100 as kept from recordings order by 1", "--version", "golden") == [
        {"recording": "a", "kept": 3.0},
        {"recording": "b", "kept": 2.0},
    ]
    assert rows(show, "select speaker, clips, len(centroid) as numbers from speakers") == [{"speaker": "s0001", "clips": 1, "numbers": 192}]
    assert rows(show, "select version, run, tags, clips, kept_clips from versions where version > 1") == [
        {"version": 2, "run": "run-2", "tags": ["golden"], "clips": 2, "kept_clips": 2},
        {"version": 3, "run": "run-3", "tags": [], "clips": 2, "kept_clips": 1},
    ]
    assert rows(show, "select speaker, sum(samples) / 44100 as seconds from clips where kept group by all") == [
        {"speaker": "s0001", "seconds": 3.0}
    ]


@pytest.mark.parametrize(
    "query",
    [
        "create table t as select 1",
        "drop view clips",
        "copy clips to '{}/x.csv'",
        "copy (select 1) to '{}/x.csv'",
        "attach '{}/x.db'",
        "export database '{}/x'",
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('/etc/passwd')",
        "select * from '/etc/passwd'",
        "select * from glob('/etc/*')",
        "select * from query",
        "select * from dataset",
        "set memory_limit = '1TB'",
        "install httpfs",
        "select 1; drop view clips",
        "select 1; select 2",
        "begin",
        "",
        "select nonsense from clips",
        "select * from clips where clip = 1 / 0 and",
    ],
)
def test_queries_that_do_more_than_read_the_dataset_are_refused_in_one_line(local: Dataset, tmp_path: Path, query: str) -> None:
    before = sorted(tmp_path.rglob("*"))
    done = asked(local, query.format(tmp_path))
    assert done.returncode == 1 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(("error: the query failed: ", "error: expected one query that only reads"))
    assert sorted(tmp_path.rglob("*")) == before and "root:" not in line


def test_a_table_hides_vectors_and_says_that_it_is_not_all(local: Dataset) -> None:
    lines = asked(local, "select clip, vector from clips order by clip").stdout.splitlines()
    assert [line.split() for line in lines[1:]] == [["a-1", "(192", "numbers)"], ["a-2", "(0", "numbers)"]]
    assert "1.0" in asked(local, "select clip, vector from clips order by clip", "--vectors").stdout
    lines = asked(local, "select range as n from range(250)").stdout.splitlines()
    assert len(lines) == 102 and lines[-1] == "these are the first 100 rows: --json and --csv print all"
    assert asked(local, "select 1 from clips where false").stdout == "no rows\n"


def test_csv_has_every_row_as_it_is(show: Dataset) -> None:
    done = asked(show, "select clip, text, words, snr_db from clips order by clip", "--csv", "--version", 1)
    found = list(csv.reader(io.StringIO(done.stdout, newline="")))
    assert found[0] == ["clip", "text", "words", "snr_db"]
    assert found[1] == ["a-1", '안녕, "you"\nthere', '["안녕", "you"]', ""]
    assert found[3][3] == "7.5"
    assert "found both" in asked(show, "select 1", "--csv", "--json").stderr


def test_json_has_no_numbers_that_json_lacks(local: Dataset) -> None:
    assert rows(local, "select 'nan'::double as a, ['inf'::double, 1] as b, date '2026-01-02' as c") == [
        {"a": None, "b": [None, 1.0], "c": "2026-01-02"}
    ]
    assert rows(local, "select * from clips where false") == []
