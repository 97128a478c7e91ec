"""Checks the settings of `tag_tone`."""

from components.shared.settings import check_ranges


def check_settings(*, clusters: int) -> None:
    """Raises StageError if a setting is out of its range."""
    check_ranges("tag_tone", {"clusters": (clusters, 0, 10)})
