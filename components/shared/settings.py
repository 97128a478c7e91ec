"""Checks of stage settings. Every `components/<stage>/settings.py` uses them, so errors about settings read alike."""

from collections.abc import Collection, Mapping

from components.shared.task import StageError

Range = tuple[float, float, float]
"""A value, and the least and the greatest value allowed; the greatest may be infinite."""


def check_ranges(stage: str, ranges: Mapping[str, Range], unit: str = "") -> None:
    """Checks numbers.

    Args:
        stage: The stage that the settings belong to.
        ranges: A value and its range by the setting's name.
        unit: Unit of all these values.

    Raises:
        StageError: A value is out of its range, or not a number.
    """
    for name, (value, least, most) in ranges.items():
        if not least <= value <= most:
            allowed = f"{least:g} or more" if most == float("inf") else f"{least:g} to {most:g}"
            raise StageError(f"parameter {stage}_{name}: expected {' '.join(filter(None, (allowed, unit)))}, found {value:g}")


def check_choice(stage: str, name: str, value: str, choices: Collection[str]) -> None:
    """Raises StageError unless a setting's value is one of the choices."""
    if value not in choices:
        raise StageError(f"parameter {stage}_{name}: expected {', '.join(choices)}, found {value!r}")
