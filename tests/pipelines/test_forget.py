"""`dataset forget`: recordings and speakers leave a dataset, and with --purge every object of the store."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from components.discover.items import Listed
from components.discover.plan import PlanSettings, make_plan
from components.publish.corrections import merge_of, naming_of, split_of
from components.publish.publish import Batch, publish
from components.publish.rules import parse
from components.shared.model import describe
from components.shared.rows import DatasetRow, Item, Recording
from components.shared.table import empty, to_table, write_rows
from components.shared.task import Lineage, StageError
from pipelines.commands.dataset import command
from pipelines.commands.runs import command as runs
from pipelines.datasets.verify import Checked, Verification
from store.fingerprints import FingerprintStore
from store.forgotten import Forgotten
from store.models import REFERENCES, ModelStore
from store.objects import open_store
from store.plans import read_plan
from store.repeats import Repeat, RepeatStore
from store.tables import open_table
from store.truth import read_truth
from store.upgrade import upgrade
from store.version_rows import DatasetSpeaker
from store.voices import NamedVoice
from tests.contents import holding
from tests.store.conftest import uri
from tests.store.test_columns import BEFORE_TAGS
from tests.upkeep_store import NAME, SETTINGS, Show, Voice, filled, vector

__all__ = ["uri"]
A, B, C, D = "aaaaaaaaaaaaaaa1", "bbbbbbbbbbbbbbb2", "ccccccccccccccc3", "ddddddddddddddd4"
PERSON = "jane-roe"


@pytest.fixture
def show(uri: str) -> Show:
    return filled(open_store(uri))


def forget(show: Show, *options: str) -> dict[str, Any]:
    run = CliRunner().invoke(command, ["forget", NAME, "--store", show.store.uri, "--json", "--by", "the desk", *options])
    if run.exception:
        raise run.exception
    return json.loads(run.stdout)


def checked(show: Show) -> Checked:
    return Verification(show.store, NAME).check(show.dataset.versions(), lambda *_: None)


def recordings(show: Show, number: int | None = None) -> set[str]:
    rows = show.dataset.rows(show.dataset.version(number))
    assert {r.recording for r in rows} <= {r.recording for r in show.dataset.recordings(show.dataset.version(number))}
    return {r.recording for r in rows}


def correct(show: Show, correction: Any) -> None:
    nothing = Batch([], to_table(DatasetRow, []), lambda: iter(()), "", Lineage({}))
    publish(show.store, NAME, f"correction-{len(show.dataset.versions())}", nothing, parse(SETTINGS), correction)


def test_a_new_version_is_without_the_recording_and_older_ones_keep_it(show: Show) -> None:
    rules = show.dataset.version().lineage["rules"]
    done = forget(show, "--url", show.url(A), "--reason", "asked by mail")
    assert done["forgot"] == {"version": 4, "clips": 4, "seconds": 8.0, "recordings": [A], "speakers": [], "rest": []}
    assert recordings(show) == {B, C, D} and recordings(show, 3) == {A, B, C, D}
    assert show.dataset.version().lineage["rules"] == rules and show.ledger.rows()[A].outcome == "forgotten"
    assert checked(show).damage == []
    shown = CliRunner().invoke(command, ["forgotten", NAME, "--store", show.store.uri]).stdout.splitlines()
    assert len(shown) == 2 and all(text in shown[1] for text in (A, "recording", "the desk", "asked by mail", "8.0"))


def planned(show: Show, again: bool) -> Any:
    items = [replace(empty(Item), recording=r, url=show.url(r)) for r in (A, B, C, D)]
    ledger, forgotten = show.ledger.rows(), Forgotten(show.store, NAME).recordings()
    plans = {r.shard: read_plan(show.store, r.shard) for r in ledger.values() if r.shard}
    settings = PlanSettings(0, 0, 1e5, 0.0, 0.0, 3, again, False, True)
    return make_plan([Listed(i) for i in items], ledger, plans, settings, "next", "2026-12-01T00:00:00", forgotten)


@pytest.mark.parametrize("purge", [[], ["--purge"]])
def test_the_next_crawl_does_not_fetch_it_again(show: Show, purge: list[str]) -> None:
    forget(show, "--recording", A, *purge)
    plan = planned(show, again=False)
    assert plan.fates == {A: "forgotten", B: "done", C: "done", D: "done"} and not plan.shards
    plan = planned(show, again=True)
    assert sorted(i.recording for group in plan.shards for i in group) == [B, C, D] and plan.fates[A] == "forgotten"
    assert A not in {r.recording for r in plan.rows}


def test_a_run_that_was_at_work_meanwhile_does_not_bring_it_back(show: Show) -> None:
    forget(show, "--recording", A)
    show.run("late", {A: [Voice(1, 2.0, 60)], "eeeeeeeeeeeeeee5": [Voice(1, 2.0, 70)]})
    assert recordings(show) == {B, C, D, "eeeeeeeeeeeeeee5"} and checked(show).damage == []


def reference(show: Show, folder: Any, clip: str, speaker: str) -> str:
    """Stores a reference that `speakers name` would have made of a clip."""
    voice = NamedVoice(PERSON, vector(1, 1), "campplus", 20.0, NAME, speaker)
    write_rows(folder, Recording, [replace(empty(Recording), recording="0123456789abcdef", title=f"{clip}.flac")])
    write_rows(folder, NamedVoice, [voice], "voices")
    (folder / "audio").mkdir()
    (folder / "audio" / "0123456789abcdef.flac").write_bytes(b"sound")
    model = describe(folder, PERSON, "reference", "", f"{clip}.flac", "2026-11-30T00:00:00+00:00")
    ModelStore(show.store, REFERENCES).push(folder)
    return f"{PERSON}/{model.version}"


def with_everything(show: Show, folder: Any) -> str:
    """Adds what a dataset may have besides: true tones, repeats, a reference, a checkpoint. Returns the reference."""
    show.truth(A, B)
    RepeatStore(show.store, NAME).write(
        lambda _: [Repeat(f"{B}-1-{A}-2", B, 0.1, 5.0, A, 0.2, 0.97), Repeat(f"{C}-1-{B}-2", C, 0, 1, B, 0, 1)]
    )
    open_table(show.store, f"datasets/{NAME}/decisions").create_checkpoint()
    folder.mkdir()
    return reference(show, folder, f"{A}-00000000", "s0001")


def needles(show: Show, recording: str) -> dict[str, bytes]:
    """What tells a recording: ids, URL, title, texts, vectors, hashes."""
    rows = [r for r in show.dataset.rows(show.dataset.version(3)) if r.recording == recording]
    found = {"id": recording.encode(), "url": show.url(recording).encode(), "title": f"Title of {recording}".encode()}
    found |= {f"text {r.clip}": r.text.encode() for r in rows} | {f"vector {r.clip}": bytes(r.vector) for r in rows}
    found |= {f"audio {r.clip}": r.audio_sha256.encode() for r in rows} | {"timeline": rows[0].timeline_sha256.encode()}
    stored = {f.recording: f.hashes for block in FingerprintStore(show.store, NAME).blocks() for f in block}
    return found | {"fingerprint": stored[recording]}


def test_purged_no_object_of_the_store_holds_it(show: Show, tmp_path: Any) -> None:
    named = with_everything(show, tmp_path / "reference")
    wanted, others = needles(show, A), needles(show, B)
    assert all(holding(show.store, needle) for needle in (wanted | others).values())
    done = forget(show, "--url", show.url(A), "--purge")
    assert {name: keys for name, needle in wanted.items() if (keys := holding(show.store, needle))} == {}
    assert all(holding(show.store, needle) for needle in others.values())
    assert done["purged"]["subjects"] == [f"recording:{A}"] and done["purged"]["references"] == [named]
    assert [t.source for t in read_truth(show.store, NAME)] == [show.url(B)]
    assert [r.recording for r in RepeatStore(show.store, NAME).rows()] == [C]
    assert not list(show.store.keys("references/")) and not show.store.exists(f"datasets/{NAME}/purge.parquet")


def test_purged_every_version_can_be_read_adds_up_and_says_so(show: Show) -> None:
    before = {v.number: (v.run, v.timestamp_ms, [r for r in show.dataset.rows(v) if r.recording != A]) for v in show.dataset.versions()}
    forget(show, "--recording", A, "--purge")
    for version in show.dataset.versions()[:3]:
        assert (version.run, version.timestamp_ms, show.dataset.rows(version)) == before[version.number]
        assert version.lineage["purged"][0]["clips"] == 4 and version.lineage["purged"][0]["recordings"] == 1
    assert checked(show).damage == []
    show.run("later", {"eeeeeeeeeeeeeee5": [Voice(1, 3.0, 70)]})
    assert show.dataset.version().number == 5 and checked(show).damage == []
    ledger = show.ledger.rows()
    assert ledger.keys() == {B, C, D, "eeeeeeeeeeeeeee5"} and ledger[B].outcome == "published"


def test_a_voice_is_the_mean_of_what_is_left_in_every_version(show: Show) -> None:
    forget(show, "--recording", A, "--purge")
    for version in show.dataset.versions():
        rows = [r for r in show.dataset.rows(version) if r.speaker == "s0001"]
        mean = np.average([np.frombuffer(r.vector, "<f4") for r in rows], axis=0, weights=[r.samples for r in rows])
        (speaker,) = [s for s in show.dataset.speakers(version) if s.speaker == "s0001"]
        np.testing.assert_allclose(np.frombuffer(speaker.centroid, "<f4"), mean, atol=1e-5)


def test_audio_that_a_clip_of_another_recording_shares_stays(show: Show) -> None:
    show.run("run-4", {"eeeeeeeeeeeeeee5": [Voice(1, 2.0, 10), Voice(2, 2.0, 80)]})
    done = forget(show, "--recording", A, "--purge")
    assert done["purged"]["shared"] == 2 and done["purged"]["audio"] == 4  # its sound, and that before
    assert checked(show).damage == []


def test_a_speaker_leaves_and_the_rest_of_the_recordings_adds_up(show: Show) -> None:
    done = forget(show, "--speaker", "s0002")
    assert done["forgot"]["rest"] == [A, B, C, D] and done["forgot"]["clips"] == 8
    version = show.dataset.version()
    assert {r.speaker for r in show.dataset.rows(version)} == {"s0001"}
    assert [s.speaker for s in show.dataset.speakers(version)] == ["s0001"]
    for recorded in show.dataset.recordings(version):
        inside = recorded.kept_samples + recorded.rejected_samples + recorded.forgotten_samples
        assert recorded.samples == inside + recorded.music_samples + recorded.silence_samples and recorded.forgotten_samples
    assert version.lineage["seconds"]["rejected_forgotten_seconds"] == done["forgot"]["seconds"]
    assert checked(show).damage == []
    assert planned(show, again=True).fates == dict.fromkeys((A, B, C, D), "forgotten")  # a new run would bring the clips back
    show.run("later", {"eeeeeeeeeeeeeee5": [Voice(1, 3.0, 70)]})
    assert {r.speaker for r in show.dataset.rows(show.dataset.version())} == {"s0001", "s0003"}  # the voice is not known any more
    assert checked(show).damage == []


def test_a_purged_speaker_leaves_voice_name_texts_and_sound_nowhere(show: Show, tmp_path: Any) -> None:
    correct(show, naming_of("s0002", PERSON, f"{PERSON}/0123456789ab"))
    (tmp_path / "reference").mkdir()
    named = reference(show, tmp_path / "reference", "x-00000000", "s0002")
    rows = show.dataset.rows(show.dataset.version())
    own, other = ([r for r in rows if r.speaker == s] for s in ("s0002", "s0001"))
    wanted = {f"{r.clip} {n}": v for r in own for n, v in (("id", r.clip.encode()), ("vector", bytes(r.vector)), ("text", r.text.encode()))}
    wanted |= {f"{r.clip} audio": r.audio_sha256.encode() for r in own} | {"name": PERSON.encode()}
    voices: list[DatasetSpeaker] = [s for v in show.dataset.versions() for s in show.dataset.speakers(v) if s.speaker == "s0002"]
    wanted |= {f"voice {i}": bytes(s.centroid) for i, s in enumerate(voices)}
    assert all(holding(show.store, needle) for needle in wanted.values())
    kept = forget(show, "--speaker", PERSON)
    assert kept["references"] == [named] and kept["forgot"]["speakers"] == ["s0002"]
    done = forget(show, "--speaker", "s0002", "--purge")
    assert done["purged"]["references"] == [named]
    assert {name: keys for name, needle in wanted.items() if (keys := holding(show.store, needle, "none"))} == {}
    assert all(holding(show.store, bytes(r.vector)) for r in other)
    assert checked(show).damage == []
    assert show.dataset.version(1).lineage["seconds"]["rejected_forgotten_seconds"] == 6.0


def test_ids_that_were_merged_go_with_the_speaker(show: Show) -> None:
    show.run("run-4", {"eeeeeeeeeeeeeee5": [Voice(3, 3.0, 70), Voice(4, 3.0, 71)]})
    correct(show, merge_of("s0003", ["s0004"]))
    forget(show, "--speaker", "s0003")
    assert {t.id for t in Forgotten(show.store, NAME).rows() if t.kind == "speaker"} == {"s0003", "s0004"}
    forget(show, "--speaker", "s0003", "--purge")
    assert {r.speaker for v in show.dataset.versions() for r in show.dataset.rows(v)} == {"s0001", "s0002"}
    assert {s.speaker for v in show.dataset.versions() for s in show.dataset.speakers(v)} == {"s0001", "s0002"}
    assert holding(show.store, bytes(vector(4, 71))) == [] and checked(show).damage == []


def test_a_clip_that_a_person_split_off_the_speaker_stays(show: Show) -> None:
    (clip, *_) = sorted(r.clip for r in show.dataset.rows(show.dataset.version()) if r.speaker == "s0002")
    correct(show, split_of("s0002", [clip]))
    forget(show, "--speaker", "s0002", "--purge")
    for version in show.dataset.versions():
        assert clip in {r.clip for r in show.dataset.rows(version)}
    assert checked(show).damage == []


def test_forgetting_twice_changes_nothing_and_purging_later_is_possible(show: Show) -> None:
    forget(show, "--recording", A)
    first = Forgotten(show.store, NAME).rows()
    forget(show, "--url", show.url(A))
    assert Forgotten(show.store, NAME).rows() == first and show.dataset.version().number == 4
    forget(show, "--recording", A, "--purge")
    (tomb,) = Forgotten(show.store, NAME).rows()
    assert (tomb.purge, tomb.forgotten, tomb.version) == ("done", first[0].forgotten, 4) and tomb.purged
    assert holding(show.store, A.encode()) == []
    forget(show, "--url", show.url(A), "--purge")
    assert Forgotten(show.store, NAME).rows() == [tomb]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--url", "https://example.org/none.mp3"], "expected the URL of a recording"),
        (["--recording", "0000000000000000"], "expected the id of a recording"),
        (["--speaker", "s0009"], "it gave s0001 to s0002"),
        (["--speaker", "nobody"], "expected a speaker of the dataset by id or name"),
    ],
)
def test_what_is_not_there_cannot_be_forgotten(show: Show, options: list[str], message: str) -> None:
    with pytest.raises(StageError, match=message):
        forget(show, *options)
    assert show.dataset.version().number == 3 and Forgotten(show.store, NAME).rows() == []


def test_a_recording_that_was_only_planned_can_be_forgotten(show: Show) -> None:
    show.ledger.write(lambda rows: [replace(rows[A], recording="ffffffffffffffff", outcome="", url="https://example.org/f", run="x")])
    done = forget(show, "--url", "https://example.org/f", "--purge")
    assert done["forgot"]["version"] == 0 and show.dataset.version().number == 3
    assert holding(show.store, b"https://example.org/f") == [] and "ffffffffffffffff" in Forgotten(show.store, NAME).recordings()


def test_sound_in_the_artifacts_of_runs_is_named_with_the_command_that_removes_it(show: Show) -> None:
    key = f"runs/dataset/run-1/download/recordings/audio/{A}.flac"
    show.store.write(key, b"sound")
    run = CliRunner().invoke(command, ["forget", NAME, "--store", show.store.uri, "--recording", A])
    (said,) = [line for line in run.stdout.splitlines() if line.startswith("speechmill ")]
    assert show.store.exists(key) and f"runs prune --holding {A}" in said
    if "--bucket" in said:
        assert CliRunner().invoke(runs, said.split()[2:]).exit_code == 0 and not show.store.exists(key)


def test_no_rollback_brings_back_what_was_forgotten_but_one_may_follow_a_purge(show: Show) -> None:
    forget(show, "--recording", A)
    back = ["rollback", NAME, "2", "--store", show.store.uri]
    run = CliRunner().invoke(command, back)
    assert isinstance(run.exception, StageError) and f"found version 2 with recording:{A}" in str(run.exception)
    assert recordings(show) == {B, C, D}
    forget(show, "--recording", A, "--purge")
    assert CliRunner().invoke(command, back).exit_code == 0
    assert recordings(show) == {B, C, D} and checked(show).damage == []
    forget(show, "--recording", B, "--purge")
    assert recordings(show) == {C, D} and holding(show.store, B.encode()) == [] and checked(show).damage == []


def test_the_form_of_an_earlier_release_goes_with_what_is_purged(uri: str) -> None:
    store, recording = open_store(uri), "0123456789abcdef"
    for path in BEFORE_TAGS.rglob("*"):
        if path.is_file():
            store.write(path.relative_to(BEFORE_TAGS).as_posix(), path.read_bytes())
    upgrade(store, NAME)
    show = Show(store)
    assert any("/table/" in key for key in holding(store, recording.encode()))
    forget(show, "--recording", recording, "--purge")
    assert holding(store, recording.encode()) == [] and not list(store.keys(f"datasets/{NAME}/table/"))
    assert [v.number for v in show.dataset.versions()] == [1, 2, 3] and checked(show).damage == []
    assert all(show.dataset.rows(v) == [] for v in show.dataset.versions())
