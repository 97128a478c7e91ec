"""Reads the tensors of a TensorFlow checkpoint without TensorFlow.

A checkpoint (a tensor bundle) has two files. The data file holds the numbers of the tensors, one after the other. The index is a table
as in LevelDB: blocks of sorted keys, each with the name of a tensor and a small protocol buffer that says where its numbers are. Nothing
in a checkpoint is run. Every length is checked against the size of its file, and every block and tensor against its CRC-32C.
"""

import math
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tensors = dict[str, NDArray[np.float32]]
Message = dict[int, Any]
"""A protocol buffer: the last value of each field by its number, an int or bytes. A field that may repeat is read from `_repeated`."""

_MAGIC = bytes.fromhex("57fb808b247547db")
_FOOTER = 48
"""Bytes at the end of an index: two handles, padded, and the magic number."""
_TRAILER = 5
"""Bytes after a block: its compression, 0 for none, and a checksum."""
_FLOAT = 1
"""TensorFlow's number for float32."""
_MASK = 0xA282EAD8
"""LevelDB stores checksums rotated and increased by this."""
_POLYNOMIAL, _START = 0x82F63B78, 0xFFFFFFFF
_MANY = 4096
"""Bytes from which checksums of parts are faster."""


class CheckpointError(ValueError):
    """A checkpoint that is damaged, or has what this reader does not know."""


def read_tensors(index: Path, data: Path, names: Callable[[str], bool] = lambda _: True) -> Tensors:
    """Maps the float32 tensors of a checkpoint whose names are wanted. Raises CheckpointError, with one line that says what is wrong."""
    numbers = np.memmap(data, np.uint8, "r") if data.stat().st_size else np.zeros(0, np.uint8)
    return {name: _tensor(name, entry, numbers) for name, entry in _entries(index.read_bytes()) if names(name)}


