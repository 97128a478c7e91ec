"""What outlives a run, as objects under keys like `plans/<hash>.parquet`: one small interface, one class a backend."""

import errno
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from components.shared.task import StageError, one_line

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


class LocalStore:
    """A folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self.uri = str(self._folder)

    def read(self, key: str) -> bytes:
        try:
            return self._path(key).read_bytes()
        except FileNotFoundError:
            raise StoreError(f"expected an object {key} in the store {self.uri}, found none") from None

    def write(self, key: str, data: bytes) -> None:
        self._put(key, [data])

    def write_file(self, key: str, path: Path) -> None:
        with path.open("rb") as file:
            self._put(key, iter(lambda: file.read(BLOCK_BYTES), b""))

    def blocks(self, key: str) -> Iterator[bytes]:
        try:
            with self._path(key).open("rb") as file:
                yield from iter(lambda: file.read(BLOCK_BYTES), b"")
        except FileNotFoundError:
            raise StoreError(f"expected an object {key} in the store {self.uri}, found none") from None

    def exists(self, key: str) -> bool:
        return self._path(key).is_file()

    def keys(self, prefix: str) -> Iterator[str]:
        paths = (p for p in self._path(prefix).rglob("*") if p.is_file() and not p.name.startswith(".part-"))
        yield from sorted(p.relative_to(self._folder).as_posix() for p in paths)

    def folders(self, prefix: str) -> list[str]:
        folder = self._path(prefix)
        return sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []

    def table_uri(self, key: str) -> str:
        return self._path(key).as_uri()

    def storage_options(self) -> dict[str, str]:
        return {}

    def refusal(self, what: str, error: Exception) -> StoreError:
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or os.strerror(errno.ENOSPC) in str(error)
        hint = ": make room there and run it again" if full else ""
        return StoreError(f"could not {what} in {self.uri}: {one_line(getattr(error, 'strerror', None) or error)}{hint}")

    def _put(self, key: str, blocks: Iterable[bytes]) -> None:
        path = self._path(key)
        part = path.with_name(f".part-{secrets.token_hex(8)}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("xb") as file:
                file.writelines(blocks)
                file.flush()
                os.fsync(file.fileno())  # what is there under its name is taken as whole for ever
            part.replace(path)
        except OSError as error:
            raise self.refusal(f"write {key}", error) from None
        finally:
            part.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        check_key(key)
        return self._folder / key


def open_store(uri: str) -> Store:
    """The store at a URI: s3://BUCKET, or a local folder, made when it is first written to."""
    if uri.startswith("s3://"):
        from store.minio import MinioStore

        return MinioStore(uri)
    if "://" in uri:
        raise StoreError(f"expected a local folder or s3://BUCKET as the store, found {uri!r}")
    folder = Path(uri).resolve()
    if found := set(str(folder)) & set("#?%"):  # Delta Lake takes them for parts of a URL, and reads another folder
        raise StoreError(f"expected a store's folder without #, ? and % in its path, found {' '.join(sorted(found))} in {folder}")
    return LocalStore(folder)


def check_key(key: str) -> None:
    """Keys never lead out of the store, and name the same object in every backend; StoreError for one that does not."""
    if key.startswith("/") or "//" in key or {".", ".."} & set(key.split("/")):
        raise StoreError(f"expected a key inside the store, found {key!r}")


def check_name(name: str, kind: str = "dataset") -> str:
    """The name of a dataset, or of something else, if it can be one: names become folders in the store."""
    if not is_name(name):
        raise StoreError(f"expected a {kind} name of 1 to 63 small letters, digits, - and _, found {name!r}")
    return name


def is_name(name: str) -> bool:
    """Whether a folder in the store can be called so."""
    return bool(re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", name))
