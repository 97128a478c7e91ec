"""The laws of planning, on ledgers as runs leave them."""

from collections import Counter
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.discover.items import Listed
from components.discover.plan import PlanSettings, source_rows
from components.discover.settings import check_settings
from components.shared.task import StageError
from store.ledger import FAILED, FILTERED, GIVEN_UP, PENDING, PUBLISHED, ROLLED_BACK
from store.plans import shard_name
from tests.components.discover.planned import AGAIN, DEFAULTS, Dataset, entry, episodes, names, numbers

CHECKED = {name: value for name, value in asdict(DEFAULTS).items() if name not in ("again", "refresh", "wait")}
PLANNED = {"new", "pending", "retried", "again", "refreshed"}
LENGTHS = st.one_of(st.just(0.0), st.floats(1, 50_000))

histories = st.lists(
    st.tuples(
        st.lists(st.integers(1, 30), unique=True),  # what is listed
        st.sets(st.integers(1, 30)),  # what cannot be downloaded
        st.sets(st.integers(1, 30)),  # what is refused by its source
        st.sampled_from(["publish", "survive", "lose"]),
        st.booleans(),
    ),
    max_size=6,
)


def after(history, settings: PlanSettings = DEFAULTS) -> Dataset:
    dataset = Dataset()
    for listed, failing, refused, end, again in history:
        plan = dataset.plan([entry(n, 600.0 * n, "no" * (n in refused)) for n in listed], replace(settings, again=again))
        for shard in names(plan):
            if end == "publish":
                dataset.publish(shard, frozenset(failing))
            elif end == "survive":
                dataset.survive(shard)
    return dataset


@given(
    histories,
    st.lists(st.tuples(st.integers(1, 40), LENGTHS), unique_by=lambda e: e[0]),
    st.integers(0, 5),
    st.integers(0, 5),
    st.booleans(),
)
def test_every_listed_recording_has_one_fate_and_what_is_planned_is_planned_once(history, listed, cap, max_shards, again):
    dataset = after(history)
    before = dict(dataset.ledger)
    settings = replace(DEFAULTS, max_recordings=cap, max_shards=max_shards, min_seconds=700, max_seconds=20_000, again=again)
    plan = dataset.plan([entry(*e) for e in listed], settings)
    assert len(plan.shards) <= (max_shards or len(plan.shards))
    planned = Counter(item.recording for group in plan.shards for item in group)
    assert set(planned.values()) <= {1}
    assert set(planned) == {r for r, fate in plan.fates.items() if fate in PLANNED}
    assert {f"{n:016x}" for n, _ in listed} <= set(plan.fates)
    for recording, fate in plan.fates.items():
        row, old = dataset.ledger.get(recording), before.get(recording)
        if fate in PLANNED:
            assert row.outcome == PENDING
            assert row.run == f"run-{dataset.runs}"
            assert row.attempts >= 1
            assert recording in {i.recording for i in dataset.plans[row.shard]}
        elif fate == "given_up":
            assert row.outcome == GIVEN_UP
        elif fate == "filtered":
            assert (row.outcome, row.reason != "") == (FILTERED, True)
            assert (row.shard, row.failures, row.attempts) == ((old.shard, old.failures, old.attempts) if old else ("", 0, 0))
        else:
            assert row == old, "what is not planned stays as it is in the ledger, or absent"
    new = [r for r, fate in plan.fates.items() if fate == "new"]
    assert len(new) <= (cap or len(new))
    assert not [r for r in new if r in before and before[r].shard]


@given(st.lists(LENGTHS, max_size=40), st.floats(100, 40_000))
def test_no_shard_is_longer_than_it_may_be_except_one_recording_alone(lengths, shard_seconds):
    plan = Dataset().plan([entry(n, seconds) for n, seconds in enumerate(lengths)], replace(DEFAULTS, shard_seconds=shard_seconds))
    assert sorted(n for group in numbers(plan) for n in group) == list(range(len(lengths)))
    for group in plan.shards:
        assert len(group) == 1 or sum(item.seconds or 3600 for item in group) <= shard_seconds
        assert [i.recording for i in group] == sorted(i.recording for i in group)
    for one, other in zip(numbers(plan), numbers(plan)[1:], strict=False):
        assert max(one) < min(other), "packed in the order of the listing"


