"""A dataset between runs, as planning leaves it and finds it."""

import itertools
from dataclasses import replace

from components.discover.items import Listed
from components.discover.plan import PlanSettings, make_plan, shards_of
from components.shared.rows import Item
from store.ledger import FAILED, PENDING, PUBLISHED, LedgerRow
from store.plans import shard_name

DEFAULTS = PlanSettings(
    max_recordings=0, max_shards=0, shard_seconds=36000, min_seconds=0, max_seconds=0, attempts=3, again=False, refresh=False, wait=True
)
AGAIN, REFRESH = replace(DEFAULTS, again=True), replace(DEFAULTS, refresh=True)


def entry(number: int, seconds: float = 600.0, refusal: str = "", state: str = "") -> Listed:
    item = Item(f"{number:016x}", "feed", f"https://a.example/{number}.mp3?sig=x", f"t{number}", "c", "", "", seconds, 0, state)
    return Listed(item, refusal)


def episodes(*numbers: int) -> list[Listed]:
    return [entry(n) for n in numbers]


class Dataset:
    """Ledger and plans between runs, with what the other stages do to the ledger."""

    def __init__(self) -> None:
        self.ledger: dict[str, LedgerRow] = {}
        self.plans: dict[str, list[Item]] = {}
        self.forgotten: set[str] = set()
        self.runs = 0
        self.times = (f"2026-11-29T00:{minutes:02}:00+00:00" for minutes in itertools.count())

    def plan(self, listed: list[Listed], settings: PlanSettings = DEFAULTS, run: str = ""):
        self.runs += not run
        run = run or f"run-{self.runs}"
        plans = {s: self.plans[s] for s in shards_of(listed, self.ledger, settings.again, run) if s in self.plans}
        plan = make_plan(listed, self.ledger, plans, settings, run, next(self.times), self.forgotten)
        self.plans |= {shard_name(group): group for group in plan.shards}
        self.ledger |= {row.recording: row for row in plan.rows}
        return plan

    def survive(self, shard: str) -> None:
        rows = [row for row in self.ledger.values() if row.shard == shard and row.outcome == PENDING]
        self.ledger |= {row.recording: replace(row, attempts=0) for row in rows}

    def publish(self, shard: str, failing: frozenset[int] = frozenset()) -> None:
        self.survive(shard)
        names = {f"{n:016x}" for n in failing}
        for name in [r for r, row in self.ledger.items() if row.shard == shard and row.outcome == PENDING]:
            failures = self.ledger[name].failures + (name in names)
            outcome, reason = (FAILED, "HTTP 404") if name in names else (PUBLISHED, "")
            state = next(item.state for item in self.plans[shard] if item.recording == name)
            self.ledger[name] = replace(self.ledger[name], outcome=outcome, reason=reason, failures=failures, state=state)

    def outcomes(self) -> dict[int, str]:
        return {int(r, 16): row.outcome for r, row in self.ledger.items()}


def numbers(plan) -> list[list[int]]:
    return [[int(item.recording, 16) for item in group] for group in plan.shards]


def names(plan) -> list[str]:
    return [shard_name(group) for group in plan.shards]
