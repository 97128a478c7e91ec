"""Checks the settings of stages before a run starts, so that a wrong one does not fail hours later."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any


def check_settings(stage: str, settings: Mapping[str, Any]) -> None:
    """Checks all settings of a stage, by their names without its prefix. Raises StageError if the stage would reject one."""
    if check := find_check(stage):
        parameters = inspect.signature(check).parameters
        takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        check(**{name: value for name, value in settings.items() if takes_all or name in parameters})


def find_check(stage: str) -> Callable[..., object] | None:
    """Returns `check_settings` of components/<stage>/settings.py; None if the stage has no such file."""
    module = f"components.{stage}.settings"
    return importlib.import_module(module).check_settings if find_spec(module) else None  # type: ignore[no-any-return]
