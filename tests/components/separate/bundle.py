"""Writes checkpoints as TensorFlow does: a table of LevelDB in one uncompressed block, and the numbers in one file."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.separate.checkpoint import crc32c

FLOAT, INT64 = 1, 9


def write_checkpoint(prefix: Path, tensors: Mapping[str, NDArray], entries: Mapping[str, bytes] | None = None) -> None:
    """Writes `prefix`.index and its data. `entries` take the place of what describes these tensors."""
    data, described = b"", {b"": field(1, 1) + field(3, field(1, 1))}
    for name, tensor in sorted(tensors.items()):
        numbers = tensor.tobytes()
        described[name.encode()] = entry(tensor.shape, len(data), numbers, FLOAT if tensor.dtype == np.float32 else INT64)
        data += numbers
    described |= {name.encode(): value for name, value in (entries or {}).items()}
    prefix.with_name(f"{prefix.name}.data-00000-of-00001").write_bytes(data)
    prefix.with_name(f"{prefix.name}.index").write_bytes(table(sorted(described.items())))


def entry(shape: tuple[int, ...], offset: int, numbers: bytes, kind: int = FLOAT) -> bytes:
    """A BundleEntryProto."""
    sizes = b"".join(field(2, field(1, size)) for size in shape)
    return field(1, kind) + field(2, sizes) + field(4, offset) + field(5, len(numbers)) + number(6 << 3 | 5) + checksum(numbers)


def table(items: list[tuple[bytes, bytes]], compression: int = 0) -> bytes:
    """A table of LevelDB. A key leaves out its beginning if the key before it has the same one."""
    file, last = b"", b""
    rows = b""
    for key, value in items:
        shared = next((i for i, (a, b) in enumerate(zip(key, last, strict=False)) if a != b), min(len(key), len(last)))
        rows, last = rows + number(shared) + number(len(key) - shared) + number(len(value)) + key[shared:] + value, key
    handles = []
    for block in (rows, b"", None):
        place = handles[0] if block is None else b""
        body = (number(0) + number(1) + number(len(place)) + b"~" + place if block is None else block) + (0).to_bytes(4, "little")
        body += (1).to_bytes(4, "little")
        handles.append(number(len(file)) + number(len(body)))
        file += body + bytes([compression]) + checksum(body + bytes([compression]))
    footer = handles[1] + handles[2]
    return file + footer.ljust(40, b"\0") + bytes.fromhex("57fb808b247547db")


def field(name: int, value: int | bytes) -> bytes:
    """A field of a protocol buffer."""
    return number(name << 3) + number(value) if isinstance(value, int) else number(name << 3 | 2) + number(len(value)) + value


def number(value: int) -> bytes:
    """A number of variable length."""
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + number(value >> 7)


def checksum(data: bytes) -> bytes:
    """A CRC-32C as LevelDB stores it."""
    value = crc32c(np.frombuffer(data, np.uint8))
    return ((value >> 15 | value << 17) + 0xA282EAD8 & 0xFFFFFFFF).to_bytes(4, "little")
