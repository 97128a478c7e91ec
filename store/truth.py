"""The ground truth of a dataset: the tones of its recordings over time, as labeled by people, to score a version against."""

from collections.abc import Iterable
from dataclasses import dataclass

from store.interface import Store
from store.objects import check_name
from store.parquet import read_object, to_bytes


@dataclass(frozen=True, slots=True)
class Truth:
    """The tone of one part of a recording."""

    source: str
    """URL of the recording, or its file name."""
    start: float
    """Seconds from the start of the recording."""
    end: float
    """Seconds from the start of the recording."""
    tone: str
    """A class of the tone model; empty if unknown."""


def write_truth(store: Store, dataset: str, rows: Iterable[Truth]) -> None:
    """Writes the ground truth of a dataset. Replaces an older one."""
    store.write(_key(dataset), to_bytes(Truth, sorted(rows, key=lambda t: (t.source, t.start, t.end, t.tone))))


def read_truth(store: Store, dataset: str) -> list[Truth]:
    """The ground truth of a dataset, sorted by source and start; empty if there is none."""
    key = _key(dataset)
    return read_object(store, key, Truth) if store.exists(key) else []


def _key(dataset: str) -> str:
    return f"datasets/{check_name(dataset)}/truth.parquet"
