"""Reads known sound effects. The control side checks kits with this module, so it imports no library of the filters."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from components.shared.rows import SAMPLE_RATE_HZ, Recording
from components.shared.steps import Mono, mono
from components.shared.table import read_rows
from components.shared.task import StageError

LEAST_SECONDS, MOST_SECONDS = 0.1, 60.0
"""Length of an effect without leading and trailing silence. Shorter ones resemble too many other sounds, longer ones need much memory."""
QUIET_DB = -60.0
"""Level in dB, relative to an effect's peak, below which its ends count as silence."""
KEPT = SAMPLE_RATE_HZ // 200
"""Samples of silence that are kept before and after an effect, 5 ms."""


class Effect(NamedTuple):
    """A sound effect."""

    name: str
    sound: Mono
    """Samples at SAMPLE_RATE_HZ, without leading and trailing silence."""


def read_effects(folder: Path) -> list[Effect]:
    """Reads the effects of an artifact of recordings. Raises StageError if an effect is too short, too long or silent."""
    return [_read_effect(folder, row) for row in read_rows(folder, Recording) if row.samples]


def _read_effect(folder: Path, row: Recording) -> Effect:
    sound = without_silence(np.concatenate(list(mono(folder / "audio" / f"{row.recording}.flac"))))
    seconds = len(sound) / SAMPLE_RATE_HZ
    if not LEAST_SECONDS <= seconds <= MOST_SECONDS:
        raise StageError(
            f"expected effects of {LEAST_SECONDS:g} to {MOST_SECONDS:g} s, without silence, found {seconds:.2f} s in {row.title}: "
            "leave it out of the effects"
        )
    return Effect(row.title, sound)


def without_silence(sound: Mono) -> Mono:
    """Returns the sound from its first to its last loud sample, with up to KEPT samples more on both sides."""
    level = np.abs(sound)
    loud = np.flatnonzero(level > 10 ** (QUIET_DB / 20) * level.max())
    return sound[max(0, loud[0] - KEPT) : loud[-1] + 1 + KEPT] if len(loud) else sound[:0]