@given(histories, st.lists(st.integers(31, 60), unique=True), st.randoms())
def test_what_has_no_outcome_keeps_its_shard_whatever_is_new_beside_it(history, new, random):
    dataset = after(history)
    listed = [n for n, outcome in dataset.outcomes().items() if outcome == PENDING]
    first = dataset.plan(episodes(*listed))
    for shard in names(first):
        dataset.survive(shard)
    mixed = [*listed, *new]
    random.shuffle(mixed)
    second = dataset.plan(episodes(*mixed))
    assert set(names(first)) <= set(names(second))
    assert {n for group in numbers(second) for n in group} == {n for group in numbers(first) for n in group} | set(new)


@given(histories, st.lists(st.integers(1, 40), unique=True), st.booleans())
def test_planned_once_more_for_the_same_run_is_the_same_plan(history, listed, again):
    dataset = after(history)
    settings = replace(DEFAULTS, again=again)
    first = dataset.plan(episodes(*listed), settings)
    rows = dict(dataset.ledger)
    second = dataset.plan(episodes(*listed), settings, run=f"run-{dataset.runs}")
    assert sorted(names(first)) == sorted(names(second))
    assert dataset.ledger == rows


@given(st.integers(1, 20), st.integers(2, 5), st.data())
def test_a_poisonous_recording_is_given_up_and_the_others_are_published(count, attempts, data):
    poison = data.draw(st.integers(0, count - 1))
    settings = replace(DEFAULTS, attempts=attempts, shard_seconds=3000)
    dataset, listed = Dataset(), episodes(*range(count))
    for planned in range(attempts):
        shards = {shard_name(g): [int(i.recording, 16) for i in g] for g in dataset.plan(listed, settings).shards}
        for shard, members in shards.items():
            if poison in members:
                assert members == [poison] or planned < 2, "after two losses it is alone"
            else:
                dataset.survive(shard)  # the run does not get to publish
                assert all(row.attempts == 0 for row in dataset.ledger.values() if row.shard == shard)
        survivors = [row.shard for row in dataset.ledger.values() if row.attempts == 0]
        assert {s for s, members in shards.items() if poison not in members} == set(survivors)
    last = dataset.plan(listed, settings)
    row = dataset.ledger[f"{poison:016x}"]
    assert row.outcome == GIVEN_UP
    assert row.reason == f"given up: lost in {attempts} runs, the last time in a shard of its own"
    assert last.fates[row.recording] == "given_up"
    for shard in names(last):
        dataset.publish(shard)
    assert Counter(dataset.outcomes().values()) == Counter({GIVEN_UP: 1, PUBLISHED: count - 1})
    assert dataset.plan(listed, settings).shards == []


def test_the_attempts_of_a_shard_that_is_lost_each_time():
    dataset, listed = Dataset(), episodes(1, 2, 3)
    first = dataset.plan(listed)
    second = dataset.plan(listed)
    third = dataset.plan(listed)
    assert numbers(first) == numbers(second) == [[1, 2, 3]]
    assert names(first) == names(second)
    assert numbers(third) == [[1], [2], [3]]
    assert {row.attempts for row in dataset.ledger.values()} == {3}
    assert dataset.plan(listed).shards == []


def test_one_attempt_is_one_attempt():
    dataset, listed = Dataset(), episodes(1, 2)
    settings = replace(DEFAULTS, attempts=1)
    assert numbers(dataset.plan(listed, settings)) == [[1, 2]]
    assert dataset.plan(listed, settings).shards == []
    assert {row.reason for row in dataset.ledger.values()} == {"given up: lost in 1 run"}


