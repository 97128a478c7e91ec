"""`dataset verify` finds each kind of damage in a folder and in a bucket, names it, and repairs what can be made again."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from components.discover.items import Listed
from components.discover.plan import PlanSettings, make_plan
from components.shared.audio import flac_bytes
from components.shared.task import StageError
from pipelines.commands.dataset import command
from store.datasets import Version, audio_key
from store.objects import open_store
from store.plans import read_plan
from store.version_rows import Recorded
from tests.store.conftest import uri
from tests.upkeep_store import NAME, Show, Voice, filled, pcm

__all__ = ["uri"]
A, B, C, D = "aaaaaaaaaaaaaaa1", "bbbbbbbbbbbbbbb2", "ccccccccccccccc3", "ddddddddddddddd4"


@pytest.fixture
def show(uri: str) -> Show:
    return filled(open_store(uri))


def verify(show: Show, *options: str) -> tuple[int, dict[str, Any]]:
    run = CliRunner().invoke(command, ["verify", NAME, "--store", show.store.uri, "--json", *options])
    assert run.exception is None or isinstance(run.exception, SystemExit), run.exception
    return run.exit_code, json.loads(run.stdout)


def in_words(show: Show, *options: str) -> Result:
    return CliRunner().invoke(command, ["verify", NAME, "--store", show.store.uri, *options])


def damage(found: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {(d["kind"], d["clip"] or d["recording"], d["key"]) for d in found["damage"]}


def newest(show: Show) -> Version:
    return show.dataset.version()


def audio_of(show: Show, clip: str) -> str:
    (row,) = [r for r in show.dataset.rows(newest(show)) if r.clip == clip]
    return audio_key(NAME, row.audio_sha256)


def test_a_whole_dataset_has_no_damage(show: Show) -> None:
    status, found = verify(show, "--all-versions", "--audio")
    assert (status, found["damage"]) == (0, [])
    assert found["versions"] == [3, 2, 1] and found["decoded"] == 24
    said = in_words(show, "--audio")
    assert said.exit_code == 0 and "no damage found" in said.stdout and "MB/s" in said.stderr


def test_each_missing_empty_and_broken_object_is_named_with_its_clip(show: Show) -> None:
    gone, empty_one, cut, other = (f"{r}-00000000" for r in (A, B, C, D))
    keys = {clip: audio_of(show, clip) for clip in (gone, empty_one, cut, other)}
    show.store.delete(keys[gone])
    show.store.write(keys[empty_one], b"")
    show.store.write(keys[cut], show.store.read(keys[cut])[:5000])
    show.store.write(keys[other], flac_bytes(pcm(99, 2.0)))
    assert verify(show)[0] == 1
    status, found = verify(show, "--audio")
    assert status == 1
    assert damage(found) == {("audio", clip, keys[clip]) for clip in keys}
    said = in_words(show, "--audio")
    assert said.exit_code == 1 and f"clip {gone} of version 3: expected its audio, found none: {keys[gone]}" in said.stdout


def test_a_long_list_is_cut_in_text_and_whole_in_json(show: Show) -> None:
    for key in list(show.store.keys(f"datasets/{NAME}/audio/")):
        show.store.delete(key)
    assert len(verify(show)[1]["damage"]) == 24
    assert "and 4 more: --json has all" in in_words(show).stdout


@pytest.mark.parametrize("folder", ["measures", "decisions", "recordings", "speakers", "timelines"])
def test_other_bytes_in_a_file_are_damage(show: Show, folder: str) -> None:
    version = newest(show)
    key = {
        "measures": f"measures/{next(iter(show.dataset.files(version)))}.parquet",
        "decisions": f"decisions/{next(iter(show.dataset.files(version).values())).name}",
        "recordings": f"recordings/{version.recordings}.parquet",
        "speakers": f"speakers/{version.speakers}.parquet",
        "timelines": "",
    }[folder]
    key = f"datasets/{NAME}/{key}" if key else next(iter(show.store.keys(f"datasets/{NAME}/timelines/")))
    data = show.store.read(key)
    show.store.write(key, data[:-9] + b"x" + data[-8:])
    status, found = verify(show, "--audio")
    assert status == 1 and key in {d["key"] for d in found["damage"]}
    if folder in ("measures", "timelines"):
        assert {d["recording"] for d in found["damage"]} & {A, B, C, D}


def changed(show: Show, recordings: list[Recorded]) -> None:
    """A version whose recordings are these."""
    version = newest(show)
    name = show.dataset.blocks.write_rows(Recorded, recordings)
    history = show.dataset.table.history()
    kept = {k: v for k, v in history[0].items() if k.startswith("speechmill.")}
    other = {"speechmill.version": str(version.number + 1), "speechmill.run": "wrong", "speechmill.recordings": name}
    files = show.dataset.files(version)
    show.dataset.table.commit(version.commit, files, files, kept | other)


def test_samples_that_do_not_add_up_are_damage_of_the_recording_and_of_the_sums(show: Show) -> None:
    first, *rest = show.dataset.recordings(newest(show))
    changed(show, [replace(first, music_samples=first.music_samples + 7), *rest])
    status, found = verify(show)
    assert status == 1 and (("recordings", A) in {d[:2] for d in damage(found)})
    assert any("rejected_music_seconds" in d["what"] for d in found["damage"] if d["kind"] == "seconds")
    first = replace(first, kept_samples=first.kept_samples - 1, rejected_samples=first.rejected_samples + 1)
    changed(show, [first, *rest])
    assert any("kept" in d["what"] and d["recording"] == A for d in verify(show)[1]["damage"])


def test_a_recording_without_an_account_is_damage(show: Show) -> None:
    changed(show, show.dataset.recordings(newest(show))[1:])
    status, found = verify(show)
    assert status == 1 and ("recordings", A) in {d[:2] for d in damage(found)}
    assert any(d["kind"] == "seconds" for d in found["damage"])


def test_older_versions_are_checked_too_and_their_own_files_named(show: Show) -> None:
    old = show.dataset.version(1)
    show.store.delete(f"datasets/{NAME}/speakers/{old.speakers}.parquet")
    assert verify(show)[0] == 0
    status, found = verify(show, "--version", "1")
    assert status == 1 and [d["kind"] for d in found["damage"]] == ["speakers"] and found["damage"][0]["version"] == 1


def test_the_ledger_is_made_again_from_the_version(show: Show) -> None:
    before = show.ledger.rows()
    show.ledger._table.replace(lambda rows: [replace(r, kept_samples=1) if r.recording == A else r for r in rows if r.recording != B])
    status, found = verify(show)
    assert status == 1 and {d[:2] for d in damage(found)} == {("ledger", A), ("ledger", B)}
    status, found = verify(show, "--repair")
    assert status == 0 and found["repaired"]["ledger_rows"] == 2 and found["repaired"]["left"] == []
    after = show.ledger.rows()
    assert after[A] == before[A] and after[B].outcome == "published" and after[B].url == before[B].url
    assert after[B].kept_samples == before[B].kept_samples
    assert verify(show)[0] == 0


def test_broken_audio_is_queued_and_the_next_run_makes_it_again(show: Show) -> None:
    key = audio_of(show, f"{A}-00000000")
    show.store.write(key, b"not a FLAC file")
    status, found = verify(show, "--audio", "--repair")
    assert status == 0 and found["repaired"]["queued"] == [A] and found["repaired"]["deleted"] == [key]
    rows = show.ledger.rows()
    items = read_plan(show.store, rows[A].shard)
    settings = PlanSettings(0, 0, 3600.0, 0.0, 0.0, 3, False, False, True)
    plan = make_plan([Listed(i) for i in items], rows, {rows[A].shard: items}, settings, "next", "2026-12-01T00:00:00")
    assert [[i.recording for i in group] for group in plan.shards] == [[A]] and plan.fates[A] == "pending"
    show.run("next", {A: [Voice(1, 2.0, 10), Voice(2, 3.0, 11), Voice(1, 1.0, 12), Voice(2, 2.0, 13)]}, min_seconds=2.5)
    assert verify(show, "--audio", "--all-versions")[0] == 0
    assert show.ledger.rows()[A].outcome == "published"


def test_what_cannot_be_made_again_stays_damage(show: Show) -> None:
    block = next(iter(show.dataset.files(newest(show))))
    show.store.delete(f"datasets/{NAME}/measures/{block}.parquet")
    said = in_words(show, "--repair")
    assert said.exit_code == 1 and "cannot be made again: restore their objects from a backup" in said.stdout


def test_a_lease_that_nobody_renews_is_taken_away_by_a_repair(show: Show, waits: list[float]) -> None:
    key = f"datasets/{NAME}/lease.json"
    show.store.write(key, b'{"holder": "died", "nonce": "1"}')
    assert verify(show, "--repair")[0] == 0
    assert not show.store.exists(key) and sum(waits) >= 60


def test_a_dataset_that_is_not_there_and_two_choices_are_errors(tmp_path: Path) -> None:
    run = CliRunner().invoke(command, ["verify", "none", "--store", str(tmp_path)])
    assert isinstance(run.exception, StageError) and "expected a version" in str(run.exception)
    run = CliRunner().invoke(command, ["verify", "none", "--store", str(tmp_path), "--version", "1", "--all-versions"])
    assert run.exit_code == 2
