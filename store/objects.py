"""What outlives a run, as objects under keys like `plans/<hash>.parquet`: one small interface, one class a backend."""

import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from components.shared.task import StageError


class StoreError(StageError):
    """The store cannot do what was asked: what was expected, what was found, what to do."""


class Store(Protocol):
    """Objects are written whole or not at all; keys are paths with forward slashes."""

    uri: str

    def read(self, key: str) -> bytes:
        """The object's bytes; StoreError where there is none."""

    def write(self, key: str, data: bytes) -> None:
        """Puts an object, in place of one of the same key."""

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
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".part-{secrets.token_hex(8)}")
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # what is there under its name is taken as whole for ever
        part.replace(path)

    def exists(self, key: str) -> bool:
        return self._path(key).is_file()

    def keys(self, prefix: str) -> Iterator[str]:
        folder = self._path(prefix)
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.name.startswith(".part-"):
                yield path.relative_to(self._folder).as_posix()

    def folders(self, prefix: str) -> list[str]:
        folder = self._path(prefix)
        return sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []

    def table_uri(self, key: str) -> str:
        return self._path(key).as_uri()

    def storage_options(self) -> dict[str, str]:
        return {}

    def _path(self, key: str) -> Path:
        if key.startswith("/") or ".." in key.split("/"):
            raise StoreError(f"expected a key inside the store, found {key!r}")
        return self._folder / key


def open_store(uri: str) -> Store:
    """The store at a URI: a local folder, made when it is first written to."""
    if "://" in uri:
        raise StoreError(f"expected a local folder as the store, found {uri!r}")
    folder = Path(uri).resolve()
    if found := set(str(folder)) & set("#?%"):  # Delta Lake takes them for parts of a URL, and reads another folder
        raise StoreError(f"expected a store's folder without #, ? and % in its path, found {' '.join(sorted(found))} in {folder}")
    return LocalStore(folder)


def check_name(name: str) -> str:
    """The name of a dataset, if it can be one: names become folders in the store."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", name):
        raise StoreError(f"expected a dataset name of 1 to 63 small letters, digits, - and _, found {name!r}")
    return name
