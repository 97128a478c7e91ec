"""Publishers at the same time, and publishers that die, leave versions that are right, whatever the order of their steps."""

import contextlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.publish import publish as publishing
from components.publish.publish import Batch, Published, publish
from components.publish.rules import parse
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow, Fingerprint
from components.shared.table import to_table
from components.shared.task import Lineage
from store import lease
from store.datasets import DatasetStore, Version, audio_key
from store.interface import Store
from store.ledger import PUBLISHED, Ledger, LedgerRow
from store.objects import LocalStore, open_store
from tests.components.publish.conftest import HOP_SECONDS, SETTINGS, SPAN_SECONDS, account, made, row
from tests.components.publish.stepping import Publisher
from tests.components.publish.test_speakers import vectors_of

SHA = "ab" * 32
Work = Callable[[Store], Published]


def run_of(name: str, recordings: dict[str, str], voice: int = 1, **rules: Any) -> Work:
    """A run that found two clips of 10 and 1 s, and 9 s of music, in each of some recordings, given with their media."""
    wanted = {**SETTINGS, **rules}

    def work(store: Store) -> Published:
        vectors = vectors_of(voice, 2 * len(recordings) or 1)
        rows = [
            row(f"{r}-{place}", seconds, vector=vectors[2 * i + place].tobytes(), audio_sha256=SHA)
            for i, r in enumerate(recordings)
            for place, seconds in enumerate((10.0, 1.0))
        ]
        accounts = [account(r, 20, media_sha256=media, music_samples=9 * SAMPLE_RATE_HZ) for r, media in recordings.items()]
        prints = [Fingerprint(r, HOP_SECONDS, SPAN_SECONDS, b"") for r in recordings]
        lineage = Lineage({"publish": {"image": "x", "settings": wanted}})
        return publish(
            store, "show", name, Batch(accounts, to_table(DatasetRow, rows), lambda: iter(prints), "5" * 64, lineage), parse(wanted)
        )

    return work


