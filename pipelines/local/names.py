"""Names of result files: like those of their sources, each used once, and short enough for the disk."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

MARK_DIGITS = 8
"""Hex digits of a hash that tell shortened names apart."""


def result_names(sources: Iterable[Path], endings: Sequence[str], max_bytes: int) -> dict[Path, Path]:
    """Returns a path for the results of each source, to which each of the endings can be added.

    It is the source's path without its ending; with it, where two sources differ in it alone. A name
    that is too long, or that results of another source have, is cut and marked with a hash.

    Args:
        sources: Paths of the sources, relative to their folder.
        endings: Such as .csv.
        max_bytes: Longest name that the disk takes.
    """
    ordered = sorted(sources)
    bare = Counter(path.with_suffix("") for path in ordered)
    taken: set[Path] = set()
    wanted = {path: path if bare[path.with_suffix("")] > 1 else path.with_suffix("") for path in ordered}
    return {path: _free(wanted[path], path, endings, max_bytes, taken) for path in ordered}


def audio_names(sources: Iterable[Path], suffixes: Sequence[str], others: Sequence[str], max_bytes: int) -> dict[Path, list[Path]]:
    """Returns the paths of each source's sound files: its own, and one for each of the other outputs.

    Args:
        sources: Paths of the sources, relative to their folder.
        suffixes: Endings of the formats that can be written. Other sources get the ending .flac added.
        others: Names of the other outputs.
        max_bytes: Longest name that the disk takes.
    """
    wanted = {path: path if path.suffix.casefold() in suffixes else path.with_name(f"{path.name}.flac") for path in sorted(sources)}
    taken: set[Path] = set()
    found: dict[Path, list[Path]] = {}
    for path in sorted(wanted, key=lambda p: wanted[p] != p):  # a source of this very name keeps it
        ending = wanted[path].suffix
        found[path] = [_with(_free(wanted[path].with_suffix(""), path, [ending], max_bytes, taken), ending)]
    for path, paths in found.items():
        ending = wanted[path].suffix
        endings = [f".{other}{ending}" for other in others]
        paths += [_with(_free(wanted[path].with_suffix(""), path, [more], max_bytes, taken), more) for more in endings]
    return found


def _free(wanted: Path, source: Path, endings: Sequence[str], max_bytes: int, taken: set[Path]) -> Path:
    """Returns a path that is free with each of the endings, and takes it."""
    room = max_bytes - max(len(ending.encode()) for ending in endings)
    if len(wanted.name.encode()) > room or any(_with(wanted, ending) in taken for ending in endings):
        mark = "~" + hashlib.sha256(str(source).encode()).hexdigest()[:MARK_DIGITS]
        wanted = wanted.with_name(wanted.name.encode()[: room - len(mark)].decode(errors="ignore") + mark)
    taken.update(_with(wanted, ending) for ending in endings)
    return wanted


def _with(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)
