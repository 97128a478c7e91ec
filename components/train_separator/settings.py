"""Checks the settings of `train_separator`."""

from math import inf

from components.shared.settings import check_ranges
from components.shared.task import StageError
from store.objects import check_name


def check_settings(
    *,
    name: str,
    max_steps: int,
    max_minutes: float,
    batch_size: int,
    learning_rate: float,
    warmup_steps: int,
    validate_every_steps: int,
    validation_windows: int,
    patience: int,
) -> None:
    """Raises StageError if a setting is out of its range, or if a model cannot have the name."""
    check_name(name, "model")
    ranges = {
        "max_steps": (max_steps, 1, inf),
        "max_minutes": (max_minutes, 0, inf),
        "batch_size": (batch_size, 1, inf),
        "warmup_steps": (warmup_steps, 0, inf),
        "validate_every_steps": (validate_every_steps, 1, inf),
        "validation_windows": (validation_windows, 1, inf),
        "patience": (patience, 0, inf),
    }
    check_ranges("train_separator", ranges)
    if not 0 < learning_rate <= 1:
        raise StageError(f"parameter train_separator_learning_rate: expected more than 0 and at most 1, found {learning_rate:g}")
