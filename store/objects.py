"""Opens the store at a URI. Holds the backend for local folders; store/minio.py holds the one for buckets."""

import errno
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from components.shared.task import one_line
from store.interface import BLOCK_BYTES, Entry, Store, StoreError, check_key, missing

if TYPE_CHECKING:
    import pyarrow.fs as pafs


class LocalStore:
    """A store in a local folder. Writes are atomic: they go to a `.part-` file, which is then renamed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self.uri = str(self._folder)

    def read(self, key: str) -> bytes:
        try:
            return self._path(key).read_bytes()
        except FileNotFoundError:
            raise missing(key, self.uri) from None

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
            raise missing(key, self.uri) from None

    def create(self, key: str, data: bytes) -> bool:
        path = self._path(key)
        part = path.with_name(f".part-{secrets.token_hex(8)}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
            path.hardlink_to(part)  # fails if the file exists, and shows it whole
        except FileExistsError:
            return False
        except OSError as error:
            raise self.refusal(f"write {key}", error) from None
        finally:
            part.unlink(missing_ok=True)
        return True

    def open(self, key: str) -> BinaryIO:
        try:
            return self._path(key).open("rb")
        except FileNotFoundError:
            raise missing(key, self.uri) from None

    def delete(self, key: str) -> None:
        try:
            self._path(key).unlink(missing_ok=True)
        except OSError as error:
            raise self.refusal(f"delete {key}", error) from None

    def exists(self, key: str) -> bool:
        return self._path(key).is_file()

    def keys(self, prefix: str) -> Iterator[str]:
        return (key for key, _ in self.sizes(prefix))

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        return ((e.key, e.size_bytes) for e in self.entries(prefix))

    def entries(self, prefix: str) -> Iterator[Entry]:
        found = ((p, p.stat()) for p in self._path(prefix).rglob("*") if p.is_file() and not p.name.startswith(".part-"))
        listed = (Entry(p.relative_to(self._folder).as_posix(), s.st_size, s.st_mtime) for p, s in found)
        yield from sorted(listed, key=lambda e: e.key)

    def folders(self, prefix: str) -> list[str]:
        folder = self._path(prefix)
        return sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []

    def table_uri(self, key: str) -> str:
        return self._path(key).as_uri()

    def filesystem(self) -> "tuple[pafs.FileSystem, str]":
        from pyarrow.fs import LocalFileSystem

        return LocalFileSystem(), str(self._folder)

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
                os.fsync(file.fileno())  # readers trust a file that has its final name
            part.replace(path)
        except OSError as error:
            raise self.refusal(f"write {key}", error) from None
        finally:
            part.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        check_key(key)
        return self._folder / key


def open_store(uri: str) -> Store:
    """Opens the store at `uri`: s3://BUCKET, or a local folder, which is created by the first write.

    Raises StoreError if the URI has another scheme, the path has a character that Delta Lake cannot read, or the environment
    lacks the server's address or user.
    """
    if uri.startswith("s3://"):
        from store.minio import MinioStore  # a folder needs no client, which takes long to import

        return MinioStore(uri)
    if "://" in uri:
        raise StoreError(f"expected a local folder or s3://BUCKET as the store, found {uri!r}: name one of them")
    folder = Path(uri).resolve()
    if found := set(str(folder)) & set("#?%"):  # Delta Lake reads them as parts of a URL, and opens another folder
        raise StoreError(
            f"expected a store's folder without #, ? and % in its path, found {' '.join(sorted(found))} in {folder}: use another folder"
        )
    return LocalStore(folder)


def check_name(name: str, kind: str = "dataset") -> str:
    """Returns a name, which becomes a folder in the store. Raises StoreError if it is not valid; `kind` says what it is of.

    A name has 1 to 63 lowercase letters, digits, - and _, and begins with a letter or a digit.
    """
    if not is_name(name):
        raise StoreError(f"expected a {kind} name of 1 to 63 lowercase letters, digits, - and _, found {name!r}: choose such a name")
    return name


def is_name(name: str) -> bool:
    """Whether `name` is valid for a folder in the store, as `check_name` says."""
    return bool(re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", name))
