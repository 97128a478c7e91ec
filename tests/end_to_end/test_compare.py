"""`speechmill compare`: the same recordings with several settings."""

import json
import re
from pathlib import Path

import pytest

from tests.end_to_end.runs import SMALL, episode, speechmill


@pytest.mark.slow
def test_settings_are_compared_on_the_same_recordings_and_shared_stages_run_once(tmp_path: Path) -> None:
    episode(tmp_path / "show.mp3", 1, 0)
    options = ("--sources", tmp_path / "show.mp3", "--dataset", "show", "--store", tmp_path / "store", *SMALL)
    arguments = ("compare", *options, "--grid", "publish_min_seconds=0.3,4", "--out", tmp_path / "out" / "page.html")
    done = speechmill(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("separate 1 | done in") == 1 and done.stdout.count("separate | taken from the cache") == 1
    found = json.loads((tmp_path / "out" / "page.json").read_text())
    short, long = found["variants"]
    assert [v["values"] for v in found["variants"]] == [{"publish_min_seconds": 0.3}, {"publish_min_seconds": 4.0}]
    assert short["figures"]["clips"] > long["figures"]["clips"] and long["figures"]["median clip, s"] >= 4
    assert sum(short["seconds"].values()) == pytest.approx(sum(long["seconds"].values()))
    assert short["cpu_seconds"] > long["cpu_seconds"] > 0
    datasets = json.loads(speechmill("dataset", "list", "--json", "--store", tmp_path / "store").stdout)["datasets"]
    assert {d["dataset"] for d in datasets} == {short["dataset"], long["dataset"]}
    assert (tmp_path / "out" / "page.html").read_text().count("<audio") >= 2

    again = speechmill(*arguments)
    assert again.returncode == 0, again.stdout + again.stderr
    assert not re.findall(r"(separate|cut|collect) \d+ \|", again.stdout), "nothing is made a second time"
    repeated = json.loads((tmp_path / "out" / "page.json").read_text())
    assert [(v["figures"], v["version"]) for v in repeated["variants"]] == [(v["figures"], 1) for v in found["variants"]]