@contextlib.contextmanager
def dataset(leased: bool) -> Iterator[LocalStore]:
    """An empty store. Without leases, publishers work at the same time and only their commits keep them apart."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        if leased:
            clock = iter(range(10**9))
            patched.setattr(lease, "time", type("Clock", (), {"monotonic": lambda: next(clock), "sleep": lambda _: None}))
        else:
            patched.setattr(publishing, "lease", lambda *_: contextlib.nullcontext())
        store = open_store(folder)
        store.write(audio_key("show", SHA), b"fLaC")
        yield store  # type: ignore[misc]


def planned(store: Store, run: str, recordings: dict[str, str]) -> None:
    """Writes into the ledger that a run works on recordings."""
    Ledger(store, "show").write(
        lambda rows: [replace(rows.get(r, made(LedgerRow, recording=r)), run=run, attempts=1, outcome="") for r in recordings]
    )


def check(store: Store) -> None:
    """Checks all versions: no clip twice, every second once, one of each media kept, and the sums that the lineage says."""
    show = DatasetStore(store, "show")
    for version in show.versions():
        rows, recordings = show.rows(version), show.recordings(version)
        assert len({r.clip for r in rows}) == len(rows)
        assert {r.recording for r in rows} == {r.recording for r in recordings if r.kept_samples + r.rejected_samples}
        for r in recordings:
            own = [c for c in rows if c.recording == r.recording]
            assert (r.kept_samples, r.rejected_samples) == tuple(sum(c.samples for c in own if c.kept == kept) for kept in (True, False))
            assert r.samples == r.kept_samples + r.rejected_samples + r.music_samples
            assert bool(r.duplicate_of) == any(c.reason == "duplicate" for c in own) == all(c.reason == "duplicate" for c in own)
        originals = Counter(r.media_sha256 for r in recordings if not r.duplicate_of)
        assert all(count == 1 for count in originals.values()) and originals.keys() == {r.media_sha256 for r in recordings}
        check_lineage(version, rows, show)


def check_lineage(version: Version, rows: list[DatasetRow], show: DatasetStore) -> None:
    """Checks the sums that a version says."""
    seconds = {n: s for n, s in version.lineage["seconds"].items() if s and n != "rejected_music_seconds"}
    found: Counter[str] = Counter()
    for r in rows:
        found["kept_seconds" if r.kept else f"rejected_{r.reason}_seconds"] += r.samples
    assert seconds == {n: samples / SAMPLE_RATE_HZ for n, samples in found.items()}
    assert version.lineage["clips"] == {"all": len(rows), "kept": sum(r.kept for r in rows)}
    speakers = show.speakers(version)
    assert {s.speaker: s.clips for s in speakers if s.clips} == Counter(r.speaker for r in rows)
    for s in speakers:
        assert s.voice_seconds == pytest.approx(sum(r.samples for r in rows if r.speaker == s.speaker) / SAMPLE_RATE_HZ, abs=1e-6)


def test_a_run_that_is_slower_does_not_keep_what_the_other_one_refused() -> None:
    """Both runs have the same file. One reads the dataset, then the other publishes, then the first commits."""
    with dataset(leased=False) as store:
        slow = Publisher(store, run_of("slow", {"a": "same", "b": "other"}))
        while not list(store.keys("datasets/show/measures/")):
            slow.step()
        run_of("fast", {"c": "same"})(store)
        slow.finish()
        newest = DatasetStore(store, "show").version()
        assert newest.number == 2 and newest.run == "slow"
        assert {r.recording: r.duplicate_of for r in DatasetStore(store, "show").recordings(newest)} == {"a": "c", "b": "", "c": ""}
        assert sum(newest.lineage["seconds"].values()) == 60
        check(store)


def test_a_run_that_died_before_it_wrote_the_ledger_is_told_by_its_version() -> None:
    with dataset(leased=True) as store:
        run_of("first", {"a": "same"})(store)
        planned(store, "second", {"b": "same"})
        second = Publisher(store, run_of("second", {"b": "same"}))
        while len(DatasetStore(store, "show").versions()) < 2:
            second.step()
        second.die()
        assert Ledger(store, "show").rows()["b"].outcome == ""
        selected = run_of("select", {}, min_seconds=0.5)(store)
        assert selected.newest and selected.newest.number == 3
        assert {r.clip: r.reason for r in DatasetStore(store, "show").rows(selected.newest)} == {
            "a-0": "",
            "a-1": "",
            "b-0": "duplicate",
            "b-1": "duplicate",
        }
        assert sum(selected.newest.lineage["seconds"].values()) == 40
        b = Ledger(store, "show").rows()["b"]
        assert (b.outcome, b.duplicate_of, b.rejected_samples) == (PUBLISHED, "a", 11 * SAMPLE_RATE_HZ)
        check(store)


def interleaved(store: Store, works: dict[str, Work], order: list[int], deaths: dict[int, int]) -> dict[str, Publisher]:
    """Runs publishers in turn, in the given order and then round and round, and lets some die at a step."""
    running = {name: Publisher(store, work) for name, work in works.items()}
    publishers = list(running.values())
    turns = iter(order)
    while any(not p.is_done for p in publishers):
        i = next(turns, None)
        left = [n for n, p in enumerate(publishers) if not p.is_done]
        n = left[(i if i is not None else sum(p.steps for p in publishers)) % len(left)]
        if deaths.get(n) == publishers[n].steps:
            publishers[n].die()
        else:
            publishers[n].step()
    return running


def check_interleaving(order: list[int], deaths: dict[int, int], leased: bool, shared: bool) -> None:
    """Two runs and a selection, of which any may die; then the dead ones are started again."""
    runs = {"one": {"a": "m", "b": "n"}, "two": {"c": "m" if shared else "o", "b": "n"}}
    with dataset(leased) as store:
        run_of("zero", {"z": "n"})(store)
        works = {name: run_of(name, found, voice) for voice, (name, found) in enumerate(runs.items(), 1)}
        works["select"] = run_of("select", {}, min_seconds=0.5)
        for name, found in runs.items():
            planned(store, name, found)
        publishers = interleaved(store, works, order, deaths)
        for name, publisher in publishers.items():
            assert not isinstance(publisher.result, BaseException), publisher.result
            if publisher.is_dead:
                works[name](store)
        check(store)
        newest = DatasetStore(store, "show").version()
        assert {r.recording for r in DatasetStore(store, "show").recordings(newest)} == {"a", "b", "c", "z"}, "nobody's recordings are lost"
        ledger = Ledger(store, "show").rows()
        assert {ledger[r].outcome for r in "abc"} == {PUBLISHED}
        assert {r.recording: r.kept_samples for r in DatasetStore(store, "show").recordings(newest) if r.recording in ledger} == {
            r: row.kept_samples for r, row in ledger.items()
        }


INTERLEAVINGS = given(
    order=st.lists(st.integers(0, 5), max_size=150),
    deaths=st.dictionaries(st.integers(0, 2), st.integers(0, 60), max_size=2),
    leased=st.booleans(),
    shared=st.booleans(),
)


@INTERLEAVINGS
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_order_of_steps_and_any_death_leaves_right_versions(
    order: list[int], deaths: dict[int, int], leased: bool, shared: bool
) -> None:
    check_interleaving(order, deaths, leased, shared)


@pytest.mark.slow
@INTERLEAVINGS
@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
def test_five_hundred_orders_of_steps_leave_right_versions(order: list[int], deaths: dict[int, int], leased: bool, shared: bool) -> None:
    check_interleaving(order, deaths, leased, shared)


def test_a_dataset_that_is_published_in_parts_is_the_one_that_is_published_at_once(tmp_path: Path) -> None:
    found = {"a": "m", "b": "n", "c": "m", "d": "o"}
    stores = [open_store(str(tmp_path / name)) for name in ("parts", "once")]
    for store in stores:
        store.write(audio_key("show", SHA), b"fLaC")
    for i, (recording, media) in enumerate(found.items()):
        run_of(f"run-{i}", {recording: media})(stores[0])
    run_of("run", found)(stores[1])
    rows = [[replace(r, speaker="", vector=b"") for r in DatasetStore(s, "show").rows(DatasetStore(s, "show").version())] for s in stores]
    assert rows[0] == rows[1]
    shutil.rmtree(tmp_path)
