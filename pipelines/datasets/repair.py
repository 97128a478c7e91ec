"""Re-makes what can be made of a damaged dataset: its ledger, its lease, and audio, by having recordings done again."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, fields, replace

from components.publish.outcomes import outcomes
from components.shared.rows import Account
from components.shared.table import empty
from pipelines.datasets.verify import Checked, Damage
from store.datasets import DatasetStore
from store.interface import Store
from store.lease import lease
from store.ledger import DERIVED, PENDING, PUBLISHED, Ledger, LedgerRow
from store.version_rows import Recorded

_MADE_AGAIN = ("audio", "timeline")
"""The kinds of damage that a recording cures that is done again."""


@dataclass(frozen=True)
class Repaired:
    """What was repaired, and what was not."""

    ledger_rows: int
    """Number of rows of the ledger that were made again."""
    queued: list[str]
    """Recordings that the next run does again, if a source still lists them."""
    deleted: list[str]
    """Keys of objects that held something else, and that are written again then."""
    left: list[Damage]
    """What cannot be made again."""


def repair(store: Store, name: str, checked: Checked, finished: Collection[str], say: Callable[[str], None]) -> Repaired:
    """Repairs what a verification found. Takes the dataset's lease, and so takes over that of a run that died.

    `finished` are the recordings that are never done again, because something of them was forgotten.
    """
    datasets, ledger = DatasetStore(store, name), Ledger(store, name)
    with lease(store, name, "dataset verify --repair", say):
        versions = datasets.versions()
        newest = versions[-1] if versions else None
        of_ledger = [d for d in checked.damage if d.kind == "ledger"]
        readable = not any(d.kind == "recordings" and d.version == (newest.number if newest else 0) for d in checked.damage)
        changed = _repair_ledger(ledger, datasets.recordings(newest)) if of_ledger and readable else 0
        again = [d for d in checked.damage if newest and _is_made_again(d, newest.number, finished)]
        queued, deleted = sorted({d.recording for d in again}), sorted({d.key for d in again if store.exists(d.key)})
        for key in deleted:  # `collect` writes no object that is there
            store.delete(key)
        if queued:
            ledger.write(lambda rows: _queued(rows, queued))
    left = [d for d in checked.damage if d not in again and not (d.kind == "ledger" and readable)]
    return Repaired(changed, queued, deleted, left)


def _is_made_again(damage: Damage, newest: int, finished: Collection[str]) -> bool:
    return damage.kind in _MADE_AGAIN and damage.version == newest and damage.recording not in finished


def _repair_ledger(ledger: Ledger, recordings: list[Recorded]) -> int:
    """Makes the rows of the newest version's recordings as the version says. Returns the number of rows that change."""
    changed: list[LedgerRow] = []

    def compute(rows: dict[str, LedgerRow]) -> Iterable[LedgerRow]:
        known = {r.recording for r in recordings}
        there = rows | {r.recording: _row(r) for r in recordings if r.recording not in rows}
        after = {r.recording: _settled(r, known) for r in outcomes(there, [], recordings)}
        changed[:] = [r for name, r in after.items() if rows.get(name) != r]
        return changed

    ledger.write(compute)
    return len(changed)


def _row(recorded: Recorded) -> LedgerRow:
    """The ledger's row of a recording that only the version has."""
    names = {f.name for f in fields(Account)} & {f.name for f in fields(LedgerRow)}
    return replace(empty(LedgerRow), **{n: getattr(recorded, n) for n in names}, run=recorded.run, outcome=PUBLISHED)


def _settled(row: LedgerRow, known: Collection[str]) -> LedgerRow:
    """The row as it has to be beside a version: what the version has is published or planned; what it lacks is planned again."""
    if row.recording in known:
        return row if row.outcome in (PENDING, PUBLISHED) else replace(row, outcome=PUBLISHED, reason="")
    if row.outcome == PUBLISHED and row.samples:
        nothing = {n: getattr(empty(LedgerRow), n) for n in DERIVED}
        return replace(row, **nothing, outcome=PENDING, reason="", run="", attempts=0)
    return row


def _queued(rows: Mapping[str, LedgerRow], recordings: Iterable[str]) -> list[LedgerRow]:
    """The rows of recordings that the next run does again: planned by no run, in the shard that they were in."""
    return [replace(rows[r], outcome=PENDING, reason="", run="", attempts=0) for r in recordings if r in rows]
