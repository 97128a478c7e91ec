"""The interface of a store, and its errors.

A store holds objects under keys such as `plans/<hash>.parquet`. Its backend is a bucket
(store/minio.py) or a local folder (store/objects.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from components.shared.task import StageError

if TYPE_CHECKING:
    import pyarrow.fs as pafs

BLOCK_BYTES = 1 << 20
"""Large objects are read and written in blocks of this size."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An object in a list."""

    key: str
    size_bytes: int
    written: float
    """When it was written last, in seconds since 1970."""


class StoreError(StageError):
    """The store cannot do what was asked. The message says what was expected, what was found, where, and what to do."""


class Store(Protocol):
    """Objects under keys. A key is a path with forward slashes, relative to the store.

    A write is atomic: a reader sees the whole object or none. Every method raises StoreError if the
    key leads out of the store, or if the backend does not answer or refuses.
    """

    uri: str

    def read(self, key: str) -> bytes:
        """The bytes of an object. Raises StoreError if there is none."""

    def write(self, key: str, data: bytes) -> None:
        """Writes an object. Replaces an object with the same key."""

    def write_file(self, key: str, path: Path) -> None:
        """Writes the contents of a file of any size, as `write` does."""

    def blocks(self, key: str) -> Iterator[bytes]:
        """The bytes of an object of any size, block by block. Raises StoreError if there is none.

        The bytes are not verified: the caller checks them against a hash.
        """

    def create(self, key: str, data: bytes) -> bool:
        """Writes an object unless there is one already; returns whether it wrote. Of several writers at once, one succeeds."""

    def open(self, key: str) -> BinaryIO:
        """An object as a file, of which a reader fetches only the parts that it reads. Raises StoreError if there is none."""

    def delete(self, key: str) -> None:
        """Deletes an object, if it exists."""

    def exists(self, key: str) -> bool:
        """Whether the object exists."""

    def keys(self, prefix: str) -> Iterator[str]:
        """Keys that begin with `prefix`, sorted. The prefix is a folder with a slash at its end, or empty."""

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Keys as `keys` gives them, each with the object's size in bytes."""

    def entries(self, prefix: str) -> Iterator[Entry]:
        """Keys as `keys` gives them, each with the object's size and time."""

    def folders(self, prefix: str) -> list[str]:
        """Names of the folders directly below `prefix`, sorted."""

    def table_uri(self, key: str) -> str:
        """The URI of a Delta table, for deltalake."""

    def filesystem(self) -> "tuple[pafs.FileSystem, str]":
        """A file system of pyarrow that reads the store without Python, and the path of the store in it."""

    def storage_options(self) -> dict[str, str]:
        """The options with which deltalake connects to the backend."""

    def refusal(self, what: str, error: Exception) -> StoreError:
        """The StoreError for an error of the backend or of deltalake in an action such as `write plans/x`."""


def check_key(key: str) -> None:
    """Raises StoreError for a key that leads out of the store, or that some backends read as another key."""
    if key.startswith("/") or "//" in key or {".", ".."} & set(key.split("/")):
        raise StoreError(f"expected a key inside the store, found {key!r}: use a relative path without //, . and ..")


def missing(key: str, uri: str) -> StoreError:
    """The error for an object that does not exist in the store at `uri`."""
    return StoreError(f"expected an object {key} in the store {uri}, found none: check the store's address, or run the step that writes it")
