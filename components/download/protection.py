"""Recognizes encrypted media. Without this check, ffmpeg fails with an error code, or decodes the encrypted bytes as noise."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_SAMPLE_ENTRIES = {b"enca": "CENC", b"drms": "FairPlay", b"aavd": "Audible"}
"""Types of encrypted audio in an MP4, and what encrypts it."""
_AUDIBLE = bytes.fromhex("57907536")
_MOST_BYTES = 2**26
"""Larger headers are not read."""
_SAID = re.compile(r"^\[\w+ @ 0x[0-9a-f]+\] DRM protected stream|^ {4,8}enc_key_id +: ", re.MULTILINE)
"""What ffmpeg says of encrypted ASF and Matroska files."""


def protection(path: Path, said: str, stream: int) -> str:
    """Returns what encrypts a stream of a media file, or "".

    Args:
        path: The file.
        said: ffmpeg's description of the file.
        stream: Number of the stream in the file.
    """
    with path.open("rb") as file:
        head = file.read(12)
        if head[4:8] == _AUDIBLE:
            return "Audible"
        if _SAID.search(said):
            return "DRM"
        if "Input #0, mov" in said:
            entries = [kinds for moov in _boxes(file, b"moov") for kinds in _sample_entries(moov)]
            kinds = entries[stream] if stream < len(entries) else set()
            return next((_SAMPLE_ENTRIES[kind] for kind in sorted(kinds) if kind in _SAMPLE_ENTRIES), "")
    return ""


def _boxes(file: IO[bytes], wanted: bytes) -> Iterator[bytes]:
    """Yields the contents of the boxes of a type at the top of an MP4."""
    file.seek(0)
    while len(head := file.read(8)) == 8:
        size, kind, length = int.from_bytes(head[:4]), head[4:], 8
        if size == 1:
            size, length = int.from_bytes(file.read(8)), 16
        if kind == wanted:
            yield file.read(min(size - length, _MOST_BYTES) if size else _MOST_BYTES)
            continue
        if size < length:  # 0: up to the end of the file
            return
        file.seek(size - length, 1)


def _sample_entries(moov: bytes) -> Iterator[set[bytes]]:
    """Yields the types of sample entries of each track."""
    for found in re.finditer(rb"stsd\0\0\0\0", moov):
        at, kinds = found.end() + 4, set()
        for _ in range(int.from_bytes(moov[found.end() : at])):
            size = int.from_bytes(moov[at : at + 4])
            kinds.add(moov[at + 4 : at + 8])
            if size < 8:
                break
            at += size
        yield kinds
