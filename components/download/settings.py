"""Checks the settings of `download`."""

from math import inf

from components.shared.settings import check_ranges
from components.shared.task import StageError


def check_settings(
    *,
    retries: int,
    backoff_seconds: float,
    sleep_seconds: float,
    max_sleep_seconds: float,
    rate_limit_bytes: int,
    max_bytes: int,
    max_seconds: float,
    timeout_minutes: float,
) -> None:
    """Raises StageError if a number is negative, or if max_sleep_seconds is less than sleep_seconds."""
    ranges = {
        "retries": (retries, 0, inf),
        "backoff_seconds": (backoff_seconds, 0, inf),
        "sleep_seconds": (sleep_seconds, 0, inf),
        "max_sleep_seconds": (max_sleep_seconds, 0, inf),
        "rate_limit_bytes": (rate_limit_bytes, 0, inf),
        "max_bytes": (max_bytes, 0, inf),
        "max_seconds": (max_seconds, 0, inf),
        "timeout_minutes": (timeout_minutes, 0, inf),
    }
    check_ranges("download", ranges)
    if max_sleep_seconds < sleep_seconds:
        least = f"at least download_sleep_seconds, {sleep_seconds:g}"
        raise StageError(f"parameter download_max_sleep_seconds: expected {least}, found {max_sleep_seconds:g}")
