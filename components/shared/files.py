"""Writing files so that a file either is complete or does not exist, and hashing them."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.shared.task import StageError


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`: renamed to `path` on success, deleted after an error."""
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """Returns the SHA-256 of a file in hex. Raises OSError if it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pinned_network(path: Path, wanted_sha256: str) -> bytes:
    """Reads the file of a network that a stage installs from its models.txt.

    Raises:
        StageError: The file is missing or is not the pinned one.
    """
    data = path.read_bytes() if path.is_file() else None
    found = "none" if data is None else hashlib.sha256(data).hexdigest()
    if data is None or found != wanted_sha256:
        raise StageError(
            f"expected the network {path.name} with sha256 {wanted_sha256} in {path.parent}, found {found}: "
            "install this stage again from its pins (requirements.txt, models.txt)"
        )
    return data
