"""The acoustic fingerprints of a dataset's recordings, in objects of many, so that a reader needs few requests.

An object is never changed. Where two have a recording, the later one counts; their names begin with the time.
"""

import hashlib
import time
from collections.abc import Collection, Iterator, Sequence

import pyarrow as pa

from components.shared.rows import Fingerprint
from components.shared.table import from_table, to_table
from store.interface import Store
from store.objects import check_name
from store.parquet import parquet, read_columns

MOST_OBJECTS = 64
"""If there are more objects, the next write joins the smaller ones."""
_SMALL_BYTES = 16 << 20


class FingerprintStore:
    """Reads and writes the fingerprints of one dataset."""

    def __init__(self, store: Store, dataset: str) -> None:
        self._store, self._folder = store, f"datasets/{check_name(dataset)}/fingerprints/"

    def recordings(self) -> set[str]:
        """Ids of the recordings that have a fingerprint."""
        return set(self._places())

    def blocks(self) -> Iterator[list[Fingerprint]]:
        """All fingerprints, those of one object at a time: of each recording, that of its latest download."""
        places = self._places()
        for key in sorted(set(places.values())):
            yield [f for f in self._rows(key) if places[f.recording] == key]

    def objects(self) -> Iterator[tuple[str, list[Fingerprint]]]:
        """The key of each object with all that it holds, older ones of a recording included."""
        return ((key, self._rows(key)) for key in self._store.keys(self._folder))

    def write(self, fingerprints: Sequence[Fingerprint]) -> None:
        """Adds the fingerprints of some recordings. They count in place of older ones."""
        if fingerprints:
            self._put(fingerprints)
            self._join()

    def remove(self, recordings: Collection[str]) -> None:
        """Removes all fingerprints of some recordings. Only the holder of the dataset's lease may do this."""
        for key in list(self._store.keys(self._folder)):
            rows = self._rows(key)
            left = [f for f in rows if f.recording not in recordings]
            if len(left) < len(rows):
                if left:
                    self._store.write(key, parquet(to_table(Fingerprint, left)))  # with its time, which says that others are later
                else:
                    self._store.delete(key)

    def _put(self, fingerprints: Sequence[Fingerprint]) -> None:
        data = parquet(to_table(Fingerprint, sorted(fingerprints, key=lambda f: f.recording)))
        name = f"{time.time_ns() // 1000:016d}-{hashlib.sha256(data).hexdigest()[:12]}"
        self._store.write(f"{self._folder}{name}.parquet", data)

    def _join(self) -> None:
        """Joins small objects if there are many. Only the holder of the dataset's lease writes fingerprints, so none is lost."""
        sizes = dict(self._store.sizes(self._folder))
        if len(sizes) <= MOST_OBJECTS:
            return
        places, small = self._places(), [key for key, size in sizes.items() if size < _SMALL_BYTES]
        self._put([f for key in small for f in self._rows(key) if places[f.recording] == key])  # no later object has these recordings
        for key in small:
            self._store.delete(key)

    def _places(self) -> dict[str, str]:
        """The object with the newest fingerprint of each recording."""
        found: dict[str, str] = {}
        for key in self._store.keys(self._folder):
            with self._store.open(key) as file:
                found |= dict.fromkeys(read_columns(file, {"recording"})["recording"].to_pylist(), key)
        return found

    def _rows(self, key: str) -> list[Fingerprint]:
        return from_table(Fingerprint, read_columns(pa.BufferReader(self._store.read(key)), None))
