"""What `dataset show` says of a version."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.shared.rows import DatasetRow
from components.shared.table import empty
from pipelines.commands.shared import show
from store.datasets import DatasetStore
from store.objects import open_store


def shown(folder: Path, speakers: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> list[str]:
    store = open_store(str(folder))
    row = replace(empty(DatasetRow), clip="a", end=2.0, kept=True, speaker="s0001", tone="calm", language="ko", gender="female")
    lineage = {"stages": {}, "sources_sha256": "", "seconds": {"kept_seconds": 2.0}} | ({"speakers": speakers} if speakers else {})
    DatasetStore(store, "show").publish("run", lambda _: ([row], lineage))
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
