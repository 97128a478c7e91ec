"""Refuses settings that a stage would refuse hours later, before a run begins."""

from collections.abc import Mapping
from typing import Any

from components.publish.publish import rules
from components.shared.task import StageError


def check_settings(settings: Mapping[str, Any]) -> None:
    """Raises StageError for the first setting that its stage does not understand.

    Args:
        settings: The pipeline's parameters by name.
    """
    try:
        rules(settings["publish_genders"], settings["publish_min_seconds"], settings["publish_licences"])
    except ValueError as error:
        raise StageError(str(error)) from None