def test_members_that_are_not_listed_any_more_stay_in_their_shard_with_their_old_url():
    dataset = Dataset()
    first = dataset.plan(episodes(1, 2))
    second = dataset.plan(episodes(2))
    assert names(first) == names(second)
    assert [item.url for item in second.shards[0]] == [f"https://a.example/{n}.mp3?sig=x" for n in (1, 2)]
    dataset.plans.clear()
    third = dataset.plan(episodes(2))
    assert [[i.url for i in group] for group in third.shards] == [["https://a.example/1.mp3"], ["https://a.example/2.mp3?sig=x"]]
    assert dataset.plan(episodes(9)).fates == {f"{9:016x}": "new"}, "a shard of which nothing is listed waits"


def test_urls_are_those_of_today_and_the_ledger_holds_no_signature():
    dataset = Dataset()
    first = dataset.plan(episodes(1))
    today = replace(entry(1).item, url="http://127.0.0.1:4711/1.mp3?sig=y")
    second = dataset.plan([Listed(today)])
    assert names(first) == names(second)
    assert second.shards == [[today]]
    assert dataset.ledger[today.recording].url == "http://127.0.0.1:4711/1.mp3"


def test_a_failed_download_is_tried_again_in_a_new_shard_until_it_has_failed_too_often():
    dataset, listed = Dataset(), episodes(1, 2, 3)
    seen = []
    for _ in range(3):
        plan = dataset.plan(listed)
        seen.append((names(plan), numbers(plan)))
        dataset.publish(names(plan)[0], frozenset({2}))
    assert [members for _, members in seen] == [[[1, 2, 3]], [[2]], [[2]]]
    assert len({shard for shards, _ in seen for shard in shards}) == 3, "a shard of the same name would come from the cache"
    assert dataset.plan(listed).fates[f"{2:016x}"] == "failed"
    retried = dataset.plan(listed, AGAIN)
    assert [1, 2, 3] in numbers(retried)


def test_again_is_the_same_shards_also_beside_what_failed_and_what_is_not_listed_any_more():
    dataset, listed = Dataset(), episodes(1, 2, 3, 4)
    settings = replace(DEFAULTS, shard_seconds=1200)
    first = dataset.plan(listed, settings)
    assert numbers(first) == [[1, 2], [3, 4]]
    for shard in names(first):
        dataset.publish(shard, frozenset({2}))
    assert dataset.plan(listed, settings).fates[f"{2:016x}"] == "retried"
    dataset.publish(dataset.ledger[f"{2:016x}"].shard, frozenset({2}))
    again = dataset.plan(episodes(5, 4, 3, 1), replace(settings, again=True))
    assert set(names(first)) < set(names(again))
    assert Counter(again.fates.values()) == {"again": 4, "new": 1}
    assert {row.attempts for row in dataset.ledger.values()} == {1}
    for shard in names(again):
        dataset.publish(shard)
    assert set(dataset.outcomes().values()) == {PUBLISHED}


def test_again_after_every_download_of_a_shard_failed_downloads_anew():
    dataset, listed = Dataset(), episodes(1, 2)
    (first,) = names(dataset.plan(listed))
    dataset.publish(first, frozenset({1, 2}))
    again = dataset.plan(listed, AGAIN)
    assert numbers(again) == [[1, 2]]
    assert names(again) != [first]


def test_again_leaves_out_a_member_that_belongs_to_another_shard_now():
    dataset, listed = Dataset(), episodes(1, 2)
    dataset.publish(names(dataset.plan(listed))[0], frozenset({2}))
    dataset.publish(names(dataset.plan(listed))[0])
    assert sorted(numbers(dataset.plan(listed, AGAIN))) == [[1], [2]]


def test_again_takes_up_what_was_given_up():
    dataset, listed = Dataset(), episodes(1)
    for _ in range(4):
        dataset.plan(listed)
    assert dataset.outcomes() == {1: GIVEN_UP}
    assert numbers(dataset.plan(listed, AGAIN)) == [[1]]
    assert dataset.ledger[f"{1:016x}"].attempts == 1


