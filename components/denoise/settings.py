"""Parses and checks the setting `chain` of `denoise`, for example `lowpass:5000:36:2, notch:6000:30, loudness:-23`.

The control side checks chains with this module, so it imports no library of the filters.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from components.shared.settings import check_ranges
from components.shared.task import StageError

EXAMPLE = "lowpass:5000:36:2, notch:6000:30, loudness:-23"
LOUDNESS, BEST, NONE = "loudness", "best", "none"


class Number(NamedTuple):
    """A number of a filter, with its range. The ranges of the cutoffs protect the band of speech."""

    name: str
    least: float
    most: float
    multiple_of: float = 0
    """0 allows any number."""


Form = tuple[Number, ...]

_SLOPE, _PASSES = Number("SLOPE", 6, 96, 6), Number("PASSES", 1, 4, 1)

FILTERS: dict[str, tuple[Form, ...]] = {
    "lowpass": ((Number("HZ", 1000, 20_000), _SLOPE, _PASSES),),
    "highpass": ((Number("HZ", 20, 1000), _SLOPE, _PASSES),),
    "notch": ((Number("HZ", 20, 20_000), Number("Q", 5, 200)),),
    "profile": ((), (Number("START", 0, 1e6), Number("END", 0, 1e6))),
    "deepfilter": ((), (Number("DB", 1, 60),)),
    "rnnoise": ((),),
}
"""The filters and the forms of their numbers."""


class Entry(NamedTuple):
    """A filter of a chain with its numbers."""

    filter: str
    numbers: tuple[float, ...] = ()


Entries = tuple[Entry, ...]


@dataclass(frozen=True)
class ParsedChain:
    """A chain: filters, then optionally the candidates of `best`, then optionally a target loudness."""

    entries: Entries = ()
    candidates: Mapping[str, Entries] = field(default_factory=dict)
    """The candidates of `best`, by their text; empty without `best`."""
    loudness_lufs: float | None = None


def check_settings(*, chain: str, threads: int) -> None:
    """Raises StageError if the chain cannot be parsed, or the number of threads is out of its range."""
    parse_chain(chain)
    check_ranges("denoise", {"threads": (threads, 0, 1024)})


def parse_chain(text: str) -> ParsedChain:
    """Parses the text of a chain. Raises StageError if an entry is unknown, has a number out of its range, or is in the wrong place."""
    head, comma, last = (part.strip() for part in text.rpartition(","))
    name, *numbers = last.split(":")
    if name != LOUDNESS or "|" in last:
        return ParsedChain(*_parse_filters(text.strip()))
    (target,) = _parse_numbers(name, numbers, ((Number("LUFS", -60, -5),),))
    return ParsedChain(*(_parse_filters(head) if comma else ((), {})), loudness_lufs=target)


def _parse_filters(text: str) -> tuple[Entries, dict[str, Entries]]:
    """Parses a chain without its loudness: entries, and the candidates of `best`, which are the rest of the text."""
    found = re.search(rf"(^|,)\s*{BEST}(:|$)", text)
    if not found:
        return _parse_entries(text), {}
    before = _parse_entries(text[: found.start()].strip()) if found.start() or found[1] else ()
    candidates = [", ".join(entry.strip() for entry in candidate.split(",")) for candidate in text[found.end() :].split("|")]
    return before, {candidate: _parse_entries(candidate) for candidate in candidates}


def _parse_entries(text: str) -> Entries:
    return () if text == NONE else tuple(_parse_entry(entry.strip()) for entry in text.split(","))


def _parse_entry(text: str) -> Entry:
    name, *numbers = text.split(":")
    if name == LOUDNESS:
        raise _error(f"{LOUDNESS} once, at the end of the chain and shared by all candidates of {BEST}, found {text!r} elsewhere")
    if name == BEST:
        raise _error(f"{BEST} once, because all that follows it are its candidates, found {text!r} again")
    if name not in FILTERS:
        raise _error(f"filters ({', '.join([*FILTERS, BEST, LOUDNESS])}) separated by commas, or {NONE} alone, found {text!r}")
    values = _parse_numbers(name, numbers, FILTERS[name])
    if name == "profile" and values and values[0] >= values[1]:
        raise _error(f"profile:START:END with START before END, found {text!r}", example="profile:1.5:3")
    return Entry(name, values)


def _parse_numbers(name: str, texts: list[str], forms: tuple[Form, ...]) -> tuple[float, ...]:
    entry = ":".join([name, *texts])
    form = next((f for f in forms if len(f) == len(texts)), None)
    if form is None:
        allowed = " or ".join(":".join([name, *(n.name for n in f)]) for f in forms)
        raise _error(f"{allowed}, found {entry!r}")
    return tuple(_parse_number(number, text, entry) for number, text in zip(form, texts, strict=True))


def _parse_number(number: Number, text: str, entry: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not number.least <= value <= number.most or (number.multiple_of and value % number.multiple_of):
        multiple = f", a multiple of {number.multiple_of:g}" if number.multiple_of else ""
        raise _error(f"{number.name} of {number.least:g} to {number.most:g}{multiple}, found {text!r} in {entry!r}")
    return value


def _error(what: str, example: str = EXAMPLE) -> StageError:
    return StageError(f"parameter denoise_chain: expected {what}; a valid value is {example!r}")
