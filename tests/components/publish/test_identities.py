"""Names of speakers, and what new clips are compared with, as the stage sees them."""

from pathlib import Path

import numpy as np
import pytest

from components.publish.corrections import merge_of
from components.publish.identities import Identities
from components.publish.publish import Batch, publish
from components.publish.rules import parse, resolved
from components.shared.model import describe
from components.shared.rows import DatasetRow, Vector
from components.shared.table import to_table, write_rows
from components.shared.task import Lineage, StageError
from store.models import REFERENCES, ModelStore
from store.voices import TABLE, NamedVoice
from tests.components.publish.conftest import SETTINGS, Show, account
from tests.components.publish.test_speakers import JOIN, by_campplus, episode, names, vectors_of, whole
from tests.components.publish.test_speakers import publish as published

NOTHING = Batch([], to_table(DatasetRow, []), lambda: iter(()), "", Lineage({}))
"""What a run found that only corrects speakers."""


def enroll(show: Show, folder: Path, name: str, *voices: NamedVoice, created: str = "2026-01-01T00:00:00+00:00") -> None:
    """Puts a reference with named voices, but without sound, into the store."""
    folder.mkdir()
    write_rows(folder, NamedVoice, voices, TABLE)
    describe(folder, name, "reference", "", "test", created)
    ModelStore(show.store, REFERENCES).push(folder)


def named_voice(name: str, voice: int, seed: int = 7) -> NamedVoice:
    return NamedVoice(name, Vector(np.mean(vectors_of(voice, 9, seed=seed), axis=0).astype("<f4").tobytes()), "", 18.0, "other", "s0004")


def test_a_run_says_whom_it_recognized_and_a_name_that_a_speaker_has_stays(show: Show, tmp_path: Path) -> None:
    enroll(show, tmp_path / "one", "host", named_voice("host", 1))
    enroll(show, tmp_path / "two", "guest", named_voice("guest", 2))
    show.plan("a")
    first = episode("a", 1, 3)
    done = show.publish("run-1", show.part([account("a", whole(first))], first))
    assert "s0001 is host, a named voice of the store: similarity " in done.stdout
    assert show.dataset.version().lineage["speakers"]["names"] == {"s0001": "host"}
    assert [(s.speaker, s.name) for s in show.speakers()] == [("s0001", "host"), ("s0002", "")]
    enroll(show, tmp_path / "three", "host", named_voice("host", 3), created="2026-02-01T00:00:00+00:00")
    done = show.publish("run-2", speakers="host")
    assert "s0002 is host" in done.stdout and "s0001 is" not in done.stdout, "host has another voice now, which is also host's"
    assert show.dataset.version().lineage["speakers"]["names"] == {"s0001": "host", "s0002": "host"}
    assert all(r.kept for r in show.dataset.rows(show.dataset.version()))


def test_without_other_rows_rules_and_names_there_is_no_version(show: Show, tmp_path: Path) -> None:
    published(show, "run-1", episode("a", 1, 2))
    assert "nothing changes" in show.publish("run-2").stdout
    enroll(show, tmp_path / "one", "host", named_voice("host", 1))
    assert "published version 2" in show.publish("run-3").stdout
    assert "nothing changes" in show.publish("run-4").stdout


def test_a_rule_about_speakers_means_ids_by_names_and_by_ids_that_were_merged() -> None:
    decided = Identities({"s0001": "host", "s0004": "host", "s0002": "guest"}, {"s0003": "s0002"})

    def meant(text: str) -> tuple[str, ...]:
        return resolved(parse(SETTINGS | {"speakers": text}), {}, "s0005", 5, decided, ["pengsu"])["speakers"]

    assert meant("host") == ("s0001", "s0004")
    assert meant("dominant,s0003,GUEST") == ("s0005", "s0002", "s0002")
    assert meant("pengsu") == ("pengsu",), "the rule stays and keeps no clip"
    with pytest.raises(StageError, match="found nobody, s0006: it has s0001 to s0005, and there are the names guest, host, pengsu"):
        meant("nobody,s0006,host")


def test_a_merged_speaker_keeps_its_voices_apart(show: Show) -> None:
    published(show, "run-1", episode("a", 1, clips=20), episode("b", 2, clips=8))
    publish(show.store, "show", "run-2", NOTHING, parse(SETTINGS), merge_of("s0001", ["s0002"]))
    both = {s.speaker: s for s in show.speakers()}
    assert [(s.voice_seconds, s.clips) for s in both.values()] == [(40.0, 28), (16.0, 0)]
    for name, voice in (("s0001", 1), ("s0002", 2)):
        assert float(np.frombuffer(both[name].centroid, "<f4") @ vectors_of(voice, 9, seed=4).mean(axis=0)) > JOIN
    later = published(show, "run-3", episode("c", 1, 2, 3, seed=5))
    assert names(later) == {"1": {"s0001"}, "2": {"s0001"}, "3": {"s0003"}}


def test_a_dataset_with_merged_speakers_can_be_embedded_again_by_another_encoder(show: Show) -> None:
    published(show, "run-1", episode("a", 1, 2), episode("b", 3))
    publish(show.store, "show", "run-2", NOTHING, parse(SETTINGS), merge_of("s0001", ["s0002", "s0003"]))
    rows = published(show, "run-3", by_campplus(episode("a", 1, 2)), by_campplus(episode("b", 3)))
    assert names(rows) == {"1": {"s0004"}, "2": {"s0005"}, "3": {"s0006"}}
