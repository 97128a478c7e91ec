"""Makes a new version of a dataset that equals an older one, and lets the ledger follow."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from components.publish.outcomes import outcomes
from components.shared.task import report
from store.datasets import DatasetStore, Version
from store.forgotten import Forgotten
from store.interface import Store
from store.lease import lease
from store.ledger import FAILED, FILTERED, GIVEN_UP, PUBLISHED, ROLLED_BACK, Ledger, LedgerRow
from store.version_rows import Recorded

_ENDED = (PUBLISHED, FAILED, GIVEN_UP, FILTERED, ROLLED_BACK)
"""Outcomes of recordings that no run is working on."""


@dataclass(frozen=True)
class RolledBack:
    """What a rollback did."""

    made: Version | None
    """The new version; None if the newest one equals the old one already."""
    to: int
    """Number of the old version."""
    planned: list[str]
    """The recordings that are not in it any more, and that the next run plans again if its sources list them."""


def roll_back(store: Store, dataset: str, run: str, wanted: int | str) -> RolledBack:
    """Makes a version that equals version number or tag `wanted`. Waits while a run publishes the dataset.

    Doing it again commits nothing, and repairs a ledger that an interrupted rollback did not write. Raises StoreError if the old
    version has what was forgotten since.
    """
    datasets, ledger = DatasetStore(store, dataset), Ledger(store, dataset)
    with lease(store, dataset, run, report):
        to = datasets.version(wanted)
        Forgotten(store, dataset).check_without(to.number)
        made = datasets.roll_back(run, to)
        recordings = {r.recording: r for r in datasets.recordings(to)}
        reason = f"not in version {datasets.version().number}, which equals version {to.number}"
        planned: list[str] = []

        def compute(rows: dict[str, LedgerRow]) -> list[LedgerRow]:
            found = as_of(rows, recordings, reason)
            planned[:] = [r.recording for r in found if r.outcome == ROLLED_BACK and rows[r.recording].outcome != ROLLED_BACK]
            return found

        ledger.write(compute)
    return RolledBack(made, to.number, planned)


def as_of(ledger: Mapping[str, LedgerRow], recordings: Mapping[str, Recorded], reason: str) -> list[LedgerRow]:
    """The rows of a ledger after its dataset went back to a version with these recordings.

    A recording that the version has is published, with the state of the file that the version is made of: `discover` then sees
    whether its source has a newer one. One that it lacks is rolled back for this reason, with its duplicates in the same shard.
    `discover` takes it up again as if it were new, but in its old shard, so that finished stages are not repeated. Rows of
    recordings that a run is working on, or that never were in the dataset, stay. Applying it again changes nothing.
    """
    rows = outcomes(ledger, [], recordings.values())
    gone = {r.recording for r in rows if r.outcome == PUBLISHED and r.samples and r.recording not in recordings}
    gone |= {r.recording for r in rows if r.outcome == PUBLISHED and r.duplicate_of in gone and r.recording not in recordings}
    return [_row(ledger[row.recording], row, recordings.get(row.recording), row.recording in gone, reason) for row in rows]


def _row(before: LedgerRow, row: LedgerRow, version: Recorded | None, is_gone: bool, reason: str) -> LedgerRow:
    """`row` is the row `before` with the numbers of the version."""
    if is_gone:
        return replace(row, outcome=ROLLED_BACK, reason=reason, attempts=0, failures=0, excused=0)
    if version is None or row.outcome not in _ENDED:
        return row
    if before.outcome == PUBLISHED and before.media_sha256 == version.media_sha256:
        return row
    return replace(row, outcome=PUBLISHED, state=version.state, reason="", failures=0, excused=0)
