"""Makes kits of known effects for `separate`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from components.separate.effects import read_effects
from components.shared.model import Model
from components.shared.rows import SAMPLE_RATE_HZ, Recording
from components.shared.table import read_rows
from pipelines.inputs.media import EFFECT_KIT, make

SHORT_SECONDS = 0.2
"""Shorter effects may resemble other sounds too much to be found reliably."""


@dataclass(frozen=True)
class KitEffect:
    title: str
    seconds: float
    sounding_seconds: float
    """Length in seconds without the silence before and after it."""


def make_kit(folder: Path, name: str, files: Sequence[Path], licence: str) -> tuple[Model, list[KitEffect]]:
    """Makes a kit in an empty folder from media files, one effect each. Raises StageError if the name or a file is not valid."""
    made = make(EFFECT_KIT, folder, name, files, licence)
    effects = read_effects(folder)
    rows = read_rows(folder, Recording)
    return made, [KitEffect(r.title, r.seconds, len(e.sound) / SAMPLE_RATE_HZ) for r, e in zip(rows, effects, strict=True)]
