"""References: clean utterances of one voice (pipelines/inputs/media.py makes them), and how sure such a voice is of itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.embed.component import embed
from components.shared.rows import Recording, Segment
from components.shared.table import write_rows
from components.shared.windows import REFERENCE, read_windows, together
from pipelines.local.display import Display
from pipelines.local.single import run_stage

LEAST_SECONDS = 3.0
"""Of speech, in all files of a reference together."""
FEW_SECONDS = 20.0
ALIKE, APART = 0.75, 0.1
"""A file disagrees with the others where its d-vector is less like theirs than ALIKE, or by APART less than the files' median is.

Utterances of LibriSpeech and of 8 Korean speakers are like the others of their speaker by 0.93 and 0.95 (median) and 0.89 and 0.88 (1 in
100), like those of another by 0.57 and 0.79 (median): some voices are alike to the network, so that no number alone tells them apart."""


@dataclass(frozen=True)
class Voice:
    """What was heard in one file of a reference."""

    recording: str
    speech_seconds: float
    """That lie in a window: pauses are left out."""
    vectors: NDArray[np.float32]
    """d-vectors of its windows, shaped (windows, 256)."""


def hear(reference: Path, scratch: Path, display: Display) -> list[Voice]:
    """What `embed` hears in a reference, file by file; what holds no voice is not among them."""
    nothing = scratch / "nothing"
    for name, kind in (("voices", Recording), ("segments", Segment)):
        (nothing / name).mkdir(parents=True)
        write_rows(nothing / name, kind, [])
    inputs = {"voices": nothing / "voices", "segments": nothing / "segments", "reference": reference}
    windows = run_stage(embed, inputs, {}, scratch, display)["windows"]
    heard = []
    for recording, found in read_windows(windows, REFERENCE):
        begins = np.concatenate([found.starts[1:], [np.inf]])
        heard.append(Voice(recording, float(np.sum(np.minimum(found.ends, begins) - found.starts)), found.vectors))
    return heard


def agreement(voices: Sequence[Voice]) -> list[float]:
    """Similarity of each file's d-vector to that of all the other files together; there are two or more."""
    vectors = [together(v.vectors).astype(np.float32) for v in voices]
    return [float(vector @ together(np.stack(vectors[:i] + vectors[i + 1 :]))) for i, vector in enumerate(vectors)]


def disagreeing(agreements: Sequence[float]) -> list[int]:
    """Which files sound like another voice than the rest."""
    least = max(ALIKE, float(np.median(agreements)) - APART) if agreements else ALIKE
    return [i for i, similarity in enumerate(agreements) if similarity < least]
