"""Checks the settings of `extract`."""

from components.shared.settings import check_ranges


def check_settings(*, min_similarity_gain: float, threads: int) -> None:
    """Raises StageError if a setting is out of its range."""
    check_ranges("extract", {"min_similarity_gain": (min_similarity_gain, 0, 1), "threads": (threads, 0, 1024)})