@pytest.mark.parametrize("listed", [(1, 2), (2,)])
def test_what_a_rollback_dropped_is_planned_again_if_it_is_listed(listed):
    dataset = Dataset()
    (shard,) = names(dataset.plan(episodes(1, 2)))
    dataset.publish(shard)
    dataset.ledger |= {r: replace(row, outcome=ROLLED_BACK, reason="not in it", attempts=0) for r, row in dataset.ledger.items()}
    plan = dataset.plan(episodes(*listed))
    assert numbers(plan) == [list(listed)] and (names(plan) == [shard]) == (listed == (1, 2))  # its stages are cached then
    assert {n for n, outcome in dataset.outcomes().items() if outcome == PENDING} == set(listed)
    assert not any(row.reason for row in dataset.ledger.values() if row.outcome == PENDING)


def test_what_its_source_refuses_is_a_failed_row_that_may_be_offered_later():
    dataset = Dataset()
    plan = dataset.plan([entry(1, refusal="not offered"), entry(2)])
    row = dataset.ledger[f"{1:016x}"]
    assert (numbers(plan), row.outcome, row.reason, row.failures) == ([[2]], FAILED, "not offered", 0)
    assert dataset.plan(episodes(1)).fates[row.recording] == "new"


def test_what_is_refused_after_it_was_planned_or_published_stays():
    dataset = Dataset()
    (shard,) = names(dataset.plan(episodes(1, 2)))
    dataset.plan([entry(1, refusal="not offered")])
    assert dataset.outcomes() == {1: PENDING, 2: PENDING}
    dataset.publish(shard)
    for settings in (DEFAULTS, AGAIN):
        dataset.plan([entry(1, refusal="not offered")], settings)
        assert dataset.outcomes() == {1: PUBLISHED, 2: PUBLISHED}


def test_lengths_that_are_not_wanted_are_left_out_with_a_reason_until_they_are_wanted():
    dataset = Dataset()
    settings = replace(DEFAULTS, min_seconds=60, max_seconds=600)
    plan = dataset.plan([entry(1, 59), entry(2, 60), entry(3, 600), entry(4, 601), entry(5, 0)], settings)
    assert numbers(plan) == [[2, 3, 5]]
    assert Counter(plan.fates.values()) == {"filtered": 2, "new": 3}
    assert {n: (dataset.ledger[f"{n:016x}"].outcome, dataset.ledger[f"{n:016x}"].reason) for n in (1, 4)} == {
        1: (FILTERED, "is said to last 59 s; discover_min_seconds is 60"),
        4: (FILTERED, "is said to last 601 s; discover_max_seconds is 600"),
    }
    assert dataset.plan([entry(1, 59)], settings).fates == {f"{1:016x}": "filtered"}
    assert numbers(dataset.plan([entry(1, 59), entry(4, 601)])) == [[1, 4]]


def test_the_cap_counts_new_recordings_alone():
    dataset = Dataset()
    settings = replace(DEFAULTS, max_recordings=2)
    assert numbers(dataset.plan(episodes(1, 2, 3, 4, 5), settings)) == [[1, 2]]
    assert numbers(dataset.plan(episodes(1, 2, 3, 4, 5), settings)) == [[1, 2], [3, 4]]


def test_shards_above_the_cap_wait_for_the_next_run_and_lose_no_attempt():
    dataset = Dataset()
    listed, settings = [entry(n, 600) for n in range(1, 6)], replace(DEFAULTS, shard_seconds=600, max_shards=2)
    plan = dataset.plan(listed, settings)
    assert numbers(plan) == [[1], [2]]
    assert Counter(plan.fates.values()) == {"new": 2, "over_cap": 3}
    assert numbers(dataset.plan(listed, settings, run="run-1")) == [[1], [2]], "the task is repeated"
    dataset.plan(listed, replace(settings, max_shards=0))
    before = dict(dataset.ledger)
    plan = dataset.plan(listed, settings)
    assert numbers(plan) == [[1], [2]], "what was lost before"
    assert [dataset.ledger[f"{n:016x}"] for n in (3, 4, 5)] == [before[f"{n:016x}"] for n in (3, 4, 5)]
    for shard in names(plan):
        dataset.publish(shard)
    assert numbers(dataset.plan(listed, settings)) == [[3], [4]]


