"""The repeats of a dataset: audio that occurs in it more than once."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from store.interface import Store
from store.objects import check_name
from store.tables import Table


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part of a recording that occurs earlier: in a recording that was published before it, or earlier in itself.

    If a part occurs often, each repeat points to the first occurrence, or to a repeat that points there.
    """

    repeat: str
    """Id: `<recording>-<start>-<first recording>-<start there>`, starts in milliseconds with 8 digits."""
    recording: str
    start: float
    end: float
    first_recording: str
    """Id of the recording with the earlier occurrence."""
    first_start: float
    """Start of the earlier occurrence, which has the same length."""
    similarity: float
    """Share of equal bits in the fingerprints: 1 for the same audio, 0.5 for unrelated audio."""


class RepeatStore:
    """Reads and writes the repeats of one dataset."""

    def __init__(self, store: Store, dataset: str) -> None:
        self._table = Table(store, f"datasets/{check_name(dataset)}/repeats", Repeat, "repeat")

    def rows(self) -> list[Repeat]:
        """All repeats, sorted by id."""
        return self._table.rows()

    def write(self, compute: Callable[[list[Repeat]], Iterable[Repeat]]) -> None:
        """Replaces all repeats by those that `compute` returns for the present ones, as in `Table.replace`."""
        self._table.replace(compute)

    def remove(self, recordings: Collection[str]) -> None:
        """Removes the repeats that lead from or to some recordings."""
        self.write(lambda rows: [r for r in rows if r.recording not in recordings and r.first_recording not in recordings])
