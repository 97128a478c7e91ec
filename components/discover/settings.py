"""Checks the settings of `discover`."""

from math import inf

from components.shared.settings import check_ranges
from components.shared.task import StageError


def check_settings(
    *, max_recordings: int, max_shards: int, shard_seconds: float, min_seconds: float, max_seconds: float, attempts: int
) -> None:
    """Raises StageError if a setting is out of its range, or if min_seconds exceeds max_seconds."""
    ranges = {
        "max_recordings": (max_recordings, 0, inf),
        "max_shards": (max_shards, 0, inf),
        "min_seconds": (min_seconds, 0, inf),
        "max_seconds": (max_seconds, 0, inf),
        "attempts": (attempts, 1, inf),
    }
    check_ranges("discover", ranges)
    if not shard_seconds > 0:
        raise StageError(f"parameter discover_shard_seconds: expected more than 0, found {shard_seconds:g}")
    if 0 < max_seconds < min_seconds:
        raise StageError(f"parameter discover_min_seconds: expected at most discover_max_seconds, {max_seconds:g}, found {min_seconds:g}")
