"""What comes back in a show is found where it is, nothing else is, and all but the first of it can be refused."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import episodes
import numpy as np
import pytest
from conftest import Show, account, row
from episodes import CUT_SECONDS, DATES, SHARED

from components.publish.matching import thinned
from components.publish.repeats import chosen, groups, heard_before
from components.shared.rows import DatasetRow
from store.fingerprints import FingerprintStore
from store.repeats import Repeat, RepeatStore
from tests.places import DATA

TOLERANCE_SECONDS = 0.6


@pytest.fixture(scope="module", params=["synthetic", "real"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> episodes.Show:
    if request.param == "real" and not DATA.exists():
        pytest.skip(f"no recordings in {DATA}")
    return episodes.made(episodes.Real() if request.param == "real" else episodes.Synthetic(), tmp_path_factory.mktemp("episodes"))


def publish(show: Show, shared: episodes.Show, run: str, *names: str, **settings: object) -> list[DatasetRow]:
    """Publishes some of the episodes; returns the rows of the version."""
    show.plan(*names)
    accounts = [account(n, shared.seconds[n], published=DATES[n]) for n in names]
    rows = [
        row(f"{n}-{round(a * 1000):08d}", b - a, start=a, end=b, published=DATES[n], audio_sha256=f"{n}{a}".encode().hex())
        for n in names
        for a, b in episodes.clips(shared.seconds[n], np.random.default_rng(sorted(DATES).index(n)))
    ]
    parts = [show.part(accounts, _with_the_rest(accounts, rows), fingerprints=[shared.fingerprints[n] for n in names])] if names else []
    done = show.publish(run, *parts, **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    return show.dataset.rows(show.dataset.version())


def _with_the_rest(accounts: list, rows: list[DatasetRow]) -> list[DatasetRow]:
    """And a clip of what is left at each end, so that every sample is accounted for."""
    rest = []
    for a in accounts:
        own = [r for r in rows if r.recording == a.recording]
        left = a.samples - sum(r.samples for r in own)
        rest.append(
            row(f"{a.recording}-99999999", left / 44_100, start=own[-1].end, end=a.seconds, published=a.published, audio_sha256="00ff")
        )
    return rows + rest


def expected(shared: episodes.Show, recording: str, name: str, first: str) -> tuple[str, float, float, str, float]:
    start = shared.starts[recording, name]
    return recording, start, start + SHARED[name], first, shared.starts[first, name]


def assert_found(show: Show, wanted: Sequence[tuple[str, float, float, str, float]]) -> None:
    found = RepeatStore(show.store, "show").rows()
    told = [(r.recording, round(r.start, 2), round(r.end, 2), r.first_recording, round(r.first_start, 2)) for r in found]
    assert len(told) == len(wanted), told
    for one, other in zip(sorted(told), sorted(wanted), strict=True):
        assert (one[0], one[3]) == (other[0], other[3]), told
        assert np.abs(np.subtract(one[1:3] + one[4:], other[1:3] + other[4:])).max() < TOLERANCE_SECONDS, (one, other)


def test_all_that_comes_back_is_found_and_nothing_else(show: Show, shared: episodes.Show) -> None:
    publish(show, shared, "run-1", "one", "two", "three")
    wanted = [("two", "jingle", "one"), ("three", "jingle", "one"), ("three", "advertisement", "one"), ("three", "minute", "two")]
    assert_found(show, [expected(shared, *w) for w in wanted])
    assert all(0.9 < r.similarity <= 1 for r in RepeatStore(show.store, "show").rows())


def test_a_later_run_finds_what_earlier_ones_published_and_keeps_what_they_found(show: Show, shared: episodes.Show) -> None:
    publish(show, shared, "run-1", "one", "two")
    assert_found(show, [expected(shared, "two", "jingle", "one")])
    publish(show, shared, "run-2", "three")
    wanted = [("two", "jingle", "one"), ("three", "jingle", "one"), ("three", "advertisement", "one"), ("three", "minute", "two")]
    assert_found(show, [expected(shared, *w) for w in wanted])
    publish(show, shared, "run-3", "two")
    assert_found(show, [expected(shared, *w) for w in wanted])


def test_an_older_episode_that_comes_later_is_the_first(show: Show, shared: episodes.Show) -> None:
    publish(show, shared, "run-1", "three")
    publish(show, shared, "run-2", "one")
    assert_found(show, [expected(shared, "three", name, "one") for name in ("jingle", "advertisement")])


def test_a_rerun_of_a_whole_episode_is_found(show: Show, shared: episodes.Show) -> None:
    publish(show, shared, "run-1", "one")
    publish(show, shared, "run-2", "rerun")
    assert_found(show, [("rerun", 0.0, shared.seconds["rerun"], "one", CUT_SECONDS)])


def test_a_rule_refuses_all_but_the_first_without_audio(show: Show, shared: episodes.Show) -> None:
    before = publish(show, shared, "run-1", "one", "two", "three", "rerun", min_repeat_seconds=5.0)
    assert all(r.kept for r in before if r.samples > 1.5 * 44_100)
    after = publish(show, shared, "run-2", refuse_repeats=True, min_repeat_seconds=5.0)
    by_clip = {r.clip: r for r in after}
    for r in after:
        said, _, clip = r.reason.partition(":")
        shares = [overlap(r, shared.starts[r.recording, n], SHARED[n]) for n in _heard_before(shared, r.recording)]
        share = 1.0 if r.recording == "rerun" else max(shares, default=0.0)
        if r.recording == "one" or share < 0.3:
            assert said in ("", "too_short"), r
        elif share > 0.7 and r.samples > 1.5 * 44_100:
            assert said == "repeats" and by_clip[clip].kept and by_clip[clip].published < r.published, r
    seconds = show.dataset.version().lineage["seconds"]
    assert {n for n in seconds if "repeats" in n} == {"rejected_repeats_seconds"}
    longer = publish(show, shared, "run-3", refuse_repeats=True, min_repeat_seconds=30.0)
    assert sum(r.kept for r in after) < sum(r.kept for r in longer) < sum(r.kept for r in before)


def _heard_before(shared: episodes.Show, recording: str) -> Iterator[str]:
    for other, name in shared.starts:
        if other == recording and any(DATES[o] < DATES[recording] for o, n in shared.starts if n == name):
            yield name


def overlap(r: DatasetRow, start: float, seconds: float) -> float:
    return max(0.0, min(r.end, start + seconds) - max(r.start, start)) / (r.end - r.start)


def test_what_was_published_before_there_were_fingerprints_is_told_of_and_a_rule_about_nothing_is_refused(show: Show) -> None:
    show.plan("old")
    part = show.part([account("old")], [row("old-1", audio_sha256="aa")])
    (part / "fingerprints.parquet").unlink()
    assert "SchemaError" in show.publish("run-1", part).stderr
    part = show.part([account("old")], [row("old-1", audio_sha256="aa")])
    assert show.publish("run-2", part).returncode == 0
    (stored,) = (show.folder / "store").glob("datasets/show/fingerprints/*")
    stored.unlink()
    done = show.publish("run-3", refuse_repeats=True)
    assert done.returncode == 2
    assert "error: publish_refuse_repeats: expected fingerprints of the recordings, found none for 1 recordings" in done.stderr
    done = show.publish("run-4", min_seconds=0.5)
    assert done.returncode == 0
    assert "1 of 1 recordings have no fingerprint" in done.stdout
    assert FingerprintStore(show.store, "show").recordings() == set()


def repeat(recording: str, start: float, end: float, first: str, first_start: float) -> Repeat:
    name = f"{recording}-{round(start * 1000):08d}-{first}-{round(first_start * 1000):08d}"
    return Repeat(name, recording, start, end, first, first_start, 1.0)


def by_name(recording: str) -> tuple[str, str]:
    return "", recording


def test_a_stretch_that_comes_back_often_needs_one_repeat_a_time() -> None:
    names = "abcdefgh"
    everything = [repeat(later, 10.0, 16.0, first, 20.0) for i, later in enumerate(names) for first in names[:i]]
    rows = chosen([], everything, set(names), by_name)
    assert {(r.recording, r.first_recording) for r in rows} == {(later, "a") for later in names[1:]}


def test_repeats_of_what_was_worked_on_again_are_made_anew_and_the_others_stay() -> None:
    present = [repeat("b", 0, 6, "a", 3), repeat("c", 0, 6, "a", 3), repeat("c", 20, 30, "b", 40)]
    assert chosen(present, [repeat("b", 1, 7, "a", 3)], {"b"}, by_name) == [present[1], repeat("b", 1, 7, "a", 3)]


def test_what_two_have_in_common_by_a_third_stays_known_when_that_one_is_another_now() -> None:
    star = [repeat("b", 10, 16, "a", 20), repeat("c", 33, 40, "a", 19.5), repeat("d", 0, 6, "a", 60)]
    assert chosen(star, [], {"a"}, by_name) == [repeat("c", 33.5, 39.5, "b", 10)]
    assert chosen(star, [repeat("b", 10, 16, "a", 70), repeat("c", 33, 39, "a", 70)], {"a"}, by_name) == [
        repeat("b", 10, 16, "a", 70),
        repeat("c", 33, 39, "a", 70),
    ]
    chain = [repeat("b", 10, 16, "a", 20), repeat("c", 30, 36, "b", 10), repeat("d", 50, 56, "c", 30)]
    assert chosen(chain, [], {"b", "c"}, by_name) == [repeat("d", 50, 56, "a", 20)]
    twice = [repeat("b", 10, 16, "a", 20), repeat("b", 40, 46, "a", 20)]
    assert chosen(twice, [], {"a"}, by_name) == [repeat("b", 40, 46, "b", 10)]


def test_a_recording_with_another_date_is_led_to_or_leads_elsewhere() -> None:
    star = [repeat("b", 10, 16, "a", 20), repeat("c", 30, 36, "a", 20), repeat("a", 50, 56, "a", 20)]
    dates = {"a": "2026-02-01", "b": "2026-01-02", "c": "2026-01-03", "d": "2026-01-15"}
    rows = chosen(star, [repeat("d", 10, 16, "b", 10)], {"d"}, lambda r: (dates[r], r))
    assert {(r.recording, r.start, r.first_recording, r.first_start) for r in rows} == {
        ("a", 50, "a", 20),
        ("a", 20, "b", 10),
        ("c", 30, "b", 10),
        ("d", 10, "b", 10),
    }


def test_rows_that_lead_in_a_circle_end_somewhere() -> None:
    circle = [repeat("b", 10, 16, "a", 10), repeat("d", 10, 16, "b", 10), repeat("a", 10, 16, "d", 10)]
    rows = [row(f"{n}-10", 6.0, start=10.0, end=16.0) for n in "abd"]
    assert set(heard_before(rows, circle, 5.0)) <= {"b-10", "d-10"}
    assert len(groups(circle)) <= 3


def test_what_a_failed_download_dates_anew_leads_in_no_circle(show: Show, shared: episodes.Show) -> None:
    publish(show, shared, "run-1", "one", "two")
    show.ledger.write(lambda rows: [replace(rows["one"], published="2026-03-01")])
    part = show.part([account("one", 0, published="2026-03-01", reason="HTTP 404")], [])
    assert show.publish("run-2", part).returncode == 0
    publish(show, shared, "run-3", "three")
    led = [("three", "jingle", "two"), ("one", "jingle", "two"), ("one", "advertisement", "three"), ("three", "minute", "two")]
    assert_found(show, [expected(shared, *w) for w in led])
    after = publish(show, shared, "run-4", refuse_repeats=True, min_repeat_seconds=5.0)
    assert any(r.reason.startswith("repeats:") for r in after)


def test_what_another_run_is_about_to_publish_has_its_date_already(show: Show, shared: episodes.Show) -> None:
    show.plan("three")
    show.ledger.write(lambda rows: [replace(rows["three"], published=DATES["three"])])
    FingerprintStore(show.store, "show").write([thinned(shared.fingerprints["three"])])
    publish(show, shared, "run-1", "one")
    assert_found(show, [expected(shared, "three", name, "one") for name in ("jingle", "advertisement")])


def test_an_episode_that_is_another_one_by_now_takes_nothing_from_the_others(show: Show, shared: episodes.Show) -> None:
    publish(show, shared, "run-1", "one", "two", "three")
    silent = replace(shared.fingerprints["one"], hashes=b"")
    publish(show, replace(shared, fingerprints={**shared.fingerprints, "one": silent}), "run-2", "one")
    assert_found(show, [expected(shared, "three", name, "two") for name in ("jingle", "minute")])


def test_clips_that_share_less_than_half_all_stay() -> None:
    rows = [row(f"{n}-10", 12.0, start=10.0, end=22.0, published=n) for n in "abcdefgh"]
    slogan = [repeat(n, 10, 14.8, "a", 10) for n in "bcdefgh"]
    assert heard_before(rows, slogan, 3.0) == {}
    and_more = [*slogan, repeat("h", 14.8, 20, "g", 16)]
    assert set(heard_before(rows, and_more, 3.0)) == {"h-10"}, "40 % of it in all, 43 % in one: together more than half"


def test_what_leads_to_the_first_by_another_one_is_the_same() -> None:
    rows = [row(f"{n}-{i}", 4.0, start=i, end=i + 4.0, published=n) for n, i in (("a", 10), ("b", 20), ("c", 30))]
    chain = [repeat("b", 20, 26, "a", 10), repeat("c", 30, 36, "b", 20)]
    assert heard_before(rows, chain, 5.0) == {"b-20": "a-10", "c-30": "a-10"}
    assert heard_before(rows[1:], chain, 5.0) == {"c-30": "b-20"}, "the first one that is kept"
    assert heard_before(rows, chain, 7.0) == {}


@pytest.mark.parametrize(("end", "refused"), [(21.9, False), (22.1, True)])
def test_half_of_a_clip_decides(end: float, refused: bool) -> None:
    rows = [row("a-1", 4.0, start=10, end=14.0), row("b-1", 4.0, start=20, end=24.0)]
    assert heard_before(rows, [repeat("b", 15, end, "a", 5)], 3.0) == ({"b-1": "a-1"} if refused else {})


def test_a_loop_leads_to_its_first_turn_however_long_it_is() -> None:
    rows = [row(f"a-{i}", 4.0, start=4.0 * i, end=4.0 * i + 4.0) for i in range(900)]
    assert heard_before(rows, [repeat("a", 4.0, 3600.0, "a", 0.0)], 5.0) == {f"a-{i}": "a-0" for i in range(1, 900)}
