"""The stage's settings: its parameters and the checks of their values, both from the table of rules.

The control side imports this module too, so it needs none of the stage's own libraries.
"""

import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from components.shared.rules import DOMINANT, Names, Number, Setting
from components.shared.rules import SETTINGS as TABLE
from components.shared.settings import declare
from components.shared.task import StageError, one_line

F = TypeVar("F", bound=Callable[..., Any])


def _by_name(setting: Setting) -> Setting:
    """The rule about speakers takes the names that `speechmill speakers name` gives, too."""
    if setting.name != "speakers" or not isinstance(setting, Names):
        return setting
    return replace(
        setting,
        pattern=r"[a-z0-9][a-z0-9_-]{0,62}",
        expected=f"{DOMINANT}, ids such as s0001, or names as in `speakers name`, separated by commas",
        help=f'Keep clips of these speakers: "{DOMINANT}" for the one with the most speech in the dataset, ids as `dataset show` '
        "lists them (s0001), or names that `speakers name` gave.",
    )


SETTINGS = tuple(_by_name(setting) for setting in TABLE)
"""The settings of the table of rules."""


def takes_settings(function: F) -> F:
    """Declares a function's `**settings`: each setting becomes a parameter with type, default and help."""
    if function.__doc__:
        explained = (f"    {s.name}: {s.description}" for s in SETTINGS)
        function.__doc__ = "\n".join([inspect.cleandoc(function.__doc__), "", "Args:", *explained])
    return declare(function, ((s.name, type(s.default), s.default) for s in SETTINGS))


def names(text: str) -> tuple[str, ...]:
    """Returns the names in a text, separated by commas, in lowercase."""
    return tuple(name.strip().casefold() for name in text.split(",") if name.strip())


def check_settings(**settings: Any) -> None:
    """Raises StageError if a number is out of its range or a name is not valid."""
    for setting in SETTINGS:
        value = settings[setting.name]
        if isinstance(setting, Number) and not setting.range[0] <= value <= setting.range[1]:
            least, most = setting.range
            raise StageError(f"publish_{setting.name}: expected {least:g} to {most:g} ({setting.unit}), found {value:g}")
        if isinstance(setting, Names) and (invalid := [n for n in names(value) if not re.fullmatch(setting.pattern, n)]):
            raise StageError(f"publish_{setting.name}: expected {setting.expected}, found {one_line(', '.join(invalid))}")
    lowest, highest = settings["min_characters_per_second"], settings["max_characters_per_second"]
    if lowest > highest:
        raise StageError(
            f"publish_min_characters_per_second: expected at most publish_max_characters_per_second, which is {highest:g}, found {lowest:g}"
        )
