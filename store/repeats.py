"""The repeats of a dataset: audio that occurs in it more than once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from store.interface import Store
from store.objects import check_name
from store.tables import Table


@dataclass(frozen=True, slots=True)
class Repeat:
    """A stretch of a recording that had been heard before: in one that was published before it, or earlier in itself.

    A stretch that comes back often points at the first time it was heard, or at one that points there in turn.
    """

    repeat: str
    """<recording>-<start>-<first recording>-<start there>, starts in milliseconds, 8 digits."""
    recording: str
    start: float
    end: float
    first_recording: str
    first_start: float
    """Where the same begins there; it lasts as long."""
    similarity: float
    """Share of the fingerprints' bits that are equal, 0.5 for sounds that have nothing to do with each other, 1 for the same."""


class RepeatStore:
    """Reads and writes the repeats of one dataset."""

    def __init__(self, store: Store, dataset: str) -> None:
        self._table = Table(store, f"datasets/{check_name(dataset)}/repeats", Repeat, "repeat")

    def rows(self) -> list[Repeat]:
        """All repeats, sorted by id."""
        return self._table.rows()

    def write(self, compute: Callable[[list[Repeat]], Iterable[Repeat]]) -> None:
        """Replaces all repeats.

        `compute` takes the present repeats and returns all new ones. It is called again after a
        conflict with another writer.
        """

        def changed(present: list[Repeat], _: object) -> tuple[list[Repeat], dict[str, str]] | None:
            rows = sorted(compute(present), key=lambda r: r.repeat)
            return None if rows == present else (rows, {})

        self._table.change(changed)
