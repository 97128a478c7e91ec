"""What people know of a dataset's recordings: their tones over time, to compare a version with."""

from collections.abc import Iterable
from dataclasses import dataclass

from store.interface import Store
from store.objects import check_name
from store.parquet import read_object, to_bytes


@dataclass(frozen=True, slots=True)
class Truth:
    """A stretch of a recording and the tone in it."""

    source: str
    """URL of the recording, or the name of its file."""
    start: float
    """In seconds on the recording's own timeline."""
    end: float
    tone: str
    """As the model of tones names it; "" is unknown."""


def write_truth(store: Store, dataset: str, rows: Iterable[Truth]) -> None:
    """Puts a dataset's truth into the store, in place of an older one."""
    store.write(_key(dataset), to_bytes(Truth, sorted(rows, key=lambda t: (t.source, t.start, t.end, t.tone))))


def read_truth(store: Store, dataset: str) -> list[Truth]:
    """A dataset's truth by source and start; none where nobody knows any."""
    key = _key(dataset)
    return read_object(store, key, Truth) if store.exists(key) else []


def _key(dataset: str) -> str:
    return f"datasets/{check_name(dataset)}/truth.parquet"
