"""The ledger of a dataset: one row per recording that a source has ever listed, with its attempts and its outcome."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from components.shared.rows import SourceInfo
from components.shared.table import from_table
from store.interface import Store
from store.objects import check_name
from store.tables import Table
from store.version_rows import Recorded

PENDING, PUBLISHED, FAILED, GIVEN_UP, FILTERED = "", "published", "failed", "given_up", "filtered"
ROLLED_BACK, FORGOTTEN = "rolled_back", "forgotten"
CHANGED = "changed at its source"
"""The beginning of the reason of a published recording whose file was replaced at its source."""


@dataclass(frozen=True, slots=True)
class LedgerRow(SourceInfo):
    """One recording that a source of the dataset has listed, and its outcome. `seconds` is the length that the source states."""

    shard: str
    """Shard in which the recording was last planned."""
    run: str
    """Run that last planned the recording; empty if that run does not count as an attempt."""
    planned: str
    """When that run planned it, in UTC, ISO 8601 to the second; empty if unknown."""
    attempts: int
    """Number of runs that planned the recording and did not finish its shard, including the current run."""
    failures: int
    """Number of downloads that failed."""
    excused: int
    """Number of those that do not count as attempts, since they say nothing about the recording: its host blocked the crawler, or it has
    not begun or ended."""
    outcome: str
    """Empty (planned, not yet published), published, failed (the download failed), given_up (too many runs did not finish its shard),
    filtered (left out by its length), rolled_back (a newer version had it, and the next run that lists it plans it again) or forgotten
    (never fetched again)."""
    reason: str
    """Why the recording failed, was given up, left out or rolled back, or how its file changed at the source, on one line, or empty."""
    media_sha256: str
    duplicate_of: str
    """Id of an earlier recording with the same media file, or empty."""
    conversion: str
    """What `download` changed in the recording's sound, or empty."""
    state: str
    """What the source said of the file that the dataset has: its size, a time, an ETag. Empty if it said nothing."""
    samples: int
    """Length of the recording in frames at 44.1 kHz, 0 without audio."""
    music_samples: int
    noise_samples: int
    silence_samples: int
    unclipped_speech_samples: int
    kept_samples: int
    """Samples in clips that were kept."""
    rejected_samples: int
    """Samples in clips that were rejected."""


DERIVED = (
    "media_sha256",
    "duplicate_of",
    "conversion",
    "samples",
    "music_samples",
    "noise_samples",
    "silence_samples",
    "unclipped_speech_samples",
    "kept_samples",
    "rejected_samples",
)
"""The columns that only repeat what the newest version says."""


def as_published(known: LedgerRow, version: Recorded | None) -> LedgerRow:
    """A ledger row as the newest version of the dataset has its recording; `version` is None if that has none.

    A recording is published if the version has it from the run that planned it last.
    """
    if version is None:
        return known
    done = known.outcome == PENDING and known.run == version.run
    columns: dict[str, Any] = {name: getattr(version, name) for name in DERIVED}
    return replace(known, **columns | ({"outcome": PUBLISHED, "reason": ""} if done else {}))


class Ledger:
    """Reads and writes the ledger of one dataset."""

    def __init__(self, store: Store, dataset: str) -> None:
        self._table = Table(store, f"datasets/{check_name(dataset)}/ledger", LedgerRow, "recording")

    def rows(self) -> dict[str, LedgerRow]:
        """All rows, by id of the recording."""
        return {r.recording: r for r in self._table.rows()}

    def noted(self) -> list[LedgerRow]:
        """The rows with a reason, and those that are neither planned nor published, sorted by id. No others become Python objects."""
        rows = self._table.columns(LedgerRow)
        usual = pc.is_in(rows["outcome"], value_set=pa.array([PENDING, PUBLISHED]))
        said = pc.or_(pc.not_equal(rows["reason"], ""), pc.invert(usual))
        return sorted(from_table(LedgerRow, rows.filter(said)), key=lambda r: r.recording)

    def write(self, compute: Callable[[dict[str, LedgerRow]], Iterable[LedgerRow]]) -> None:
        """Adds or replaces the rows that `compute` returns for the present ones, as in `Table.replace`."""

        def merged(present: list[LedgerRow]) -> Iterable[LedgerRow]:
            before = {r.recording: r for r in present}
            return (before | {r.recording: r for r in compute(before)}).values()

        self._table.replace(merged)

    def follow(self, recordings: Iterable[Recorded]) -> None:
        """Repairs the ledger after a run that died between its commit and its entry here. `recordings` are the newest version's."""
        published = {r.recording: r for r in recordings}
        self.write(lambda rows: [as_published(row, published.get(name)) for name, row in rows.items()])

    def remove(self, recordings: Collection[str]) -> None:
        """Removes the rows of some recordings."""
        self._table.replace(lambda rows: [r for r in rows if r.recording not in recordings])

    def survived(self, shard: str) -> None:
        """Records that all stages of a shard finished. Its recordings lose no attempt, even if the run fails before it publishes."""
        self.write(lambda rows: [replace(r, attempts=0) for r in rows.values() if r.shard == shard and r.outcome == PENDING])

    def interrupted(self, run: str) -> None:
        """Records that a run ended through no fault of its recordings. Takes back the attempts that it counted. Idempotent."""

        def taken_back(rows: dict[str, LedgerRow]) -> list[LedgerRow]:
            planned = [r for r in rows.values() if r.run == run and r.outcome == PENDING]
            return [replace(r, attempts=max(0, r.attempts - 1), run="") for r in planned]

        self.write(taken_back)
