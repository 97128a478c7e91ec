"""Embeds the files of voice references and compares them with each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.embed.component import embed
from components.shared.rows import Recording, Segment
from components.shared.table import write_rows
from components.shared.windows import REFERENCE_TABLE, read_windows, together
from pipelines.local.display import Display
from pipelines.local.single import run_stage

LEAST_SECONDS = 3.0
"""Minimum speech in all files of a reference together, in seconds."""
FEW_SECONDS = 20.0
ALIKE, APART = 0.75, 0.1
"""A file disagrees with the others if the similarity of its d-vector to theirs is below ALIKE, or APART below the median of all files.

Similarities of utterances of LibriSpeech and of 8 Korean speakers: within a speaker 0.93 and 0.95 (median), 0.89 and 0.88 (first
percentile); between speakers 0.57 and 0.79 (median). Some voices are similar to the network: no single threshold separates all voices."""


@dataclass(frozen=True)
class ReferenceFile:
    """The embeddings of one file of a reference."""

    recording: str
    speech_seconds: float
    """Speech inside windows, in seconds, without pauses."""
    vectors: NDArray[np.float32]
    """d-vectors of its windows, shaped (windows, 256)."""


def embed_files(reference: Path, scratch: Path, display: Display) -> list[ReferenceFile]:
    """Runs `embed` on a reference; leaves out files without a voice."""
    nothing = scratch / "nothing"
    for name, kind in (("voices", Recording), ("segments", Segment)):
        (nothing / name).mkdir(parents=True)
        write_rows(nothing / name, kind, [])
    inputs = {"voices": nothing / "voices", "segments": nothing / "segments", "reference": reference}
    windows = run_stage(embed, inputs, {}, scratch, display)["windows"]
    files = []
    for recording, found in read_windows(windows, REFERENCE_TABLE):
        begins = np.concatenate([found.starts[1:], [np.inf]])
        files.append(ReferenceFile(recording, float(np.sum(np.minimum(found.ends, begins) - found.starts)), found.vectors))
    return files


def agreement(files: Sequence[ReferenceFile]) -> list[float]:
    """Returns the cosine similarity of each file's d-vector to that of all other files together; needs at least two files."""
    vectors = [together(v.vectors).astype(np.float32) for v in files]
    return [float(vector @ together(np.stack(vectors[:i] + vectors[i + 1 :]))) for i, vector in enumerate(vectors)]


def disagreeing(agreements: Sequence[float]) -> list[int]:
    """Returns the indices of the files whose voice seems to differ from the rest."""
    least = max(ALIKE, float(np.median(agreements)) - APART) if agreements else ALIKE
    return [i for i, similarity in enumerate(agreements) if similarity < least]
