"""The ground truth of a dataset: the tones of its recordings over time, as labeled by people, to score a version against."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from store.interface import Store
from store.objects import check_name
from store.parquet import read_object, to_bytes

LEAST_COVERED = 0.5
"""Lowest share of a clip that its true tone must cover."""


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


class Known:
    """Gives the true tones of clips."""

    def __init__(self, truths: Iterable[Truth]) -> None:
        self._spans: dict[str, list[Truth]] = defaultdict(list)
        for truth in truths:
            self._spans[truth.source].append(truth)

    def tone(self, source: str, start: float, end: float) -> str:
        """The tone that covers most of a clip, and at least LEAST_COVERED of it; "" if there is none.

        People name a recording by its URL or by its file name.
        """
        covered = defaultdict[str, float](float)
        for span in self._spans.get(source) or self._spans.get(file_name(source)) or ():
            if (overlap := min(span.end, end) - max(span.start, start)) > 0:
                covered[span.tone] += overlap
        if not covered:
            return ""
        tone, seconds = max(covered.items(), key=lambda item: (item[1], item[0]))
        return tone if seconds >= LEAST_COVERED * (end - start) else ""


def file_name(source: str) -> str:
    """The file name in a URL."""
    return PurePosixPath(unquote(urlsplit(source).path)).name


def write_truth(store: Store, dataset: str, rows: Iterable[Truth]) -> None:
    """Writes the ground truth of a dataset. Replaces an older one."""
    store.write(_key(dataset), to_bytes(Truth, sorted(rows, key=lambda t: (t.source, t.start, t.end, t.tone))))


def read_truth(store: Store, dataset: str) -> list[Truth]:
    """The ground truth of a dataset, sorted by source and start; empty if there is none."""
    key = _key(dataset)
    return read_object(store, key, Truth) if store.exists(key) else []


def _key(dataset: str) -> str:
    return f"datasets/{check_name(dataset)}/truth.parquet"
