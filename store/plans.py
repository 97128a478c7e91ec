"""Plans: what `discover` puts into a shard and `download` fetches, one Parquet table of Items a shard."""

import hashlib
import json
import re
from collections.abc import Iterable

from components.shared.rows import Item
from store.interface import Store, StoreError
from store.parquet import read_object, to_bytes


def shard_name(items: Iterable[Item]) -> str:
    """16 hex digits of a hash of who is in the shard and how often each has failed, and of nothing that varies between runs."""
    members = sorted((i.recording, i.failures) for i in items)
    return hashlib.sha256(json.dumps(members).encode()).hexdigest()[:16]


def write_plan(store: Store, items: Iterable[Item]) -> str:
    """Stores a shard's items, sorted by recording, in place of an older plan of the same members; returns the shard's name."""
    members = sorted(items, key=lambda i: i.recording)
    name = shard_name(members)
    store.write(_key(name), to_bytes(Item, members))
    return name


def read_plan(store: Store, shard: str) -> list[Item]:
    """The items of a shard, sorted by recording; StoreError where it was never planned."""
    return read_object(store, _key(shard), Item)


def has_plan(store: Store, shard: str) -> bool:
    """Whether the shard's plan is in the store."""
    return store.exists(_key(shard))


def _key(shard: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{16}", shard):
        raise StoreError(f"expected a shard's name of 16 hex digits, found {shard!r}")
    return f"plans/{shard}.parquet"
