"""Lengths of local files, as their headers state them."""

from pathlib import Path

import soundfile

from components.discover.items import MAX_STATED_SECONDS


def stated_seconds(path: Path) -> float:
    """Returns a file's length by its header; 0 if libsndfile cannot read it: `download` measures it."""
    try:
        seconds = float(soundfile.info(path).duration)
    except (soundfile.LibsndfileError, RuntimeError, OSError):
        return 0.0
    return seconds if 0 < seconds < MAX_STATED_SECONDS else 0.0
