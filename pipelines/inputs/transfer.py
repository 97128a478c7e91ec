"""Downloads large model files over HTTP; a later command can resume an interrupted download."""

import errno
from pathlib import Path

from components.shared import http
from components.shared.http import HttpError, Limits, Received
from components.shared.network import public_url
from components.shared.task import StageError, one_line

ATTEMPTS = 6
MAX_BYTES = 16 << 30
"""Limit for a file of unknown size; five times the largest model."""
_ADVICE = "fetch it from a mirror (--from URL), or download it by hand and name the file or its folder (--from PATH)"


def transfer(url: str, part: Path, expected_bytes: int, received: Received, pause_seconds: float = 1.0, attempts: int = ATTEMPTS) -> None:
    """Downloads the file at a URL to `part`, or the bytes that `part` still lacks (`http.transfer`).

    The size is 0 if it is unknown. The pause after the first failure doubles with each further one. The caller checks the hash.
    Raises StageError if the server refuses, has a file of another size or fails `attempts` times in a row, or if the disk is full.
    """
    place = one_line(public_url(url))
    if not url.startswith(("http://", "https://")):
        raise StageError(f"expected a URL that begins with http:// or https://, found {place}")
    limits = Limits(attempts, pause_seconds, max_bytes=expected_bytes or MAX_BYTES)
    try:
        http.transfer(url, part, limits, expected_bytes, received)
    except HttpError as error:
        if error.times < attempts:
            raise StageError(
                f"expected {f'{expected_bytes} bytes' if expected_bytes else 'a file'} at {place}, found {error}: {_ADVICE}"
            ) from None
        raise StageError(
            f"expected all of {place}, found {_size(part)} bytes and then, {error.times} times in a row, {error.reason}: "
            f"run it again to resume, or {_ADVICE}"
        ) from None
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StageError(
            f"expected room for {expected_bytes or 'all'} bytes of {place} in {part.parent}, found the disk full after "
            f"{_size(part)}: free some space and run it again to resume"
        ) from None


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
