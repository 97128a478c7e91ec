"""The text of a chain, e.g. `lowpass:5000:36:2, notch:6000:30, loudness:-23`, and what it stands for."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from components.denoise import filters
from components.denoise.best import NONE, best
from components.denoise.deepfilter import deepfilter
from components.denoise.filters import Step, always
from components.denoise.profile import named_profile, own_profile
from components.denoise.rnnoise import rnnoise
from components.denoise.sfx import sfx
from components.denoise.tones import tones
from components.shared.task import StageError

EXAMPLE = "lowpass:5000:36:2, notch:6000:30, loudness:-23"
LOUDNESS, BEST = "loudness", "best"


@dataclass(frozen=True)
class Chain:
    """Steps in their order, and the loudness of the result; without either the recording stays as it is."""

    steps: tuple[Step, ...] = ()
    loudness_lufs: float | None = None

    @property
    def passes(self) -> int:
        """How often it goes over a recording: what listens, and what filters."""
        return sum(s.passes for s in self.steps) + 1


@dataclass(frozen=True)
class Means:
    """What steps work with beside their numbers."""

    effects: Path | None = None
    """The artifact of known effects; None where only the text is to be checked."""
    threads: int = 0
    """CPU threads of the networks; 0 for one a core."""


class Number(NamedTuple):
    """A number of an entry: its name, its range, and what it is a multiple of (0: anything). The ranges leave speech its band."""

    name: str
    least: float
    most: float
    step: float = 0


class Entry(NamedTuple):
    """What may stand in a chain: the step that means and numbers make, and the numbers it takes, perhaps in several ways."""

    make: Callable[..., Step]
    forms: tuple[tuple[Number, ...], ...]


_SLOPE, _PASSES = Number("SLOPE", 6, 96, 6), Number("PASSES", 1, 4, 1)

ENTRIES: dict[str, Entry] = {
    "lowpass": Entry(lambda _, *n: always(filters.lowpass(*n)), ((Number("HZ", 1000, 20_000), _SLOPE, _PASSES),)),
    "highpass": Entry(lambda _, *n: always(filters.highpass(*n)), ((Number("HZ", 20, 1000), _SLOPE, _PASSES),)),
    "notch": Entry(lambda _, *n: always(filters.notch(*n)), ((Number("HZ", 20, 20_000), Number("Q", 5, 200)),)),
    "tones": Entry(lambda _: tones(), ((),)),
    "profile": Entry(lambda _, *n: named_profile(*n) if n else own_profile(), ((), (Number("START", 0, 1e6), Number("END", 0, 1e6)))),
    "sfx": Entry(lambda means: sfx(means.effects), ((),)),
    "deepfilter": Entry(lambda _, *n: always(deepfilter(*n)), ((), (Number("DB", 1, 60),))),
    "rnnoise": Entry(lambda _: always(rnnoise()), ((),)),
}


def parse(text: str, means: Means = Means()) -> Chain:  # frozen
    """The chain that a text stands for.

    Raises:
        StageError: Something in it is unknown, out of range or in the wrong place.
    """
    head, comma, last = (part.strip() for part in text.rpartition(","))
    name, *numbers = last.split(":")
    if name != LOUDNESS or "|" in last:
        return Chain(_steps(text.strip(), means))
    (target,) = _numbers(name, numbers, ((Number("LUFS", -60, -5),),))
    return Chain(_steps(head, means) if comma else (), target)


def _steps(text: str, means: Means) -> tuple[Step, ...]:
    """The steps of a chain without its loudness; `best:` takes all that comes after it."""
    found = re.search(rf"(^|,)\s*{BEST}(:|$)", text)
    if not found:
        return _filters(text, means)
    before = _filters(text[: found.start()].strip(), means) if found.start() or found[1] else ()
    candidates = [", ".join(entry.strip() for entry in candidate.split(",")) for candidate in text[found.end() :].split("|")]
    return (*before, best({c: _filters(c, means) for c in candidates}, means.threads))


def _filters(text: str, means: Means) -> tuple[Step, ...]:
    """The steps of filters between commas."""
    if text == NONE:
        return ()
    return tuple(_step(entry.strip(), means) for entry in text.split(","))


def _step(text: str, means: Means) -> Step:
    name, *numbers = text.split(":")
    if name == LOUDNESS:
        raise _error(f"loudness once, at the very end and for all candidates of best alike, found {text!r} elsewhere")
    if name == BEST:
        raise _error(f"best once, since it takes all that comes after it, found a second {text!r}")
    if name not in ENTRIES:
        raise _error(f"filters ({', '.join([*ENTRIES, BEST, LOUDNESS])}) between commas, or none alone, found {text!r}")
    entry = ENTRIES[name]
    return entry.make(means, *_numbers(name, numbers, entry.forms))


def _numbers(name: str, given: list[str], forms: tuple[tuple[Number, ...], ...]) -> list[float]:
    """The numbers of an entry, checked."""
    found = ":".join([name, *given])
    form = next((f for f in forms if len(f) == len(given)), None)
    if form is None:
        ways = " or ".join(":".join([name, *(n.name for n in f)]) for f in forms)
        raise _error(f"{ways}, found {found!r}")
    return [_number(number, text, found) for number, text in zip(form, given, strict=True)]


def _number(number: Number, text: str, entry: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not number.least <= value <= number.most or (number.step and value % number.step):
        multiple = f", a multiple of {number.step:g}" if number.step else ""
        raise _error(f"{number.name} of {number.least:g} to {number.most:g}{multiple}, found {text!r} in {entry!r}")
    return value


def _error(what: str) -> StageError:
    return StageError(f"parameter denoise_chain: expected {what}; right would be {EXAMPLE!r}")
