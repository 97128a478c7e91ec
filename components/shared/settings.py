"""Checks of stage settings, with the same error texts in every stage."""

from collections.abc import Collection, Mapping

from components.shared.task import StageError

Range = tuple[float, float, float]
"""Value, minimum and maximum; the maximum may be infinite."""


def check_ranges(stage: str, ranges: Mapping[str, Range], unit: str = "") -> None:
    """Raises StageError if a value is out of its range or NaN. `ranges` has a setting's name as key."""
    for name, (value, least, most) in ranges.items():
        if not least <= value <= most:
            allowed = f"{least:g} or more" if most == float("inf") else f"{least:g} to {most:g}"
            raise StageError(f"parameter {stage}_{name}: expected {' '.join(filter(None, (allowed, unit)))}, found {value:g}")


def check_choice(stage: str, name: str, value: str, choices: Collection[str]) -> None:
    """Raises StageError unless a setting's value is one of the choices."""
    if value not in choices:
        raise StageError(f"parameter {stage}_{name}: expected {', '.join(choices)}, found {value!r}")
