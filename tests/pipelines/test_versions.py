"""`dataset list`, `versions`, `show`, `tag`, `untag`, `tags` and `rollback`."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.shared.rows import DatasetRow
from store.ledger import FAILED, PUBLISHED, ROLLED_BACK
from store.objects import open_store
from tests.command import speechmill
from tests.pipelines.published import Dataset, clip


@pytest.fixture
def show(tmp_path: Path) -> Dataset:
    """A dataset with three versions: the second has another recording, the third another rule."""
    dataset = Dataset(open_store(str(tmp_path / "store")))
    dataset.publish("run-1", [clip("a-1", 4, tone="calm", language="ko"), clip("a-2", 2, gender="male"), clip("a-3", 1)])
    dataset.publish("run-2", [clip("b-1", 3)])
    dataset.publish("run-3", min_seconds=2.5)
    return dataset


def said(dataset: Dataset, *arguments: Any) -> str:
    done = speechmill("dataset", *arguments, "--store", dataset.store.uri)
    assert done.returncode == 0, done.stderr
    return done.stdout


def said_json(dataset: Dataset, *arguments: Any) -> Any:
    return json.loads(said(dataset, *arguments, "--json"))


def refused(dataset: Dataset, *arguments: Any) -> str:
    done = speechmill("dataset", *arguments, "--store", dataset.store.uri)
    assert done.returncode != 0 and not done.stdout
    return done.stderr.splitlines()[-1]


def test_show_adds_up_the_kept_clips_of_all_blocks(show: Dataset) -> None:
    lines = said(show, "show", "show", "--version", 2).splitlines()
    assert "3 of 4 clips kept, of 2 recordings" in lines
    assert "kept by gender: female 0:00:07.00, male 0:00:02.00" in lines
    assert "kept by tone: unknown 0:00:05.00, calm 0:00:04.00" in lines
    assert not any("kept by speaker" in line for line in lines)


def test_show_says_the_same_as_json(show: Dataset) -> None:
    found = said_json(show, "show", "show")
    assert found["version"] == found["newest_version"] == 3 and found["run"] == "run-3"
    assert found["clips"] == {"all": 4, "kept": 2} and found["recordings"] == {"all": 2, "kept": 2}
    assert found["kept_seconds"] == found["seconds"]["kept_seconds"] == 7.0
    assert found["kept_seconds_by"]["gender"] == {"female": 7.0}
    assert found["rules"]["min_seconds"] == 2.5


def test_lists_are_the_same_as_json(show: Dataset) -> None:
    said(show, "tag", "show", "golden", "--version", 2)
    (listed,) = said_json(show, "list")["datasets"]
    assert (listed["dataset"], listed["version"], listed["all_tags"]) == ("show", 3, {"golden": 2})
    versions = said_json(show, "versions", "show")["versions"]
    assert [(v["version"], v["run"], v["tags"]) for v in versions] == [(1, "run-1", []), (2, "run-2", ["golden"]), (3, "run-3", [])]
    assert "golden (version 2)" in said(show, "list")
    assert " golden " in said(show, "versions", "show").splitlines()[2]


def test_a_tag_stands_for_a_version_until_it_moves(show: Dataset) -> None:
    assert "golden is version 3 of dataset show" in said(show, "tag", "show", "golden")
    assert "golden is version 1 of dataset show; it was version 3" in said(show, "tag", "show", "golden", "--version", 1)
    assert "nothing changes" in said(show, "tag", "show", "golden", "--version", 1)
    assert ", version 1 of 3, made" in said(show, "show", "show", "--version", "golden")
    assert said(show, "show", "show", "--version", "golden").splitlines()[0].endswith("by run run-1, tagged golden")
    assert "is version 1" in said(show, "tag", "show", "release", "--version", "golden")
    assert "it was version 1" in said(show, "untag", "show", "golden")
    assert said_json(show, "tags", "show")["tags"] == {"release": 1}
    moves = said_json(show, "tags", "show", "--history")["history"]
    assert [(m["tag"], m["before"], m["after"]) for m in moves] == [
        ("golden", None, 3),
        ("golden", 3, 1),
        ("release", None, 1),
        ("golden", 1, None),
    ]
    assert [line.split()[1:] for line in said(show, "tags", "show", "--history").splitlines()[3:]] == [
        ["release", "1"],
        ["golden", "1", "removed"],
    ]


def test_a_program_sees_where_a_tag_was(show: Dataset) -> None:
    said(show, "tag", "show", "prod", "--version", "1")
    assert said_json(show, "tag", "show", "prod") == {"dataset": "show", "tag": "prod", "version": 3, "before": 1}
    assert said_json(show, "untag", "show", "prod") == {"dataset": "show", "tag": "prod", "version": None, "before": 3}


def test_speakers_and_reports_take_tags(show: Dataset) -> None:
    said(show, "tag", "show", "golden", "--version", 1)
    done = speechmill("speakers", "list", "show", "--version", "golden", "--store", show.store.uri)
    assert "in version 1 of dataset show" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["tag", "show", "7"], "is no number, found '7'"),
        (["tag", "show", "Golden"], "found 'Golden'"),
        (["tag", "show", "golden", "--version", "9"], "expected version 9 of dataset show"),
        (["untag", "show", "golden"], "expected a tag of dataset show"),
        (["show", "show", "--version", "golden"], "its tags are none"),
        (["show", "show", "--version", "0"], "expected a number from 1 on, or a tag"),
        (["tags", "other"], "expected a version of dataset other"),
    ],
)
def test_what_is_no_tag_or_version_is_refused(show: Dataset, arguments: list[str], reason: str) -> None:
    assert reason in refused(show, *arguments)


def clips_of(dataset: Dataset) -> list[DatasetRow]:
    return dataset.versions.rows(dataset.versions.version())


def test_a_rollback_makes_a_version_that_equals_the_old_one(show: Dataset) -> None:
    old = show.versions.rows(show.versions.version(1))
    assert "version 4 of dataset show equals version 1: 2 of 3 clips kept" in said(show, "rollback", "show", 1)
    assert clips_of(show) == old and [v.number for v in show.versions.versions()] == [1, 2, 3, 4]
    assert "rolled back to version 1" in said(show, "show", "show").splitlines()
    assert said_json(show, "show", "show")["rolled_back_to"] == 1
    assert "nothing changes" in said(show, "rollback", "show", 1)
    said(show, "tag", "show", "best", "--version", 3)
    assert said_json(show, "rollback", "show", "best") == {"dataset": "show", "rolled_back_to": 3, "version": 5, "planned_again": []}
    assert [r.clip for r in clips_of(show) if r.kept] == ["a-1", "b-1"]


def test_recordings_that_a_rollback_drops_are_planned_again(show: Dataset) -> None:
    assert said_json(show, "rollback", "show", 1)["planned_again"] == ["b"]
    rows = show.ledger.rows()
    assert (rows["a"].outcome, rows["b"].outcome) == (PUBLISHED, ROLLED_BACK)
    assert rows["b"].reason == "not in version 4, which equals version 1"
    assert "rolled back: b (b): not in version 4, which equals version 1" in said(show, "show", "show").replace("title of b", "b")
    show.publish("run-5", [clip("b-1", 3)])
    assert show.ledger.rows()["b"].outcome == PUBLISHED
    assert [r.clip for r in clips_of(show) if r.recording == "b"] == ["b-1"]
    assert "rolled back" not in said(show, "show", "show")


def test_the_next_version_after_a_rollback_has_the_old_rules(show: Dataset) -> None:
    said(show, "rollback", "show", 2)
    assert said_json(show, "show", "show")["rules"]["min_seconds"] == 1.5
    show.publish("run-5", [clip("c-1", 2)])
    assert [r.clip for r in clips_of(show) if r.kept] == ["a-1", "a-2", "b-1", "c-1"]
    assert "rolled_back_to" not in show.versions.version().lineage


def test_a_rollback_brings_the_old_file_of_a_recording_back_and_says_that_there_is_a_newer_one(show: Dataset) -> None:
    show.publish("run-4", [clip("a-1", 5)], media="new media", min_seconds=2.5)
    assert show.ledger.rows()["a"].state == "etag new media"
    said(show, "rollback", "show", 3)
    row = show.ledger.rows()["a"]
    assert (row.outcome, row.state, row.media_sha256) == (PUBLISHED, "etag media", "media a")
    assert "replaced" not in show.versions.version().lineage


def test_a_rollback_leaves_recordings_that_never_were_in_the_dataset(show: Dataset) -> None:
    show.plan(["c", "d"], "run-4")
    show.ledger.write(lambda rows: [replace(rows["d"], outcome=FAILED)])
    before = {r: row for r, row in show.ledger.rows().items() if r in "cd"}
    said(show, "rollback", "show", 1)
    assert {r: row for r, row in show.ledger.rows().items() if r in "cd"} == before


def test_ids_of_speakers_are_not_given_again_after_a_rollback(tmp_path: Path) -> None:
    show = Dataset(open_store(str(tmp_path / "store")))
    vectors = [b"\0" * 4 * i + b"\0\0\x80?" + b"\0" * 4 * (191 - i) for i in range(3)]
    heard = [clip(f"{name}-1", 4, vector=vector, voice_by="campplus") for name, vector in zip("abc", vectors, strict=True)]
    show.publish("run-1", heard[:1])
    show.publish("run-2", heard[1:2])
    said(show, "rollback", "show", 1)
    show.publish("run-4", heard[2:])
    assert {r.clip: r.speaker for r in clips_of(show)} == {"a-1": "s0001", "c-1": "s0003"}


def test_a_version_whose_files_were_deleted_is_refused(show: Dataset) -> None:
    gone = next(iter(show.versions.files(show.versions.version(1)).values()))
    show.store.delete(f"datasets/show/decisions/{gone.name}")
    assert "found 1 of 4 missing" in refused(show, "rollback", "show", 1)
    assert len(show.versions.versions()) == 3
