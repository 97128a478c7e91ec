"""A remote object as a file that is fetched piece by piece, as it is read."""

import io
from collections.abc import Callable
from typing import Any


class Ranges(io.RawIOBase):
    """A file of `size` bytes. `fetch` returns `count` bytes from `start` on."""

    def __init__(self, size: int, fetch: Callable[[int, int], bytes]) -> None:
        self._size, self._fetch, self._at = size, fetch, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        count = max(0, min(len(buffer), self._size - self._at))
        if count:
            buffer[:count] = self._fetch(self._at, count)
            self._at += count
        return count
