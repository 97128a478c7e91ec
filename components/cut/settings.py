"""Checks the settings of `cut`."""

from components.shared.settings import check_ranges

LEAST_MAX_SECONDS = 1.0
"""Smallest max_seconds: `split` can cut any stretch into clips of MIN_SECONDS to this length."""


def check_settings(*, max_seconds: float, merge_gap_seconds: float, pad_seconds: float) -> None:
    """Raises StageError if a setting is out of its range."""
    lengths = {
        "max_seconds": (max_seconds, LEAST_MAX_SECONDS, 3600),
        "merge_gap_seconds": (merge_gap_seconds, 0, 60),
        "pad_seconds": (pad_seconds, 0, 10),
    }
    check_ranges("cut", lengths, unit="seconds")
