"""Checks the settings of `segment`."""

from typing import Literal, get_args

from components.shared.task import StageError

Engine = Literal["smn", "sm"]
"""The networks of inaSpeechSegmenter, by their names in its package."""


def check_settings(*, engine: str) -> None:
    """Raises StageError unless there is an engine of this name."""
    if engine not in get_args(Engine):
        raise StageError(f"parameter segment_engine: expected smn (speech, music, noise) or sm (speech, music), found {engine!r}")
