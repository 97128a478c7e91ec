"""Which recordings a run does not ask for yet, because their hosts refused them or the crawler a short time ago."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from components.shared.refusals import BLOCKED, NEVER, group_of, host_of, refusal, wait_hours
from store.ledger import FAILED, LedgerRow


def blocking_hosts(ledger: Mapping[str, LedgerRow], now: str) -> frozenset[str]:
    """Returns the hosts that blocked the crawler so short a time ago that no recording is asked of them.

    Args:
        ledger: Ledger rows by recording.
        now: Current time, UTC, ISO 8601.
    """
    rows = (row for row in ledger.values() if row.outcome == FAILED and group_of(row.reason) == BLOCKED)
    return frozenset(host_of(row.kind, row.url) for row in rows if not _over(row.planned, wait_hours(BLOCKED, 1), now))


def is_over_for_good(row: LedgerRow) -> bool:
    """Returns whether a recording failed for a reason that stays."""
    kind = refusal(row.reason)
    return row.outcome == FAILED and kind is not None and kind.wait_hours == NEVER


def waits(row: LedgerRow, now: str) -> bool:
    """Returns whether it is too early to ask for a recording again. `now`: current time, UTC, ISO 8601."""
    return row.outcome == FAILED and not _over(row.planned, wait_hours(row.reason, row.failures), now)


def _over(planned: str, hours: float, now: str) -> bool:
    """Returns whether so many hours have passed since a time; an unknown time is long ago."""
    return not planned or not hours or datetime.fromisoformat(now) - datetime.fromisoformat(planned) >= timedelta(hours=hours)