def test_again_goes_on_with_the_shards_that_waited_longest():
    dataset, listed = Dataset(), [entry(n, 600) for n in range(1, 6)]
    for shard in names(dataset.plan(listed, replace(DEFAULTS, shard_seconds=600))):
        dataset.publish(shard)
    seen = []
    for _ in range(4):
        plan = dataset.plan(listed, replace(AGAIN, max_shards=2))
        seen.append(numbers(plan))
        for shard in names(plan):
            dataset.publish(shard)
    assert seen == [[[1], [2]], [[3], [4]], [[5], [1]], [[2], [3]]]


def test_what_a_listing_leaves_out_is_known_from_before_but_for_the_licence():
    dataset = Dataset()
    full = replace(entry(1).item, published="2026-01-02", licence="CC BY 4.0")
    (shard,) = names(dataset.plan([Listed(full)]))
    dataset.publish(shard)
    bare = replace(full, title="", channel="", published="", licence="", seconds=0.0)
    ((item,),) = dataset.plan([Listed(bare)], AGAIN).shards
    row = dataset.ledger[full.recording]
    for known in (item, row):
        assert (known.title, known.channel, known.published, known.seconds) == ("t1", "c", "2026-01-02", 600.0)
        assert known.licence == ""
    ((item,),) = dataset.plan([Listed(replace(bare, title="new"))], AGAIN).shards
    assert item.title == "new"


def test_what_is_refused_or_too_short_is_so_by_what_is_known_from_before():
    dataset = Dataset()
    full = entry(1, 59).item
    (shard,) = names(dataset.plan([Listed(full)]))
    dataset.publish(shard, failing=frozenset({1}))
    bare = replace(full, title="", channel="", seconds=0.0)
    assert dataset.plan([Listed(bare)], replace(DEFAULTS, min_seconds=60)).fates == {full.recording: "filtered"}
    dataset.plan([Listed(bare, "not offered")])
    row = dataset.ledger[full.recording]
    assert (row.title, row.channel, row.seconds, row.reason) == ("t1", "c", 59.0, "not offered")


def test_a_source_that_fails_is_a_row_until_it_is_mended():
    first = list(source_rows({"https://a.example/feed": "HTTP 404", "https://b.example/feed": ""}, {}, "run-1"))
    assert [(r.kind, r.url, r.outcome, r.reason, r.failures) for r in first] == [
        ("source", "https://a.example/feed", FAILED, "HTTP 404", 1)
    ]
    ledger = {r.recording: r for r in first}
    assert list(source_rows({"https://a.example/feed": "HTTP 404"}, ledger, "run-1")) == first
    (second,) = source_rows({"https://a.example/feed": "HTTP 500"}, ledger, "run-2")
    assert (second.recording, second.failures, second.reason) == (first[0].recording, 2, "HTTP 500")
    (mended,) = source_rows({"https://a.example/feed": ""}, ledger, "run-3")
    assert (mended.outcome, mended.reason, mended.failures) == (PENDING, "", 0)
    dataset = Dataset()
    dataset.ledger = {mended.recording: mended}
    assert numbers(dataset.plan(episodes(1))) == [[1]]


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempts": 0},
        {"shard_seconds": 0.0},
        {"shard_seconds": float("nan")},
        {"max_recordings": -1},
        {"max_shards": -1},
        {"min_seconds": -1.0},
    ],
)
def test_settings_that_make_no_sense_are_named(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(StageError, match=f"parameter discover_{name}: expected .*, found {value:g}"):
        check_settings(**CHECKED | wrong)


def test_lengths_that_exclude_each_other_are_named():
    with pytest.raises(StageError, match="discover_min_seconds: expected at most discover_max_seconds, 30, found 60"):
        check_settings(**CHECKED | {"min_seconds": 60, "max_seconds": 30})
