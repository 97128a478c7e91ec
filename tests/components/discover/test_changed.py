"""Plans of recordings whose files changed at their sources."""

from collections import Counter
from dataclasses import replace

from store.ledger import CHANGED, PUBLISHED
from tests.components.discover.planned import AGAIN, REFRESH, Dataset, entry, names, numbers


def published(*states: str) -> tuple[Dataset, list[str]]:
    """A dataset with recordings whose files have these states, and the names of its shards."""
    dataset = Dataset()
    plan = dataset.plan([entry(n, state=state) for n, state in enumerate(states)])
    for shard in names(plan):
        dataset.publish(shard)
    return dataset, names(plan)


def test_a_file_with_another_state_is_told_and_not_downloaded() -> None:
    dataset, _ = published("bytes 4", "bytes 5", "")
    listed = [entry(0, state="bytes 4"), entry(1, state="bytes 7"), entry(2)]
    for _ in range(2):
        plan = dataset.plan(listed)
        assert (plan.shards, Counter(plan.fates.values())) == ([], {"done": 2, "changed": 1})
        row = dataset.ledger[f"{1:016x}"]
        assert (row.outcome, row.reason) == (PUBLISHED, f"{CHANGED}: bytes 7, before 5")
    plan = dataset.plan([entry(1, state="bytes 5")])
    assert Counter(plan.fates.values()) == {"done": 1}
    assert dataset.ledger[f"{1:016x}"].reason == "", "the old file is back"


def test_refresh_downloads_what_changed_in_a_shard_of_another_name_and_nothing_else() -> None:
    dataset, first = published("bytes 4", "bytes 5", "bytes 6")
    listed = [entry(0, state="bytes 4"), entry(1, state="bytes 7"), entry(2, state="bytes 8")]
    plan = dataset.plan(listed, REFRESH)
    assert (numbers(plan), Counter(plan.fates.values())) == ([[1, 2]], {"refreshed": 2, "done": 1})
    assert names(plan) != first
    dataset.publish(*names(plan))
    again = dataset.plan(listed, REFRESH)
    assert (again.shards, Counter(again.fates.values())) == ([], {"done": 3})
    assert {row.reason for row in dataset.ledger.values()} == {""}


def test_a_shard_of_one_recording_has_another_name_for_another_state() -> None:
    dataset, first = published("bytes 4")
    for settings in (REFRESH, AGAIN):
        assert names(dataset.plan([entry(0, state="bytes 7")], settings)) != first
        dataset, first = published("bytes 4")


def test_again_keeps_the_name_of_a_shard_whose_files_have_not_changed() -> None:
    dataset, first = published("bytes 4; etag a", "")
    assert names(dataset.plan([entry(0, state="bytes 4"), entry(1, state="bytes 9")], AGAIN)) == first


def test_again_downloads_a_changed_file_also_if_its_plan_says_nothing_of_its_state() -> None:
    dataset, first = published("")
    dataset.plan([entry(0, state="bytes 4")])  # the ledger learns the state
    assert names(dataset.plan([entry(0, state="bytes 4")], AGAIN)) == first
    dataset.publish(*first)
    name = f"{0:016x}"
    dataset.ledger[name] = replace(dataset.ledger[name], state="bytes 4")
    assert names(dataset.plan([entry(0, state="bytes 7")], AGAIN)) != first


def test_what_a_source_says_for_the_first_time_is_remembered_and_no_change() -> None:
    dataset, _ = published("", "bytes 4")
    plan = dataset.plan([entry(0, state="bytes 5"), entry(1, state="bytes 4; published today")])
    assert Counter(plan.fates.values()) == {"done": 2}
    assert [row.state for row in dataset.ledger.values()] == ["bytes 5", "bytes 4; published today"]
    assert dataset.plan([entry(0, state="bytes 6")]).fates == {f"{0:016x}": "changed"}


def test_a_file_with_the_same_bytes_has_not_changed() -> None:
    dataset, _ = published("modified today")
    name = f"{0:016x}"
    dataset.ledger[name] = replace(dataset.ledger[name], media_sha256="aa")
    for sha256, fate in (("aa", "done"), ("bb", "changed")):
        copied = replace(entry(0, state=f"modified {sha256}"), media_sha256=sha256)
        assert dataset.plan([copied]).fates == {name: fate}
    assert dataset.ledger[name].state == "modified aa"


def test_a_recording_that_failed_too_often_is_tried_again_when_its_file_is_another_one() -> None:
    dataset = Dataset()
    for _ in range(3):
        dataset.publish(*names(dataset.plan([entry(0, state="bytes 4")])), frozenset({0}))
    assert dataset.plan([entry(0, state="bytes 4")]).fates == {f"{0:016x}": "failed"}
    assert numbers(dataset.plan([entry(0, state="bytes 5")])) == [[0]]


def test_a_file_that_changes_before_its_shard_is_done_is_downloaded_as_it_is_now() -> None:
    dataset = Dataset()
    first = dataset.plan([entry(0, state="bytes 4"), entry(1, state="bytes 5")])
    same = dataset.plan([entry(0, state="bytes 4"), entry(1, state="bytes 5")])
    dataset.survive(*names(same))
    later = dataset.plan([entry(0, state="bytes 9"), entry(1, state="bytes 5")])
    assert names(first) == names(same) != names(later)
    assert [item.state for item in later.shards[0]] == ["bytes 9", "bytes 5"]
