"""Embeds the files of voice references and compares them with each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.diarize.component import diarize
from components.shared.encoders import vectors_of
from components.shared.rows import Recording, Segment
from components.shared.table import write_rows
from components.shared.windows import REFERENCE_TABLE, covered, read_windows, together
from pipelines.local.display import Display
from pipelines.local.single import run_stage

LEAST_SECONDS = 3.0
"""Minimum speech in all files of a reference together, in seconds."""
FEW_SECONDS = 20.0
APART = 0.1
"""A file disagrees with the others if its similarity to theirs is below the encoder's threshold, or APART below the median of all files."""


@dataclass(frozen=True)
class ReferenceFile:
    """The vectors of one file of a reference."""

    recording: str
    speech_seconds: float
    """Speech inside windows, in seconds, without pauses."""
    vectors: NDArray[np.float32]
    """Vectors of its windows, shaped (windows, numbers)."""
    voice_by: str
    """The encoder that made them."""


def embed_files(reference: Path, scratch: Path, display: Display) -> list[ReferenceFile]:
    """Runs `diarize` on a reference; leaves out files without a voice."""
    nothing = scratch / "nothing"
    for name, kind in (("voices", Recording), ("segments", Segment)):
        (nothing / name).mkdir(parents=True)
        write_rows(nothing / name, kind, [])
    inputs = {"voices": nothing / "voices", "segments": nothing / "segments", "reference": reference}
    turns = run_stage(diarize, inputs, {}, scratch, display)["turns"]
    files = []
    for recording, found in read_windows(turns, REFERENCE_TABLE):
        files.append(ReferenceFile(recording, covered(found.starts, found.ends), found.vectors, found.voice_by))
    return files


def agreement(files: Sequence[ReferenceFile]) -> list[float]:
    """Returns the cosine similarity of each file's vector to that of all other files together; needs at least two files."""
    vectors = [together(v.vectors).astype(np.float32) for v in files]
    return [float(vector @ together(np.stack(vectors[:i] + vectors[i + 1 :]))) for i, vector in enumerate(vectors)]


def disagreeing(agreements: Sequence[float], voice_by: str) -> list[int]:
    """Returns the indices of the files whose voice seems to differ from the rest. `agreements` is the result of `agreement`."""
    least = max(vectors_of(voice_by).file, float(np.median(agreements)) - APART) if agreements else 0.0
    return [i for i, similarity in enumerate(agreements) if similarity < least]
