"""Finds artifacts of earlier runs that are no longer needed, in a folder on this machine or in runs/ of a bucket.

A run leaves 460 MB for each hour of audio. Later runs take results of pending recordings from there, so those stay.
"""

import contextlib
import fcntl
import json
import re
import shutil
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from components.discover.plan import SOURCE
from components.shared.task import StageError
from store.datasets import dataset_names
from store.forgotten import Forgotten
from store.interface import Entry, Store
from store.ledger import PENDING, Ledger
from store.objects import LocalStore
from store.parquet import read_columns

_RECORDING = re.compile(r"[0-9a-f]{16}")
CACHE = ".kfp_cache"


@dataclass(frozen=True)
class Work:
    """The artifacts of one task, or of one shard of a run on this machine."""

    name: str
    size_bytes: int
    keys: list[str]
    written: float


@dataclass
class Pruned:
    """What can be deleted of the artifacts of runs, and what stays."""

    deleted: list[Work] = field(default_factory=list)
    young: int = 0
    """Number of groups of artifacts that are too young."""
    pending: int = 0
    """Number of those that hold a recording that a later run may take up again."""

    @property
    def size_bytes(self) -> int:
        """Bytes of what can be deleted."""
        return sum(w.size_bytes for w in self.deleted)


def pending(store: Store) -> set[str]:
    """The recordings of all datasets of a store that are planned and not published, and that are not forgotten."""
    found: set[str] = set()
    for name in dataset_names(store):
        rows = Ledger(store, name).rows().values()
        planned = {r.recording for r in rows if r.outcome == PENDING and r.kind != SOURCE and r.shard}
        found |= planned - Forgotten(store, name).recordings()
    return found


class Pruner:
    """Artifacts of runs of the dataset pipeline, as objects of a store below a prefix."""

    def __init__(self, runs: Store, prefix: str, needed: Collection[str]) -> None:
        self._runs, self._prefix, self._needed = runs, prefix, set(needed)

    def find(self, age_seconds: float, holding: Collection[str] = ()) -> Pruned:
        """What was written before `age_seconds` and holds no needed recording; with `holding`, all that holds one of these recordings."""
        found, before = Pruned(), time.time() - age_seconds
        for work in self._works():
            if not holding and work.written > before:
                found.young += 1
                continue
            held = self._recordings(work)
            if holding:
                if held & set(holding):
                    found.deleted.append(work)
            elif held & self._needed:
                found.pending += 1
            else:
                found.deleted.append(work)
        return found

    def delete(self, found: Pruned) -> None:
        """Deletes what `find` found, on this machine with the folders, and with what the cache says of it."""
        for work in found.deleted:
            for key in work.keys:
                self._runs.delete(key)
        if isinstance(self._runs, LocalStore):
            root = Path(self._runs.uri)
            for work in found.deleted:
                shutil.rmtree(root / work.name, ignore_errors=True)
            _forget_missing(root)

    def _works(self) -> Iterator[Work]:
        """The groups of artifacts: `<runner>/dataset-<time>/<task or shard>` on this machine, `dataset/<run>/<task>` in a bucket."""
        group = list[Entry]()
        for entry in self._runs.entries(self._prefix):
            if group and self._name(entry) != self._name(group[0]):
                yield from self._work(group)
                group = []
            group.append(entry)
        yield from self._work(group)

    def _work(self, group: list[Entry]) -> Iterator[Work]:
        if group and (name := self._name(group[0])):
            yield Work(name, sum(e.size_bytes for e in group), [e.key for e in group], max(e.written for e in group))

    def _name(self, entry: Entry) -> str:
        """The first three parts of the path; "" for files of other pipelines, such as models and trainings."""
        parts = entry.key.removeprefix(self._prefix).split("/")
        if len(parts) < 4 or CACHE in parts[:2]:
            return ""
        run = parts[0] if self._prefix else parts[1]
        return "/".join(parts[:3]) if run == "dataset" or run.startswith("dataset-") else ""

    def _recordings(self, work: Work) -> set[str]:
        """The recordings whose sound or rows the artifacts hold."""
        found: set[str] = set()
        for key in work.keys:
            name = key.rpartition("/")[2]
            if name.endswith(".flac") and _RECORDING.fullmatch(name.removesuffix(".flac")):
                found.add(name.removesuffix(".flac"))
            elif name.endswith(".parquet"):
                with self._runs.open(key) as file:
                    rows = read_columns(file, {"recording", "clip"})
                for column in rows.columns:
                    found |= {str(v).partition("-")[0] for v in set(column.to_pylist())}
        return found


def _forget_missing(root: Path) -> None:
    """Deletes what the cache says of tasks whose artifacts are gone. kfp.local takes such an entry for none."""
    for entry in root.glob(f"*/{CACHE}/*.json"):
        try:
            outputs = json.loads(entry.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        uris = [v.get("uri", "") for v in outputs.values() if isinstance(v, dict)] if isinstance(outputs, dict) else []
        if any(uri and "://" not in uri and not Path(uri).exists() for uri in uris):
            entry.unlink(missing_ok=True)


@contextlib.contextmanager
def no_run_at_work(root: Path) -> Iterator[None]:
    """Keeps runs from starting in a folder of runs. Raises StageError if one is at work."""
    with contextlib.ExitStack() as locks:
        for path in sorted(root.glob("*.lock")):
            lock = locks.enter_context(path.open("w"))
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StageError(f"a run of dataset {path.stem} is at work in {root}: wait until it ends") from None
        yield
