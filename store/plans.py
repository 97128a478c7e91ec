"""Plans: one Parquet table of Items per shard. `discover` writes it; `download` fetches its items."""

import hashlib
import json
import re
from collections.abc import Iterable

from components.shared.rows import Item
from store.interface import Store, StoreError
from store.parquet import read_object, to_bytes


def shard_name(items: Iterable[Item]) -> str:
    """The name of a shard: 16 hex digits of a hash of its recordings, their failures and the states of their files.

    For caches, it is the same in every run.
    """
    members = sorted((i.recording, i.failures, *([i.state] if i.state else [])) for i in items)
    return hashlib.sha256(json.dumps(members).encode()).hexdigest()[:16]


def write_plan(store: Store, items: Iterable[Item]) -> str:
    """Writes a shard's items, sorted by recording. Replaces an older plan of the same shard. Returns the shard's name."""
    members = sorted(items, key=lambda i: i.recording)
    name = shard_name(members)
    store.write(_key(name), to_bytes(Item, members))
    return name


def read_plan(store: Store, shard: str) -> list[Item]:
    """The items of a shard, sorted by recording. Raises StoreError if the store has no plan of it."""
    return read_object(store, _key(shard), Item)


def has_plan(store: Store, shard: str) -> bool:
    """Whether the store has a plan of the shard."""
    return store.exists(_key(shard))


def _key(shard: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{16}", shard):
        raise StoreError(f"expected a shard's name of 16 hex digits, found {shard!r}: use the name of a file in plans/ of the store")
    return f"plans/{shard}.parquet"
