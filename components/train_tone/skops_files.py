"""Writes skops files reproducibly: the bytes depend only on the object, not on memory addresses or the time."""

import re
import zipfile
from pathlib import Path
from typing import Any

import skops.io

_SCHEMA = "schema.json"
_IDS = re.compile(r'("__id__": |"file": ")(\d+)')
_BEGINNING = (1980, 1, 1, 0, 0, 0)


def write_skops(target: Path, thing: Any) -> None:
    """Writes what skops.io.dump writes, with object ids replaced by consecutive numbers and no timestamps."""
    part = target.with_name(f".{target.name}.part")
    skops.io.dump(thing, part)
    with zipfile.ZipFile(part) as found:
        schema = found.read(_SCHEMA).decode()
        numbers: dict[str, int] = {}
        for match in _IDS.finditer(schema):
            numbers.setdefault(match[2], len(numbers))
        files = {_renamed(name, numbers): found.read(name) for name in found.namelist() if name != _SCHEMA}
    files[_SCHEMA] = _IDS.sub(lambda match: f"{match[1]}{numbers[match[2]]}", schema).encode()
    part.unlink()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as file:
        for name in sorted(files):
            file.writestr(zipfile.ZipInfo(name, _BEGINNING), files[name])


def _renamed(name: str, numbers: dict[str, int]) -> str:
    stem, dot, suffix = name.partition(".")
    return f"{numbers[stem]}{dot}{suffix}"
