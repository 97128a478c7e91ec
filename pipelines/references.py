"""References: clean utterances of one voice, as an artifact that `embed` hears, and how sure such a voice is of itself."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.embed.component import embed
from components.shared.audio import FlacWriter, decode
from components.shared.model import Model, describe
from components.shared.rows import SAMPLE_RATE_HZ, Recording, Segment
from components.shared.table import check, from_table, write_rows
from components.shared.task import StageError, one_line
from components.shared.windows import REFERENCE, read_windows, together
from pipelines.display import Display
from pipelines.single import run_stage
from store.models import REFERENCES, ModelStore, place
from store.objects import Store, check_name

KIND = "reference"
NONE = "none"
"""The bundled reference without a voice."""
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


def make(folder: Path, name: str, files: Sequence[Path], licence: str) -> Model:
    """Makes a reference of media files in an empty folder: mono at SAMPLE_RATE_HZ, untrimmed.

    Raises:
        StageError: The name can be no reference's, a file is no sound, or two are the same.
    """
    if check_name(name, KIND) == NONE:
        raise StageError(f"expected a name for the reference, found {NONE!r}, which stands for no reference: name it otherwise")
    rows = [_recording(folder, file, licence) for file in files]
    for number, row in enumerate(rows):
        if row.recording in [r.recording for r in rows[:number]]:
            raise StageError(f"expected different files, found the same sound twice in {files[number]}: leave it out")
    write_rows(folder, Recording, rows)
    titles = ", ".join(r.title for r in rows)
    return describe(folder, name, KIND, licence, titles, datetime.now(UTC).isoformat(timespec="seconds"))


def _recording(folder: Path, file: Path, licence: str) -> Recording:
    """Decodes a file into the reference, under a name that its bytes make."""
    with file.open("rb") as media:
        digest = hashlib.file_digest(media, "sha256").hexdigest()
    name = digest[:16]
    try:
        with FlacWriter(folder / "audio" / f"{name}.flac") as flac:
            for block in decode(file, SAMPLE_RATE_HZ):
                flac.write(block)
    except ValueError as error:
        raise StageError(f"expected a voice in {file}, found no sound that can be read: {one_line(error)}") from None
    if not flac.samples:
        raise StageError(f"expected a voice in {file}, found no samples in it: leave it out")
    seconds = flac.samples / SAMPLE_RATE_HZ
    return Recording(name, "local", "", one_line(file.name), "", "", licence, seconds, flac.samples, digest, "", "")


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


def recordings(store: Store, reference: Model) -> list[Recording]:
    """The rows of a reference in a store."""
    key = f"{place(reference.name, reference.version, REFERENCES)}/rows.parquet"
    table = pq.read_table(BytesIO(store.read(key)))
    check(Recording, table.schema, f"{store.uri}/{key}")
    return from_table(Recording, table)


def references(store: Store) -> list[Model]:
    """The newest version of every reference in a store, by name."""
    stored = ModelStore(store, REFERENCES)
    return [stored.model(name) for name in stored.names()]
