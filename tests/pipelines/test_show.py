"""What `dataset show` says of a version."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from components.shared.rows import DatasetRow
from components.shared.table import empty
from pipelines.commands.dataset import command
from pipelines.commands.shared import clock, show
from store.datasets import DatasetStore
from store.ledger import FAILED, FILTERED, Ledger, LedgerRow
from store.objects import open_store
from tests.versions import put_version


def shown(folder: Path, speakers: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> list[str]:
    store = open_store(str(folder))
    row = replace(
        empty(DatasetRow), clip="a", end=2.0, samples=88_200, kept=True, speaker="s0001", tone="calm", language="ko", gender="female"
    )
    lineage = {"stages": {}, "sources_sha256": "", "seconds": {"kept_seconds": 2.0}} | {"speakers": speakers}
    put_version(DatasetStore(store, "show"), [row], "run", lineage)
    show(store, "show")
    return capsys.readouterr().out.splitlines()


def test_speakers_are_shown_with_their_share_of_the_speech(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seconds = {f"s{i:04d}": 20.0 + i for i in range(1, 13)} | {"s0003": 40.0}
    facts = {"given": 17, "count": 15, "dominant": "s0003", "speech_seconds": 1000.0, "seconds": seconds}
    (line,) = (found for found in shown(tmp_path, facts, capsys) if found.startswith("speech by speaker"))
    assert line.startswith("speech by speaker: s0003 4.0%, s0012 3.2%, s0011 3.1%, ")
    assert line.endswith("s0004 2.4% and 5 more; s0003 is dominant")


def test_a_version_of_before_speakers_had_names_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(tmp_path, {}, capsys)
    assert lines[0].startswith("dataset show, version 1 of 1") and not any("speech by speaker" in line for line in lines)
    assert "kept by tone: calm 0:00:02.00" in lines and "kept by language: ko 0:00:02.00" in lines


def test_recordings_that_were_left_out_are_shown_with_their_reasons(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        replace(empty(LedgerRow), recording=f"{n:02}", title=f"show {n:02}", outcome=FILTERED, reason="is said to last 1 s")
        for n in range(12)
    ]
    failed = replace(empty(LedgerRow), recording="f", url="https://a.example/f.mp3", outcome=FAILED, reason="HTTP 404")
    Ledger(open_store(str(tmp_path)), "show").write(lambda _: [*rows, failed])
    lines = shown(tmp_path, {}, capsys)
    assert "failed: https://a.example/f.mp3 (f): HTTP 404" in lines
    assert [line for line in lines if line.startswith("left out")] == [
        *(f"left out by its length: show {n:02} ({n:02}): is said to last 1 s" for n in range(10)),
        "left out by their lengths: 2 more recordings",
    ]


def test_failures_are_grouped_by_reason_with_advice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reasons = ["blocked: HTTP 429", *["private: Private video"] * 12, "no audio stream"]
    rows = [replace(empty(LedgerRow), recording=f"{n:02}", title=f"t{n:02}", outcome=FAILED, reason=r) for n, r in enumerate(reasons)]
    Ledger(open_store(str(tmp_path)), "show").write(lambda _: rows)
    lines = [line for line in shown(tmp_path, {}, capsys) if line.startswith(("failed", "private", "blocked", "no audio"))]
    assert lines[:10] == [f"failed: t{n:02} ({n:02}): private: Private video" for n in range(1, 11)]
    assert lines[10] == "private: 2 more" and lines[11].startswith("private, 12 in all: give cookies")
    assert lines[12] == "failed: t00 (00): blocked: HTTP 429" and lines[13].startswith("blocked, 1 in all: the host refuses this crawler")
    assert lines[14:] == ["failed: t13 (13): no audio stream"]


def test_a_folder_that_is_no_dataset_is_named_and_the_datasets_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown(tmp_path, {}, capsys)
    for name in ("my copy of show", "._show", "Show", "봄"):
        (tmp_path / "datasets" / name).mkdir()
    done = CliRunner().invoke(command, ["list", "--store", str(tmp_path)])
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["dataset", "show"]
    assert lines[2:] == [
        f"left out: the folder {name!r} in datasets/, whose name is none of a dataset"
        for name in ("._show", "Show", "my copy of show", "봄")
    ]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00:00.00"), (179.996, "0:03:00.00"), (59.994, "0:00:59.99"), (3599.999, "1:00:00.00"), (36_061.5, "10:01:01.50")],
)
def test_times_are_rounded_before_they_are_split_into_minutes(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown
