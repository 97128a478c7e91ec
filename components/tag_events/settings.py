"""Checks the settings of `tag_events`."""

from components.shared.settings import check_ranges


def check_settings(*, hop_seconds: float, threshold: float, threads: int) -> None:
    """Raises StageError if a setting is out of its range."""
    check_ranges("tag_events", {"hop_seconds": (hop_seconds, 0.1, 0.96), "threshold": (threshold, 0, 1), "threads": (threads, 0, 1024)})
