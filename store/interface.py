"""The interface of a store: objects under keys such as `plans/<hash>.parquet`, and the errors of every backend."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from components.shared.task import StageError

BLOCK_BYTES = 1 << 20
"""What is held of a large object at a time."""


class StoreError(StageError):
    """The store cannot do what was asked: what was expected, what was found, what to do."""


class Store(Protocol):
    """Objects are written whole or not at all; keys are paths with forward slashes."""

    uri: str

    def read(self, key: str) -> bytes:
        """The object's bytes; StoreError where there is none."""

    def write(self, key: str, data: bytes) -> None:
        """Puts an object, in place of one of the same key."""

    def write_file(self, key: str, path: Path) -> None:
        """Puts a file, however large, as `write` does."""

    def blocks(self, key: str) -> Iterator[bytes]:
        """The object's bytes, block by block, however large, for who checks them against a hash; StoreError where there is none."""

    def exists(self, key: str) -> bool:
        """Whether the object is there."""

    def keys(self, prefix: str) -> Iterator[str]:
        """Keys that begin with the prefix, a folder with its slash, in order."""

    def folders(self, prefix: str) -> list[str]:
        """Names of the folders right below the prefix, in order."""

    def table_uri(self, key: str) -> str:
        """Where a Delta table lies, for deltalake."""

    def storage_options(self) -> dict[str, str]:
        """How deltalake gets in there."""

    def refusal(self, what: str, error: Exception) -> StoreError:
        """What to tell of an error of the backend, or of deltalake on it: what could not be done, why, what to do."""


def check_key(key: str) -> None:
    """Keys never lead out of the store, and name the same object in every backend; StoreError for one that does not."""
    if key.startswith("/") or "//" in key or {".", ".."} & set(key.split("/")):
        raise StoreError(f"expected a key inside the store, found {key!r}")
