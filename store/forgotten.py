"""What a dataset has forgotten: tombstones without content, which keep later runs from fetching a recording again.

A tombstone of a recording has its id and two hashes; that of a speaker has only the id in the dataset, and no voice. While a purge is
under way, an object beside the tombstones lists what it has to remove. It is deleted at the end.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from store.interface import Store, StoreError
from store.objects import check_name
from store.parquet import read_object, to_bytes
from store.tables import Table

RECORDING, SPEAKER, REST = "recording", "speaker", "rest"
"""Kinds of tombstones. REST is a recording of which the clips of a forgotten speaker are gone, and which is never done again."""
STARTED, DONE = "started", "done"


@dataclass(frozen=True, slots=True)
class Tombstone:
    """One recording or speaker that was forgotten, with nothing of its content."""

    subject: str
    """`recording:<id>`, `speaker:<id>` or `rest:<id of a recording>`."""
    kind: str
    """recording, speaker, or rest: a recording without the clips of a forgotten speaker."""
    id: str
    """Id of the recording, or of the speaker in this dataset."""
    url_sha256: str
    """SHA-256 of the recording's URL; empty for a speaker."""
    media_sha256: str
    """SHA-256 of the recording's media file; empty if it was never fetched, and for a speaker."""
    forgotten: str
    """When, in UTC, ISO 8601 to the second."""
    version: int
    """The version that is without it for the first time; 0 if no version had it."""
    clips: int
    """Number of clips that this version lost."""
    samples: int
    """Their samples at 44.1 kHz."""
    by: str
    """Who asked for it, as given."""
    reason: str
    """Why, as given."""
    into: str
    """The speaker into whom this one was merged, and who was forgotten; empty otherwise."""
    purge: str
    """Empty, started or done."""
    purged: str
    """When the purge was done, in UTC, ISO 8601 to the second, or empty."""


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One thing that a purge under way removes. The list is deleted when it is done."""

    kind: str
    """What it is: recording, speaker, clip, audio, timeline, voice, name, reference, url; or subject and when, of the purge itself."""
    value: str
    """Its id, hash, name or URL."""


Work = Mapping[str, set[str]]
"""What a purge removes: texts by kind, such as recording, speaker, name and clip."""


class Forgotten:
    """Reads and writes the tombstones of one dataset."""

    def __init__(self, store: Store, dataset: str) -> None:
        self._store, self._dataset, folder = store, dataset, f"datasets/{check_name(dataset)}"
        self._table = Table(store, f"{folder}/forgotten", Tombstone, "subject")
        self._work = f"{folder}/purge.parquet"

    def rows(self) -> list[Tombstone]:
        """All tombstones, sorted by subject."""
        return self._table.rows()

    def recordings(self) -> frozenset[str]:
        """Ids of the recordings that no run may fetch again: those that were forgotten, and those without a forgotten speaker's clips."""
        return frozenset(t.id for t in self.rows() if t.kind != SPEAKER)

    def check_without(self, version: int) -> None:
        """Raises StoreError if a version still has what was forgotten later and not purged: a newer version must not equal it."""
        held = [t for t in self.rows() if version < t.version and t.purge != DONE]
        if held:
            raise StoreError(
                f"expected a version without what dataset {self._dataset} has forgotten, found version {version} with {held[0].subject}"
                f"{f' and {len(held) - 1} more' if len(held) > 1 else ''}, which left the dataset with version {held[0].version}: "
                "purge it first with `speechmill dataset forget --purge`, or choose a newer version"
            )

    def write(self, compute: Callable[[dict[str, Tombstone]], Iterable[Tombstone]]) -> None:
        """Adds or replaces the tombstones that `compute` returns for the present ones by subject."""

        def merged(present: list[Tombstone]) -> Iterable[Tombstone]:
            before = {t.subject: t for t in present}
            return (before | {t.subject: t for t in compute(before)}).values()

        self._table.replace(merged)

    def work(self) -> Work:
        """What an interrupted purge has to remove; empty if none is under way."""
        found: dict[str, set[str]] = defaultdict(set)
        for row in read_object(self._store, self._work, WorkItem) if self._store.exists(self._work) else []:
            found[row.kind].add(row.value)
        return found

    def begin(self, work: Work) -> None:
        """Writes what a purge removes, before it removes anything."""
        rows = [WorkItem(kind, value) for kind, values in sorted(work.items()) for value in sorted(values)]
        self._store.write(self._work, to_bytes(WorkItem, rows))

    def end(self) -> None:
        """Deletes what `begin` wrote."""
        self._store.delete(self._work)
