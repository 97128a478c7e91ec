"""Publishing into a dataset of an earlier release, and after a version without clips."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.publish.corrections import Correction, merge_of, split_of
from components.publish.publish import Batch, Published, publish
from components.publish.rules import parse
from components.shared.rows import SAMPLE_RATE_HZ, Account, DatasetRow, Fingerprint, Vector
from components.shared.table import to_table
from components.shared.task import Lineage, StageError
from pipelines.datasets.rollback import roll_back
from store.datasets import DatasetStore, audio_key
from store.interface import Store
from store.ledger import ROLLED_BACK, Ledger, LedgerRow
from store.objects import open_store
from store.tables import Table
from store.upgrade import _OldSpeaker, upgrade
from tests.components.publish.conftest import HOP_SECONDS, SETTINGS, SPAN_SECONDS, account, made, row

SHA = "ab" * 32


def published(
    store: Store, name: str, accounts: list[Account], rows: list[DatasetRow], correction: Correction | None = None, **rules: Any
) -> Published:
    wanted = {**SETTINGS, **rules}
    prints = [Fingerprint(a.recording, HOP_SECONDS, SPAN_SECONDS, b"") for a in accounts]
    lineage = Lineage({"publish": {"image": "x", "settings": wanted}})
    batch = Batch(accounts, to_table(DatasetRow, rows), lambda: iter(prints), "5" * 64, lineage)
    return publish(store, "show", name, batch, parse(wanted), correction)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = open_store(str(tmp_path))
    found.write(audio_key("show", SHA), b"fLaC")
    return found


def vector(place: int = 0) -> Vector:
    return Vector(np.eye(1, 256, place, dtype="<f4").tobytes())


def test_the_voice_of_an_upgraded_dataset_counts_clips_of_duplicates(store: Store) -> None:
    old = Table(store, "datasets/show/table", DatasetRow, "clip")
    rows = [
        row(f"{r}-0", 10.0, vector=vector(), speaker="s0001", kept=not reason, reason=reason, audio_sha256=SHA)
        for r, reason in (("a", ""), ("b", "duplicate"))
    ]
    said = {
        "stages": {"publish": {"image": "x", "settings": SETTINGS}},
        "sources_sha256": "5" * 64,
        "seconds": {"kept_seconds": 10.0, "rejected_duplicate_seconds": 10.0},
        "speakers": {"given": 1, "count": 1, "dominant": "s0001", "speech_seconds": 10.0, "seconds": {"s0001": 10.0}},
    }
    metadata = {"speechmill.version": "1", "speechmill.run": "old", "speechmill.lineage": json.dumps(said)}
    old.change(lambda *_: (rows, metadata))
    Table(store, "datasets/show/speakers", _OldSpeaker, "speaker").replace(lambda _: [_OldSpeaker("s0001", vector(), 2, 10.0, 1.0, 1, "")])
    Ledger(store, "show").write(
        lambda _: [
            made(
                LedgerRow,
                recording=r,
                samples=10 * SAMPLE_RATE_HZ,
                media_sha256="m",
                duplicate_of=d,
                outcome="published",
                **{k: 10 * SAMPLE_RATE_HZ},
            )
            for r, d, k in (("a", "", "kept_samples"), ("b", "a", "rejected_samples"))
        ]
    )
    upgrade(store, "show")
    show = DatasetStore(store, "show")
    assert [s.voice_seconds for s in show.speakers(show.version())] == [20.0]
    published(store, "new", [account("a", 10, media_sha256="n")], [row("a-0", 10, vector=vector(1), audio_sha256=SHA)])
    first = show.speakers(show.version())[0]
    assert (first.voice_seconds, first.clips, first.speech_seconds) == (10.0, 1, 10.0)


def test_recordings_of_an_unknown_file_are_no_duplicates(store: Store) -> None:
    published(store, "one", [account("a", media_sha256="")], [row("a-0", audio_sha256=SHA)])
    published(store, "two", [account("b", media_sha256="")], [row("b-0", audio_sha256=SHA)])
    show = DatasetStore(store, "show")
    assert [r.reason for r in show.rows(show.version())] == ["", ""]


def test_the_first_clips_of_a_dataset_are_checked_even_if_a_version_came_before(store: Store) -> None:
    published(store, "one", [account("a", music_samples=2 * SAMPLE_RATE_HZ)], [], min_dnsmos=3.0)
    with pytest.raises(StageError, match="publish_min_dnsmos: expected clips with a value"):
        published(store, "two", [account("b")], [row("b-0", audio_sha256=SHA)], min_dnsmos=3.0)


def test_a_run_that_is_started_again_after_a_rollback_leaves_its_recordings_to_be_planned(store: Store) -> None:
    published(store, "one", [account("a")], [row("a-0", audio_sha256=SHA)])
    Ledger(store, "show").write(lambda _: [made(LedgerRow, recording="b", run="two", attempts=1)])
    found = [account("b")], [row("b-0", audio_sha256=SHA)]
    published(store, "two", *found)
    roll_back(store, "show", "back", 1)
    assert Ledger(store, "show").rows()["b"].outcome == ROLLED_BACK
    published(store, "two", *found)
    assert Ledger(store, "show").rows()["b"].outcome == ROLLED_BACK


def test_clips_that_are_made_again_stay_with_the_speaker_whom_a_split_left_them(store: Store) -> None:
    for place, name in enumerate("ab"):
        rows = [row(f"{name}-{i}", vector=vector(place), audio_sha256=SHA) for i in range(3)]
        published(store, name, [account(name, 6)], rows)
    published(store, "merge", [], [], merge_of("s0001", ["s0002"]))
    published(store, "split", [], [], split_of("s0001", ["b-0"]))
    show = DatasetStore(store, "show")
    before = {r.clip: r.speaker for r in show.rows(show.version())}
    published(store, "again", [account("b", 7, music_samples=SAMPLE_RATE_HZ)], rows)
    assert {r.clip: r.speaker for r in show.rows(show.version())} == before
