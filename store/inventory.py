"""The objects of a folder whose names are hashes of what they hold, as a sorted table in memory: 64 bytes for each."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from store.interface import Store

HASH_DIGITS = 64
_KEY_BYTES = 16
"""Bytes of a hash that tell objects apart."""
_VALUE = np.full(256, 255, np.uint8)
_VALUE[[ord(c) for c in "0123456789abcdef"]] = np.arange(16)


@dataclass
class Inventory:
    """The objects `<prefix><2 digits>/<SHA-256><suffix>` of a store."""

    prefix: str
    suffix: str
    hashes: NDArray[np.bytes_]
    """The first bytes of the hashes, sorted; shaped (objects,)."""
    sizes: NDArray[np.int64]
    """Bytes of each object."""
    written: NDArray[np.float64]
    """When each was written last, in seconds since 1970."""
    names: NDArray[np.uint8]
    """All bytes of the hashes, shaped (objects, 32)."""

    def places(self, hashes: pa.ChunkedArray) -> NDArray[np.int64]:
        """The place of each hash, in hex digits; -1 if there is no such object, and -2 for an empty text."""
        there = pc.equal(pc.utf8_length(hashes), HASH_DIGITS).to_numpy()
        found = np.where(pc.equal(hashes, "").to_numpy(), -2, -1)
        if there.any() and len(self.hashes):
            wanted = _bytes(hashes.filter(pa.array(there)))
            keys = _keys(wanted)
            at = np.minimum(np.searchsorted(self.hashes, keys), len(self.hashes) - 1)
            same = (self.names[at] == wanted).all(axis=1)
            found[there] = np.where(same, at, -1)
        return found

    def key(self, place: int) -> str:
        """The key of the object at a place."""
        sha256 = self.sha256(place)
        return f"{self.prefix}{sha256[:2]}/{sha256}{self.suffix}"

    def sha256(self, place: int) -> str:
        """The hash in the name of the object at a place, in hex digits."""
        return self.names[place].tobytes().hex()


def inventory(store: Store, prefix: str, suffix: str) -> Inventory:
    """Lists the objects below `prefix`, one folder at a time."""
    names, sizes, times = [np.empty((0, HASH_DIGITS // 2), np.uint8)], [np.empty(0, np.int64)], [np.empty(0)]
    for folder in store.folders(prefix):
        own, lengths, written = bytearray(), list[int](), list[float]()
        for entry in store.entries(f"{prefix}{folder}/"):
            name = entry.key.rpartition("/")[2]
            if entry.key == f"{prefix}{name[:2]}/{name}" and name.endswith(suffix) and _is_hash(name.removesuffix(suffix)):
                own += bytes.fromhex(name.removesuffix(suffix))
                lengths.append(entry.size_bytes)
                written.append(entry.written)
        names.append(np.frombuffer(bytes(own), np.uint8).reshape(-1, HASH_DIGITS // 2))
        sizes.append(np.array(lengths, np.int64))
        times.append(np.array(written))
    every = np.concatenate(names)
    order = np.argsort(_keys(every), kind="stable")
    every = every[order]
    return Inventory(prefix, suffix, _keys(every), np.concatenate(sizes)[order], np.concatenate(times)[order], every)


def _is_hash(text: str) -> bool:
    return len(text) == HASH_DIGITS and set(text) <= set("0123456789abcdef")


def _bytes(hashes: pa.ChunkedArray) -> NDArray[np.uint8]:
    """Texts of 64 hex digits as bytes, shaped (texts, 32)."""
    values = [c.cast(pa.binary()).cast(pa.binary(HASH_DIGITS)) for c in hashes.chunks]
    parts = [np.frombuffer(v.buffers()[1], np.uint8)[v.offset * HASH_DIGITS : (v.offset + len(v)) * HASH_DIGITS] for v in values if len(v)]
    digits = _VALUE[np.concatenate(parts).reshape(-1, HASH_DIGITS)]
    return np.asarray(digits[:, 0::2] << 4 | digits[:, 1::2], np.uint8)


def _keys(names: NDArray[np.uint8]) -> NDArray[np.bytes_]:
    return np.ascontiguousarray(names[:, :_KEY_BYTES]).view(f"S{_KEY_BYTES}").reshape(-1)
