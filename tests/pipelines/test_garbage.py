"""`dataset gc` deletes what no version uses, and nothing else."""

import json
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner

from components.shared.audio import flac_bytes, pcm_sha256
from components.shared.rows import DatasetRow, Fingerprint
from components.shared.table import empty, schema, to_table
from components.shared.task import StageError
from pipelines.commands.dataset import command
from pipelines.datasets.garbage import Collector
from pipelines.datasets.verify import Verification
from store.datasets import audio_key, timeline_key
from store.fingerprints import FingerprintStore
from store.forgotten import Forgotten
from store.lease import lease
from store.objects import open_store
from store.version_rows import DatasetSpeaker, Decision, Recorded
from tests.store.conftest import uri
from tests.upkeep_store import NAME, Show, filled, pcm

__all__ = ["uri"]
KINDS = ("audio", "decisions", "fingerprints", "measures", "recordings", "speakers", "timelines")


@pytest.fixture
def show(uri: str) -> Show:
    return filled(open_store(uri))


def gc(show: Show, *options: str, age: str = "0m") -> dict[str, Any]:
    run = CliRunner().invoke(command, ["gc", NAME, "--store", show.store.uri, "--json", "--older-than", age, *options])
    if run.exception:
        raise run.exception
    return json.loads(run.stdout)


def with_garbage(show: Show) -> list[str]:
    """Adds an object of each kind that no version uses, as runs leave them that die. Returns their keys."""
    before = set(show.store.keys(f"datasets/{NAME}/"))
    sound = pcm(99, 1.0)
    show.store.write(audio_key(NAME, pcm_sha256(sound)), flac_bytes(sound))
    show.store.write(timeline_key(NAME, "ab" * 32), b"timeline")
    block = show.dataset.blocks.write(to_table(DatasetRow, [replace(empty(DatasetRow), clip="x-1", recording="x")]))
    show.dataset.table.write(block, schema(Decision).empty_table())
    show.dataset.blocks.write_rows(Recorded, [replace(empty(Recorded), recording="x")])
    show.dataset.blocks.write_rows(DatasetSpeaker, [replace(empty(DatasetSpeaker), speaker="s0009")])
    FingerprintStore(show.store, NAME).write([Fingerprint("x", 0.1, 2.0, b"1234" * 10)])
    return sorted(set(show.store.keys(f"datasets/{NAME}/")) - before)


def test_a_dataset_without_waste_loses_nothing(show: Show) -> None:
    before = list(show.store.keys(""))
    found = gc(show, "--yes")
    assert (found["objects"], found["bytes"], found["kinds"]) == (0, 0, {}) and list(show.store.keys("")) == before


def test_it_says_what_it_would_delete_and_deletes_it_if_asked(show: Show) -> None:
    keys = with_garbage(show)
    everything = list(show.store.keys(""))
    sizes = {key: len(show.store.read(key)) for key in keys}
    found = gc(show)
    assert not found["deleted"] and list(show.store.keys("")) == everything
    assert {kind: amount["objects"] for kind, amount in found["kinds"].items()} == dict.fromkeys(KINDS, 1)
    own = [sizes[key] for key in keys if "/fingerprints/" not in key]
    assert found["bytes"] == sum(own) + 40
    assert gc(show, "--yes")["objects"] == len(KINDS)
    assert sorted(show.store.keys("")) == sorted(set(everything) - set(keys))
    assert Verification(show.store, NAME).check(show.dataset.versions(), lambda *_: None).damage == []
    text = CliRunner().invoke(command, ["gc", NAME, "--store", show.store.uri, "--older-than", "0m"])
    assert text.exit_code == 0 and "nothing to delete" in text.stdout


def test_what_is_young_stays(show: Show) -> None:
    with_garbage(show)
    everything = list(show.store.keys(""))
    found = gc(show, "--yes", age="24h")
    assert found["objects"] == 0 and found["young"] == len(KINDS) and list(show.store.keys("")) == everything


def test_a_fingerprint_leaves_its_object_and_the_others_stay(show: Show) -> None:
    FingerprintStore(show.store, NAME).write([Fingerprint(r, 0.1, 2.0, b"1234") for r in ("aaaaaaaaaaaaaaa1", "gone")])
    gc(show, "--yes")
    assert "gone" not in FingerprintStore(show.store, NAME).recordings()
    assert len(FingerprintStore(show.store, NAME).recordings()) == 4


def test_audio_waits_for_a_run_that_may_be_at_work(show: Show) -> None:
    with_garbage(show)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    row = next(iter(show.ledger.rows().values()))
    planned = replace(row, recording="planned", run="at work", outcome="", planned=now)
    show.ledger.write(lambda _: [planned])
    collector = Collector(show.store, NAME, 3600.0)
    assert "may be at work" in collector.find().waits
    found = gc(show, "--yes")
    assert {"audio", "timelines"} <= found["kinds"].keys()  # the plan is older than the age of 0


def test_it_waits_for_the_publisher_of_the_dataset(show: Show) -> None:
    keys = with_garbage(show)
    seen: list[bool] = []
    with lease(show.store, NAME, "a run", lambda _: None):
        other = threading.Thread(target=gc, args=(show, "--yes"))
        other.start()
        time.sleep(2)
        seen += [show.store.exists(key) for key in keys]
    other.join()
    assert all(seen) and not any(show.store.exists(key) for key in keys)


def test_it_refuses_while_a_purge_is_unfinished(show: Show) -> None:
    Forgotten(show.store, NAME).begin({"when": {"now"}})
    with pytest.raises(StageError, match="--purge"):
        gc(show)


def test_forgotten_audio_is_kept_for_older_versions(show: Show) -> None:
    run = CliRunner().invoke(command, ["forget", NAME, "--recording", "aaaaaaaaaaaaaaa1", "--store", show.store.uri])
    assert run.exit_code == 0, run.exception
    gc(show, "--yes")
    assert Verification(show.store, NAME).check(show.dataset.versions(), lambda *_: None).damage == []


@pytest.mark.parametrize("age", ["1", "x", "-1h"])
def test_an_age_needs_a_unit(tmp_path: Any, age: str) -> None:
    run = CliRunner().invoke(command, ["gc", NAME, "--store", str(tmp_path), "--older-than", age])
    assert run.exit_code == 2 and "such as 30m, 24h or 7d" in run.output
