"""Finds what no version of a dataset uses, and deletes it: what runs left that died, and what versions had before they changed."""

import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from components.shared.task import StageError
from store.datasets import NAMED, DatasetStore, old_log
from store.fingerprints import FingerprintStore
from store.forgotten import Forgotten
from store.interface import Entry, Store
from store.inventory import Inventory, inventory
from store.ledger import PENDING, Ledger
from store.upgrade import is_old

_HASHED = {"audio": (".flac", ("audio_sha256", "before_sha256")), "timelines": (".parquet", ("timeline_sha256",))}


@dataclass
class Garbage:
    """What no version uses."""

    objects: Counter[str] = field(default_factory=Counter)
    """Number of objects by kind."""
    size_bytes: Counter[str] = field(default_factory=Counter)
    """Their bytes by kind."""
    young: int = 0
    """Number of unused objects that are too young to be deleted."""
    waits: str = ""
    """Why audio and timelines stay for now, or empty."""
    keys: list[str] = field(default_factory=list)
    """Keys of the objects to delete, without those of audio and timelines, of which there may be many."""
    fingerprints: set[str] = field(default_factory=set)
    """Recordings in no version that have a fingerprint."""


class Collector:
    """Finds and deletes what no version of a dataset uses and what was written before `age_seconds`."""

    def __init__(self, store: Store, name: str, age_seconds: float) -> None:
        self._store, self._dataset, self._folder = store, DatasetStore(store, name), f"datasets/{name}"
        self._before, self._name = time.time() - age_seconds, name
        self._there: dict[str, Inventory] = {}
        self._old: dict[str, NDArray[np.int64]] = {}

    def find(self) -> Garbage:
        """What can be deleted. Raises StageError if the dataset's versions are not upgraded, or if a purge was interrupted."""
        self._check()
        found = Garbage(waits=self._at_work())
        named = {key for version in self._dataset.versions() for key in self._dataset.named(version)}
        for kind in NAMED:
            self._add(found, kind, (e for e in self._entries(kind) if e.key not in named))
        self._add(found, "old form", self._store.entries(f"{self._folder}/table/"))
        if not found.waits:
            self._add_hashed(found, {k.rpartition("/")[2].removesuffix(".parquet") for k in named if f"{self._folder}/measures/" in k})
        self._add_fingerprints(found)
        return found

    def delete(self, found: Garbage) -> None:
        """Deletes what `find` found. The caller holds the dataset's lease since before that."""
        for key in found.keys:
            self._store.delete(key)
        for kind, places in self._old.items():
            for place in places.tolist():
                self._store.delete(self._there[kind].key(place))
        if found.fingerprints:
            FingerprintStore(self._store, self._name).remove(found.fingerprints)

    def _check(self) -> None:
        if is_old(self._store, self._name):
            raise StageError(f"expected dataset {self._name} in the form of this release: run `speechmill dataset upgrade {self._name}`")
        if Forgotten(self._store, self._name).work():
            raise StageError(f"a purge of dataset {self._name} was interrupted: run `speechmill dataset forget {self._name} --purge` first")

    def _entries(self, kind: str) -> Iterator[Entry]:
        """The objects of a kind. The log of the decisions is none, but that of the old table of speakers is."""
        return (e for e in self._store.entries(f"{self._folder}/{kind}/") if not e.key.startswith(f"{self._folder}/decisions/_delta_log/"))

    def _add(self, found: Garbage, kind: str, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if entry.written > self._before:
                found.young += 1
                continue
            found.keys.append(entry.key)
            found.objects[kind] += 1
            found.size_bytes[kind] += entry.size_bytes
        if old_log(self._name) in found.keys:  # first what says that there is an old form
            found.keys.sort(key=lambda k: k != old_log(self._name))

    def _add_hashed(self, found: Garbage, blocks: Collection[str]) -> None:
        """Adds audio and timelines that no clip of a block refers to."""
        self._there = {kind: inventory(self._store, f"{self._folder}/{kind}/", suffix) for kind, (suffix, _) in _HASHED.items()}
        used = {kind: np.zeros(len(there.hashes), bool) for kind, there in self._there.items()}
        for block in sorted(blocks):
            rows = self._dataset.blocks.read(block, [c for _, columns in _HASHED.values() for c in columns])
            for kind, (_, columns) in _HASHED.items():
                for column in columns:
                    places = self._there[kind].places(rows[column])
                    used[kind][places[places >= 0]] = True
        for kind, there in self._there.items():
            unused = ~used[kind]
            old = unused & (there.written <= self._before)
            found.young += int((unused & ~old).sum())
            self._old[kind] = np.flatnonzero(old)
            if old.any():
                found.objects[kind], found.size_bytes[kind] = int(old.sum()), int(there.sizes[old].sum())

    def _add_fingerprints(self, found: Garbage) -> None:
        """Adds the fingerprints of recordings that no version has and no run has planned."""
        stored = FingerprintStore(self._store, self._name)
        versions = {v.recordings: v for v in self._dataset.versions()}
        kept = {r.recording for v in versions.values() for r in self._dataset.recordings(v)}
        kept |= {r.recording for r in Ledger(self._store, self._name).rows().values() if r.outcome == PENDING}
        young = {e.key for e in self._store.entries(f"{self._folder}/fingerprints/") if e.written > self._before}
        for key, rows in stored.objects():
            gone = [f for f in rows if f.recording not in kept]
            if key in young:
                found.young += bool(gone)
            elif gone:
                found.fingerprints |= {f.recording for f in gone}
                found.objects["fingerprints"] += len(gone)
                found.size_bytes["fingerprints"] += sum(len(f.hashes) for f in gone)

    def _at_work(self) -> str:
        """Why audio has to wait: a run that was planned a short time ago may rely on audio that it found, of an earlier attempt."""
        since = datetime.fromtimestamp(self._before, UTC).isoformat(timespec="seconds")
        rows = [r for r in Ledger(self._store, self._name).rows().values() if r.outcome == PENDING and r.run and r.planned > since]
        return f"{len(rows)} recordings were planned after {since} and may be at work: audio and timelines stay until then" if rows else ""
