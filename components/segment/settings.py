"""Checks the settings of `segment`."""

from components.shared.task import StageError


def check_settings(*, engine: str) -> None:
    """Raises StageError unless there is an engine of this name."""
    if engine not in ("smn", "sm"):
        raise StageError(f"parameter segment_engine: expected smn (speech, music, noise) or sm (speech, music), found {engine!r}")
