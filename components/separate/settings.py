"""Checks the settings of `separate`."""

from components.shared.settings import check_ranges


def check_settings(*, batch_segments: int, threads: int) -> None:
    """Raises StageError if a setting is out of its range."""
    ranges = {"batch_segments": (batch_segments, 1, 64), "threads": (threads, 0, 1024)}
    check_ranges("separate", ranges)
