"""Checks the settings of `tag_tone`."""

from components.shared.settings import check_ranges


def check_settings(*, clusters: int, same_voice_similarity: float) -> None:
    """Raises StageError if a setting is out of its range."""
    check_ranges("tag_tone", {"clusters": (clusters, 0, 10), "same_voice_similarity": (same_voice_similarity, -1, 1)})
