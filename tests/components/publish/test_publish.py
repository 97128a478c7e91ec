"""What a version is made of, where its seconds went, and that publishing can be repeated."""

import json
from dataclasses import replace

import pytest

from components.publish.outcomes import check_law, duplicates
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow
from components.shared.table import to_table
from store.ledger import FAILED, PENDING, PUBLISHED
from store.version_rows import Recorded
from tests.components.publish.conftest import Show, account, made, row


def test_a_recording_is_replaced_whole_and_one_that_is_gone_keeps_its_rows(show: Show) -> None:
    show.plan("a", "b", "c")
    rows = [row(clip, audio_sha256="aa11") for clip in ("a-1", "a-2", "b-1", "c-1")]
    assert show.publish("run-1", show.part([account("a", 4), account("b"), account("c")], rows)).returncode == 0
    part = show.part([account("a"), account("b", seconds=0, reason="HTTP 404")], [row("a-3", audio_sha256="aa11")])
    assert show.publish("run-2", part).returncode == 0
    assert [r.clip for r in show.dataset.rows(show.dataset.version())] == ["a-3", "b-1", "c-1"]


def test_the_same_media_is_published_once_and_the_first_one_stays() -> None:
    before = {"old": made(Recorded, recording="old", media_sha256="m", samples=9, published="2024-05-01")}
    new = [account("new", media_sha256="m", published="2020-01-01"), account("other", media_sha256="n")]
    assert duplicates(before, new) == {"new": "old"}
    before["new"] = made(Recorded, recording="new", media_sha256="m", samples=9, published="2020-01-01", duplicate_of="old")
    assert duplicates(before, []) == {"new": "old"}


def test_a_sample_without_a_reason_is_found_out() -> None:
    rows = to_table(DatasetRow, [row("a-1", seconds=1)])
    check_law([account("a", music_samples=44_100)], rows)
    with pytest.raises(ValueError, match="recording a to add up to 88200 samples, found 88199"):
        check_law([account("a", music_samples=44_099)], rows)
    with pytest.raises(ValueError, match="expected an account of each recording that has clips, found none of a"):
        check_law([], rows)


def test_a_run_publishes_and_the_ledger_says_what_became_of_every_recording(show: Show) -> None:
    show.plan("a", "b")
    accounts = [account("a", 4, music_samples=44_100, conversion="turned down 4.2 dB"), account("b", 0, reason="HTTP 404")]
    part = show.part(accounts, [row("a-1", 2, audio_sha256="aa11"), row("a-2", 1, audio_sha256="bb22")])
    done = show.publish("run-1", part)
    assert done.returncode == 0, done.stderr
    assert [(r.clip, r.kept, r.reason) for r in show.dataset.rows(show.dataset.version(1))] == [
        ("a-1", True, ""),
        ("a-2", False, "too_short"),
    ]
    a, b = show.ledger.rows().values()
    assert (a.outcome, a.kept_samples, a.rejected_samples, a.music_samples) == (PUBLISHED, 88_200, 44_100, 44_100)
    assert a.conversion == "turned down 4.2 dB"
    assert (b.outcome, b.reason, b.failures) == (FAILED, "HTTP 404", 1)
    assert show.dataset.version().lineage["seconds"] == {
        "kept_seconds": 2.0,
        "rejected_too_short_seconds": 1.0,
        "rejected_music_seconds": 1.0,
        "rejected_noise_seconds": 0.0,
        "rejected_silence_seconds": 0.0,
        "rejected_unclipped_speech_seconds": 0.0,
    }
    assert json.loads((show.folder / "metrics").read_text())["kept_seconds"] == 2.0
    said = json.loads((show.folder / "out.json").read_text())
    assert said["parameterValues"] == {"version_number": 1}
    facts = said["artifacts"]["version"]["artifacts"][0]["metadata"]
    lineage = show.dataset.version().lineage
    assert (facts["run"], facts["sources_sha256"]) == ("run-1", lineage["sources_sha256"]), "a person follows it back by these"
    models = {model for stage in lineage["stages"].values() for model in stage.get("models", {}).values()}
    assert facts["models"] == ", ".join(sorted(models))


def test_repeated_after_its_commit_it_changes_nothing(show: Show) -> None:
    show.plan("a", "b")
    part = show.part([account("a"), account("b", 0, reason="HTTP 404")], [row("a-1", audio_sha256="aa11")])
    show.publish("run-1", part)
    ledger = show.ledger.rows()
    show.ledger.write(lambda rows: [replace(rows["a"], outcome=PENDING, samples=0)])  # as if it had died before it wrote the ledger
    assert show.publish("run-1", part).returncode == 0
    assert show.publish("run-1", part).returncode == 0
    assert len(show.dataset.versions()) == 1
    assert show.ledger.rows() == ledger


