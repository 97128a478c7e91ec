"""Checks the settings of `tag_quality`."""

from components.shared.settings import check_ranges


def check_settings(*, hop_seconds: float, threads: int) -> None:
    """Raises StageError if a setting is out of its range."""
    check_ranges("tag_quality", {"hop_seconds": (hop_seconds, 0.1, 9), "threads": (threads, 0, 1024)})
