"""The text of a chain, e.g. `lowpass:5000:36:2, notch:6000:30, loudness:-23`, and what it stands for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from components.denoise.filters import Filter, highpass, lowpass, notch
from components.shared.task import StageError

EXAMPLE = "lowpass:5000:36:2, notch:6000:30, loudness:-23"


@dataclass(frozen=True, slots=True)
class Chain:
    """Filters in their order, and the loudness of the result; without either the recording stays as it is."""

    filters: tuple[Filter, ...] = ()
    loudness_lufs: float | None = None


class Number(NamedTuple):
    """A number of an entry: its name, its range, and what it is a multiple of (0: anything). The ranges leave speech its band."""

    name: str
    least: float
    most: float
    step: float = 0


_SLOPE, _PASSES = Number("SLOPE", 6, 96, 6), Number("PASSES", 1, 4, 1)

FILTERS: dict[str, tuple[Callable[..., Filter], tuple[Number, ...]]] = {
    "lowpass": (lowpass, (Number("HZ", 1000, 20_000), _SLOPE, _PASSES)),
    "highpass": (highpass, (Number("HZ", 20, 1000), _SLOPE, _PASSES)),
    "notch": (notch, (Number("HZ", 20, 20_000), Number("Q", 5, 200))),
}
"""What may stand in a chain: the function that makes a filter of the numbers behind its name."""

LOUDNESS = (Number("LUFS", -60, -5),)


def parse(text: str) -> Chain:
    """The chain that a text stands for.

    Raises:
        StageError: Something in it is unknown, out of range or in the wrong place.
    """
    if text.strip() == "none":
        return Chain()
    filters, target = [], None
    for entry in (part.strip() for part in text.split(",")):
        name, *numbers = entry.split(":")
        if target is not None:
            raise _error(f"nothing after loudness, which comes last, found {entry!r}")
        if name == "loudness":
            (target,) = _numbers(name, numbers, LOUDNESS)
        elif name in FILTERS:
            make, expected = FILTERS[name]
            filters.append(make(*_numbers(name, numbers, expected)))
        else:
            raise _error(f"filters ({', '.join([*FILTERS, 'loudness'])}) between commas, or none alone, found {entry!r}")
    return Chain(tuple(filters), target)


def _numbers(name: str, given: list[str], expected: tuple[Number, ...]) -> list[float]:
    """The numbers of an entry, checked."""
    found = ":".join([name, *given])
    if len(given) != len(expected):
        raise _error(f"{':'.join([name, *(n.name for n in expected)])}, found {found!r}")
    return [_number(number, text, found) for number, text in zip(expected, given, strict=True)]


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
