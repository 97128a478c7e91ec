"""Refusals that say nothing about a recording cost it no attempt, and no host is asked again too soon."""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from components.discover.plan import make_plan
from components.publish.outcomes import outcomes
from components.shared.refusals import NEVER, REFUSALS, refusal, wait_hours
from components.shared.rows import Account
from components.shared.table import empty
from store.ledger import FAILED, LedgerRow
from tests.components.discover.planned import DEFAULTS, entry

START = datetime.fromisoformat("2026-11-29T00:00:00+00:00")
BLOCKED, LIVE, MEMBERS, REMOVED = (
    "blocked: Sign in to confirm you're not a bot",
    "live: a live stream, which has not ended",
    "members_only: Join this channel",
    "removed: This video has been removed by the uploader",
)


class Crawl:
    """A crawl in which every download fails for a reason of its number."""

    def __init__(self, *reasons: str) -> None:
        self.reasons, self.ledger, self.now, self.asked = dict(enumerate(reasons)), dict[str, LedgerRow](), START, list[int]()

    def run(self, hours: float = 0, **settings: bool) -> dict[int, str]:
        """Runs some hours after the run before; returns the fate of each recording by its number."""
        self.now += timedelta(hours=hours)
        listed, now = [entry(n) for n in self.reasons], self.now.isoformat(timespec="seconds")
        plan = make_plan(listed, self.ledger, {}, replace(DEFAULTS, **settings), f"run-{now}", now)
        self.ledger |= {row.recording: row for row in plan.rows}
        planned = [item.recording for shard in plan.shards for item in shard]
        self.asked += [int(name, 16) for name in planned]
        accounts = [
            replace(empty(Account), recording=name, kind="feed", url="https://a.example/x.mp3", reason=self.reasons[int(name, 16)])
            for name in planned
        ]
        self.ledger |= {row.recording: row for row in outcomes(self.ledger, accounts, [])}
        return {int(name, 16): fate for name, fate in plan.fates.items()}


def test_a_block_costs_no_attempt_and_the_host_rests() -> None:
    crawl = Crawl(BLOCKED, "")
    assert crawl.run() == {0: "new", 1: "new"}
    crawl.reasons[2] = ""
    assert crawl.run(hours=1) == {0: "waiting", 1: "done", 2: "waiting"}, "new recordings of the host wait as well"
    assert crawl.run(hours=1.5) == {0: "retried", 1: "done", 2: "new"}
    for _ in range(10):
        assert crawl.run(hours=24 * 8)[0] == "retried"
    row = crawl.ledger[f"{0:016x}"]
    assert (row.outcome, row.failures, row.excused) == (FAILED, 12, 12)


def test_without_waiting_the_next_run_asks_at_once() -> None:
    crawl = Crawl(BLOCKED, MEMBERS)
    crawl.run()
    assert crawl.run(wait=False) == {0: "retried", 1: "retried"}


def test_a_live_stream_waits_for_itself_alone() -> None:
    crawl = Crawl(LIVE)
    crawl.run()
    crawl.reasons[1] = ""
    assert crawl.run(hours=1) == {0: "waiting", 1: "new"}
    assert crawl.run(hours=6)[0] == "retried"


def test_what_may_change_is_tried_again_later_and_then_given_up() -> None:
    crawl = Crawl(MEMBERS)
    fates = [crawl.run(hours=24)[0] for _ in range(10)]
    assert fates == ["new", "retried", "waiting", "retried", *["failed"] * 6], "after one day, then two, and three attempts in all"


def test_what_is_gone_is_not_asked_for_again() -> None:
    crawl = Crawl(REMOVED)
    assert [crawl.run(hours=999)[0] for _ in range(3)] == ["new", "failed", "failed"]


def test_a_failure_of_no_kind_is_tried_in_the_next_run_as_often_as_it_is_set() -> None:
    crawl = Crawl("no audio stream")
    assert [crawl.run()[0] for _ in range(4)] == ["new", "retried", "retried", "failed"]


@given(st.sampled_from(REFUSALS), st.integers(1, 60))
def test_waits_grow_up_to_a_week(kind, times: int) -> None:
    now, then = (wait_hours(f"{kind.name}: x", n) for n in (times, times + 1))
    assert refusal(f"{kind.name}: x") is kind
    assert now == 0 if kind.wait_hours == 0 else 0 < now <= then <= 168
    assert kind.counts or kind.wait_hours not in (0, NEVER), "what costs no attempt needs a wait, or every run would ask"
