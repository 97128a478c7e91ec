"""`dataset history`: one clip through the versions."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.publish.corrections import merge_of
from store.objects import open_store
from tests.command import speechmill
from tests.pipelines.published import Dataset, clip

STAGES = {
    "tag_quality": {"image": "tag_quality:1", "models": {}, "settings": {}},
    "cut": {"image": "cut:1", "settings": {"max_seconds": 15.0}},
}
AGAIN = {"tag_quality": {"image": "tag_quality:2", "models": {}, "settings": {}}}


def heard(name: str, number: int, **columns: Any) -> Any:
    return clip(name, vector=np.eye(192, dtype="<f4")[number].tobytes(), voice_by="campplus", **columns)


@pytest.fixture
def show(tmp_path: Path) -> Dataset:
    dataset = Dataset(open_store(str(tmp_path / "store")))
    dataset.publish("run-1", [heard("b-1", 0)])
    dataset.publish("run-2", [heard("a-1", 1, snr_db=5.0, quality_by="snr/1"), heard("a-2", 1, snr_db=20.0)], stages=STAGES)
    dataset.publish("run-3", min_snr_db=10.0)
    dataset.publish(
        "run-4", [heard("a-1", 1, snr_db=12.0, quality_by="snr/2"), heard("a-2", 1, snr_db=20.0)], stages=AGAIN, min_snr_db=10.0
    )
    dataset.publish("run-5", correction=merge_of("s0001", ["s0002"]), min_snr_db=10.0)
    return dataset


def told(dataset: Dataset, name: str) -> Any:
    done = speechmill("dataset", "history", "show", name, "--json", "--store", dataset.store.uri)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_decisions_of_all_versions_are_told(show: Dataset) -> None:
    found = told(show, "a-1")["versions"]
    assert [v["has_it"] for v in found] == [False, True, True, True, True]
    assert [(v["kept"], v["reason"], v["speaker"]) for v in found[1:]] == [
        (True, "", "s0002"),
        (False, "snr", "s0002"),
        (True, "", "s0002"),
        (True, "", "s0001"),
    ]
    assert found[2]["why"] == "rule min_snr_db 10.0: snr_db is 5.0" and "why" not in found[1]


def test_each_making_names_its_stages_and_their_settings(show: Dataset) -> None:
    first, again = told(show, "a-1")["made"]
    assert (first["run"], again["run"]) == ("run-2", "run-4")
    assert (first["url"], first["start_seconds"], first["end_seconds"]) == ("https://a.example/a.mp3", 10.0, 12.0)
    quality = [m["measurements"]["quality"] for m in (first, again)]
    assert [q["values"] for q in quality] == [{"snr_db": 5.0, "quality_by": "snr/1"}, {"snr_db": 12.0, "quality_by": "snr/2"}]
    assert [q["stages"]["tag_quality"]["image"] for q in quality] == ["tag_quality:1", "tag_quality:2"]
    assert first["measurements"]["cut"]["stages"]["cut"]["settings"] == {"max_seconds": 15.0}


def test_the_text_says_it_in_lines(show: Dataset) -> None:
    lines = speechmill("dataset", "history", "show", "a-1", "--store", show.store.uri).stdout.splitlines()
    assert lines[0] == "title of a, 0:00:10.00 to 0:00:12.00"
    assert lines[1] == "  from https://a.example/a.mp3, made by run run-2"
    assert "    by cut, image cut:1: max_seconds 15" in lines
    assert [" ".join(line.split()[3:]) for line in lines[-5:]][:3] == [
        "not in it",
        "kept s0002",
        "rejected: snr s0002 rule min_snr_db 10.0: snr_db is 5.0",
    ]


def test_a_clip_that_no_version_has_is_refused(show: Dataset) -> None:
    done = speechmill("dataset", "history", "show", "a-9", "--store", show.store.uri)
    assert done.returncode == 1 and "found 'a-9', which none of its 5 versions has" in done.stderr