def test_other_rules_make_a_version_of_the_same_rows_and_the_same_rules_none(show: Show) -> None:
    show.plan("a")
    show.publish("run-1", show.part([account("a", 3)], [row("a-1", audio_sha256="aa11"), row("a-2", 1, audio_sha256="bb22")]))
    assert "nothing changes: dataset show stays at version 1" in show.publish("run-2").stdout
    assert show.publish("run-3", min_seconds=0.5).returncode == 0
    assert [v.run for v in show.dataset.versions()] == ["run-1", "run-3"]
    assert all(r.kept for r in show.dataset.rows(show.dataset.version(2)))
    assert show.ledger.rows()["a"].kept_samples == 3 * SAMPLE_RATE_HZ


def test_other_rules_that_select_the_same_are_a_version_too(show: Show) -> None:
    show.plan("a")
    show.publish("run-1", show.part([account("a")], [row("a-1", audio_sha256="aa11")]))
    assert show.publish("run-2", min_seconds=1.0).returncode == 0
    first, second = show.dataset.versions()
    assert show.dataset.rows(first) == show.dataset.rows(second)
    assert second.lineage["stages"]["publish"]["settings"]["min_seconds"] == 1.0


def test_a_published_recording_that_comes_back_as_a_copy_stays(show: Show) -> None:
    show.plan("a", "b")
    rows = [row("a-1", audio_sha256="aa11"), row("b-1", audio_sha256="bb22")]
    show.publish("run-1", show.part([account("a"), account("b")], rows))
    show.ledger.write(lambda present: [replace(r, outcome=PENDING) for r in present.values()])
    copy = account("b", 0, media_sha256="media a", duplicate_of="a", reason="duplicate of a")
    show.publish("run-2", show.part([account("a"), copy], rows[:1]))
    assert [r.clip for r in show.dataset.rows(show.dataset.version())] == ["a-1", "b-1"]
    b = show.ledger.rows()["b"]
    assert (b.outcome, b.samples, b.kept_samples) == (PUBLISHED, 88_200, 88_200)


def test_selecting_again_keeps_what_is_known_of_the_sources(show: Show) -> None:
    show.plan("a")
    show.publish("run-1", show.part([account("a")], [row("a-1", audio_sha256="aa11")]))
    show.publish("run-2", sources_sha256="", min_seconds=9)
    first, second = show.dataset.versions()
    assert first.lineage["sources_sha256"] == second.lineage["sources_sha256"]


def test_a_dataset_without_anything_ends_well(show: Show) -> None:
    done = show.publish("run-1")
    assert done.returncode == 0, done.stderr
    assert "has no version yet" in done.stdout


def test_missing_audio_is_an_error_and_nothing_is_published(show: Show) -> None:
    show.plan("a")
    done = show.publish("run-1", show.part([account("a")], [row("a-1", audio_sha256="aa11")], audio=False))
    assert done.returncode == 2
    assert "expected the audio of 1 clips" in done.stderr and "a-1" in done.stderr
    assert show.dataset.versions() == []
    assert show.ledger.rows()["a"].outcome == PENDING


def test_the_same_media_in_two_shards_is_kept_once(show: Show) -> None:
    show.plan("a", "b")
    one = show.part([account("a", media_sha256="m")], [row("a-1", audio_sha256="aa11")])
    two = show.part([account("b", media_sha256="m")], [row("b-1", audio_sha256="aa11")])
    show.publish("run-1", one, two)
    assert [(r.clip, r.reason) for r in show.dataset.rows(show.dataset.version())] == [("a-1", ""), ("b-1", "duplicate")]
    assert show.ledger.rows()["b"].duplicate_of == "a"


def test_bad_rules_are_one_clear_line(show: Show) -> None:
    done = show.publish("run-1", genders="women")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "error: publish_genders: expected female, male, or both separated by a comma, found women"


def test_a_recording_with_another_file_has_its_new_clips_only_and_the_version_says_why(show: Show) -> None:
    show.plan("a", "b")
    first = [row("a-1", audio_sha256="aa11"), row("a-2", audio_sha256="bb22"), row("b-1", audio_sha256="cc33")]
    parts = show.part([account("a", 4, state="bytes 4; etag x"), account("b")], first)
    assert show.publish("run-1", parts).returncode == 0
    assert show.ledger.rows()["a"].state == "bytes 4; etag x"
    assert show.dataset.version().lineage["replaced"] == {}
    now = account("a", 2, state="bytes 5; etag y", media_sha256="another")
    part = show.part([now, account("b")], [row("a-9", audio_sha256="dd44"), row("b-1", audio_sha256="cc33")])
    said = "the clips of a are those of another file now: changed at its source: etag y, before x\n"
    for first_time in (True, False):  # publishing it again changes nothing
        done = show.publish("run-2", part)
        assert done.returncode == 0, done.stderr
        assert (said in done.stdout) == first_time
        assert [r.clip for r in show.dataset.rows(show.dataset.version())] == ["a-9", "b-1"]
        assert show.dataset.version().lineage["replaced"] == {"a": "changed at its source: etag y, before x"}
    assert [r.clip for r in show.dataset.rows(show.dataset.version(1))] == ["a-1", "a-2", "b-1"]
    assert show.ledger.rows()["a"].state == "bytes 5; etag y"
