"""Kits of known effects: what `sfx` in the chain of denoise will look for, checked before it is put into a store."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from components.denoise.effects import read_effects
from components.shared.model import Model
from components.shared.rows import SAMPLE_RATE_HZ, Recording
from components.shared.table import read_rows
from pipelines.inputs.media import KIT, make

SHORT_SECONDS = 0.2
"""An effect that is shorter may be too much like something else to be found with certainty."""


@dataclass(frozen=True)
class Sample:
    """One effect of a kit."""

    title: str
    seconds: float
    sounding_seconds: float
    """Without the silence before and after it."""


def make_kit(folder: Path, name: str, files: Sequence[Path], licence: str) -> tuple[Model, list[Sample]]:
    """Makes a kit of media files in an empty folder, one effect a file.

    Raises:
        StageError: It can have no such name, or a file is no sound that can be looked for.
    """
    made = make(KIT, folder, name, files, licence)
    effects = read_effects(folder)
    rows = read_rows(folder, Recording)
    return made, [Sample(r.title, r.seconds, len(e.sound) / SAMPLE_RATE_HZ) for r, e in zip(rows, effects, strict=True)]