def _tensor(name: str, entry: Message, data: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns the tensor that a BundleEntryProto describes."""
    kind, offset, size = (entry.get(field, 0) for field in (1, 4, 5))
    if kind != _FLOAT:
        raise CheckpointError(f"a tensor {name} of type {kind}, where only float32 is known")
    if entry.get(3, 0) or 7 in entry:
        raise CheckpointError(f"a tensor {name} in several parts")
    shape = _shape(name, entry.get(2, b""))
    if size != 4 * math.prod(shape) or offset + size > len(data):
        raise CheckpointError(f"a tensor {name} of shape {list(shape)} in bytes {offset} to {offset + size} of {len(data)}")
    part = data[offset : offset + size]
    if _masked(crc32c(part)) != int.from_bytes(entry.get(6, b""), "little"):
        raise CheckpointError(f"a tensor {name} whose checksum is another")
    return part.view("<f4").reshape(shape)


def _shape(name: str, message: bytes) -> tuple[int, ...]:
    """Returns the sizes in a TensorShapeProto."""
    fields = list(_fields(message))
    sizes = [_message(value).get(1, 0) for field, value in fields if field == 2 and isinstance(value, bytes)]
    if any(field == 3 for field, _ in fields) or any(not isinstance(size, int) or size >= 1 << 31 for size in sizes):
        raise CheckpointError(f"a tensor {name} of no fixed shape")
    return tuple(sizes)


def _entries(index: bytes) -> Iterator[tuple[str, Message]]:
    """Yields the names and descriptions of the tensors of an index."""
    if len(index) < _FOOTER or index[-8:] != _MAGIC:
        raise CheckpointError("an index that does not end as a table of LevelDB")
    _, at = _handle(index, len(index) - _FOOTER)
    (start, size), _ = _handle(index, at)
    for _, place in _block(index, start, size):
        for key, value in _block(index, *_handle(place, 0)[0]):
            if key:  # the empty key has the header
                yield key.decode(errors="backslashreplace"), _message(value)
            elif _message(value).get(1, 0) != 1 or _message(value).get(2, 0):
                raise CheckpointError("an index of numbers in several files, or in big-endian order")


def _block(index: bytes, start: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Yields the keys and values of a block. A key omits what it shares with the key before it."""
    end = start + size
    if end + _TRAILER > len(index) - _FOOTER or size < 4:
        raise CheckpointError(f"a block in bytes {start} to {end} of an index of {len(index)}")
    if index[end]:
        raise CheckpointError(f"a block of compression {index[end]}, where only uncompressed ones are known")
    if _masked(crc32c(np.frombuffer(index, np.uint8, size + 1, start))) != int.from_bytes(index[end + 1 : end + _TRAILER], "little"):
        raise CheckpointError("a block whose checksum is another")
    body, at, key = index[start : end - 4], 0, b""
    stop = len(body) - 4 * int.from_bytes(index[end - 4 : end], "little")  # the places of whole keys follow the entries
    while at < stop:
        shared, at = _number(body, at)
        rest, at = _number(body, at)
        length, at = _number(body, at)
        if shared > len(key) or at + rest + length > stop:
            raise CheckpointError("a key or value that is longer than its block")
        key = key[:shared] + body[at : at + rest]
        yield key, body[at + rest : at + rest + length]
        at += rest + length


def _handle(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    """Returns the offset and size of a block, and the place after them."""
    start, at = _number(data, at)
    size, at = _number(data, at)
    return (start, size), at


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Returns a variable-length number and the place after it."""
    value = 0
    for shift in range(0, 64, 7):
        if at >= len(data):
            break
        value |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            return value, at
    raise CheckpointError("a number without an end")


def _message(data: bytes) -> Message:
    return dict(_fields(data))


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Yields the fields of a protocol buffer: integers, and bytes for all other types."""
    at = 0
    while at < len(data):
        tag, at = _number(data, at)
        wire = tag & 7
        if wire == 0:
            value, at = _number(data, at)
            yield tag >> 3, value
            continue
        if wire == 2:
            size, at = _number(data, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise CheckpointError(f"a field of wire type {wire}")
        if at + size > len(data):
            raise CheckpointError("a field that is longer than its message")
        yield tag >> 3, data[at : at + size]
        at += size


# --- CRC-32C


def crc32c(data: NDArray[np.uint8]) -> int:
    """Returns the CRC-32C of bytes. Of many bytes, it takes parts of one length side by side, and joins their checksums."""
    lanes = 1 << len(data).bit_length() // 2
    whole = len(data) - len(data) % (2 * lanes) if len(data) >= _MANY else 0
    value = _START
    if whole:
        parts = np.zeros(lanes, np.uint32)
        parts[0] = value
        for word in np.ascontiguousarray(data[:whole].view("<u2").reshape(lanes, -1).T):
            parts = _two_bytes()[(parts ^ word) & 0xFFFF] ^ (parts >> 16)
        length = whole // lanes
        while len(parts) > 1:
            parts, length = _applied(_zeros(length), parts[::2]) ^ parts[1::2], 2 * length
        value = int(parts[0])
    table = _one_byte()
    for byte in data[whole:].tolist():
        value = table[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ _START


def _masked(checksum: int) -> int:
    return ((checksum >> 15 | checksum << 17) + _MASK) & 0xFFFFFFFF


@cache
def _one_byte() -> list[int]:
    """What a byte does to a checksum."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


@cache
def _two_bytes() -> NDArray[np.uint32]:
    one, words = np.array(_one_byte(), np.uint32), np.arange(1 << 16, dtype=np.uint32)
    first = one[words & 0xFF] ^ (words >> 8)
    return np.asarray(one[first & 0xFF] ^ (first >> 8))


@cache
def _zeros(length: int) -> NDArray[np.uint32]:
    """What bytes of zeros do to a checksum: its linear function, as the images of the 32 bits."""
    if length == 1:
        return np.array([_one_byte()[bit & 0xFF] ^ bit >> 8 for bit in (1 << i for i in range(32))], np.uint32)
    half = _zeros(length // 2)
    twice = _applied(half, half)
    return _applied(_zeros(1), twice) if length % 2 else twice


def _applied(function: NDArray[np.uint32], values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    result = np.zeros_like(values)
    for bit, image in enumerate(function):
        result ^= np.where(values >> bit & 1, image, np.uint32(0))
    return result
