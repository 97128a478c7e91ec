"""What `speechmill estimate` says of a run, and how it depends on sources, settings and machines."""

import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from pipelines.commands.cli import speechmill
from pipelines.dataset import STAGES
from pipelines.local import rates
from pipelines.local.rates import Rate


def said(*arguments: object) -> Result:
    done = CliRunner().invoke(speechmill, ["estimate", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done


def figures(*arguments: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said(*arguments, "--json").stdout)
    return found


def seconds_of(found: dict[str, Any], stage: str) -> float:
    return next(float(cost["cpu_seconds"]) for cost in found["stages"] if cost["stage"] == stage)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with recordings of 60 and 30 s, and a text."""
    for name, seconds in (("a.flac", 60), ("b.wav", 30)):
        soundfile.write(tmp_path / name, np.zeros(seconds * 8000, np.int16), 8000)
    (tmp_path / "notes.txt").write_text("no audio")
    return tmp_path


def test_a_folder_is_counted_by_the_lengths_of_its_files(folder: Path) -> None:
    found = figures("--sources", folder, "--cores", 2)
    assert found["audio_hours"] == pytest.approx(90 / 3600) and found["recordings"] == 2
    assert found["wall_seconds"] > 0 and found["artifact_mb"] > 0 and found["store_objects"] > 2
    shown = said("--sources", folder, "--cores", 2).stdout
    assert "on 2 cores" in shown.splitlines()[0] and "for 90 s of audio" in shown.splitlines()[0]
    assert "tag_quality" in shown


def test_a_file_without_a_length_is_said_and_not_counted(folder: Path) -> None:
    (folder / "broken.mp3").write_bytes(b"\xff\xfb\x90\x00")
    found = figures("--sources", folder)
    assert found["audio_hours"] == pytest.approx(90 / 3600)
    assert any("1 of 3 recordings state no length" in note for note in found["notes"])


def test_sources_without_any_length_ask_for_hours() -> None:
    done = CliRunner().invoke(speechmill, ["estimate", "--sources", "https://example.org/a.mp3"])
    assert "no length is known: give the hours of audio with --hours" in str(done.exception)


def test_a_feed_is_counted_by_the_lengths_that_it_states() -> None:
    found = figures("--sources", "sample:")
    assert found["audio_hours"] == pytest.approx(111 / 3600, rel=0.02) and found["recordings"] == 2


def test_private_addresses_are_not_asked_unless_that_is_allowed(tmp_path: Path) -> None:
    feed = '<rss version="2.0" xmlns:i="http://www.itunes.com/dtds/podcast-1.0.dtd"><channel><title>Show</title>{}</channel></rss>'
    item = '<item><guid>a</guid><enclosure url="https://example.org/a.mp3" type="audio/mpeg"/><i:duration>1:00:00</i:duration></item>'
    (tmp_path / "feed.xml").write_text(feed.format(item))
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/feed.xml"
        assert figures("--sources", url, "--allow-private")["audio_hours"] == pytest.approx(1)
        refused = CliRunner().invoke(speechmill, ["estimate", "--sources", url])
        server.shutdown()
    assert "127.0.0.1 is a private address" in str(refused.exception)


def test_ten_times_the_audio_costs_up_to_ten_times_as_much() -> None:
    one, ten = figures("--hours", 1), figures("--hours", 10)
    assert 5 < ten["wall_seconds"] / one["wall_seconds"] <= 10
    assert ten["artifact_mb"] == pytest.approx(10 * one["artifact_mb"])


def test_more_cores_make_a_run_shorter_but_not_cheaper() -> None:
    two, eight = figures("--hours", 10, "--shards", 8, "--cores", 2), figures("--hours", 10, "--shards", 8, "--cores", 8, "--jobs", 4)
    assert eight["wall_seconds"] < two["wall_seconds"] / 2
    assert eight["core_hours"] == pytest.approx(two["core_hours"])


def test_settings_change_the_cost_of_their_stage_and_no_other() -> None:
    plain = figures("--hours", 1)
    for option, stage, sign in (
        (["--no-tag-quality-enabled"], "tag_quality", -1),
        (["--tag-quality-hop-seconds", 1], "tag_quality", 1),
        (["--transcribe-engine", "pocketsphinx"], "transcribe", 1),
        (["--denoise-chain", "deepfilter:4, loudness:-23"], "denoise", 1),
    ):
        changed = figures("--hours", 1, *option)
        assert sign * (seconds_of(changed, stage) - seconds_of(plain, stage)) > 10, option
        assert [c for c in changed["stages"] if c["stage"] != stage] == [c for c in plain["stages"] if c["stage"] != stage]


def test_a_setting_that_was_not_measured_is_said() -> None:
    assert any("separate_stereo True" in note for note in figures("--hours", 1, "--separate-stereo")["notes"])
    assert not any("counted as with its default" in note for note in figures("--hours", 1)["notes"])


def test_a_cluster_starts_a_pod_for_every_stage_of_every_shard() -> None:
    found = figures("--hours", 40, "--on", "cluster")
    per_shard = len(STAGES) - 3
    assert found["shards"] == 4 and found["tasks"] == 4 * per_shard + 3
    assert found["store_objects"] > figures("--hours", 40)["store_objects"]


def test_more_shards_than_a_run_takes_are_said_to_be_several_runs() -> None:
    assert any("these are 2 runs" in note for note in figures("--hours", 200)["notes"])


def test_every_stage_has_a_rate_with_the_defaults_of_its_settings() -> None:
    assert {stage.name for stage in STAGES} == rates.load().stages.keys()


def test_work_that_does_not_spread_limits_many_threads() -> None:
    rate = Rate(1, 100, 100, 1, speedup={"2": 1.6})
    assert rate.speed(1) == 1 and rate.speed(2) == pytest.approx(1.6)
    assert 1.6 < rate.speed(4) < rate.speed(64) < 4.01  # a quarter of the work takes one thread


def test_rates_that_cannot_be_read_name_their_file(tmp_path: Path) -> None:
    (tmp_path / "rates.json").write_text('{"stages": {"cut": {"start_seconds": 1}}}')
    with pytest.raises(Exception, match=r"expected measured rates in .*rates\.json"):
        rates.load(tmp_path / "rates.json")
