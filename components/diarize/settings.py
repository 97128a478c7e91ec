"""Checks the settings of `diarize`."""

from components.shared.encoders import ENCODERS
from components.shared.settings import check_ranges
from components.shared.task import StageError
from components.shared.window_plan import WINDOW_FRAMES


def check_settings(*, engine: str, hop_seconds: float, batch_windows: int, threads: int) -> None:
    """Raises StageError if a setting is out of its range."""
    if engine not in ENCODERS:
        raise StageError(f"parameter diarize_engine: expected {' or '.join(ENCODERS)}, found {engine}")
    ranges = {
        "hop_seconds": (hop_seconds, 0.01, WINDOW_FRAMES / 100),
        "batch_windows": (batch_windows, 1, 4096),
        "threads": (threads, 0, 1024),
    }
    check_ranges("diarize", ranges)
