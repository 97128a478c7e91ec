"""Recordings that a person adds to a store from media files, as versions of a name: references and kits of effects."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from components.shared.audio import FlacWriter, decode
from components.shared.model import Model, describe
from components.shared.rows import SAMPLE_RATE_HZ, Recording
from components.shared.table import write_rows
from components.shared.task import StageError, one_line
from store.interface import Store
from store.models import EFFECTS, REFERENCES, ModelStore, place
from store.objects import check_name
from store.parquet import read_object

NONE = "none"
"""What of either sort is bundled: no recordings."""


@dataclass(frozen=True)
class Sort:
    """What the recordings are for."""

    kind: str
    """Of the model that they are."""
    folder: str
    """Of a store."""
    called: str
    """In what a person is told."""
    of: str
    """What has to be in every file."""


REFERENCE = Sort("reference", REFERENCES, "reference", "a voice")
KIT = Sort("effects", EFFECTS, "effects", "a sound effect")


def make(sort: Sort, folder: Path, name: str, files: Sequence[Path], licence: str) -> Model:
    """Makes an artifact of recordings of media files in an empty folder: mono at SAMPLE_RATE_HZ, untrimmed.

    Raises:
        StageError: It can have no such name, a file is no sound, or two are the same.
    """
    if check_name(name, sort.kind) == NONE:
        raise StageError(f"expected a name for the {sort.called}, found {NONE!r}, which stands for no {sort.called}: name it otherwise")
    rows = [_recording(sort, folder, file, licence) for file in files]
    for number, row in enumerate(rows):
        if row.recording in [r.recording for r in rows[:number]]:
            raise StageError(f"expected different files, found the same sound twice in {files[number]}: leave it out")
    write_rows(folder, Recording, rows)
    titles = ", ".join(r.title for r in rows)
    return describe(folder, name, sort.kind, licence, titles, datetime.now(UTC).isoformat(timespec="seconds"))


def _recording(sort: Sort, folder: Path, file: Path, licence: str) -> Recording:
    """Decodes a file into the artifact, under a name that its bytes make."""
    with file.open("rb") as media:
        digest = hashlib.file_digest(media, "sha256").hexdigest()
    name = digest[:16]
    try:
        with FlacWriter(folder / "audio" / f"{name}.flac") as flac:
            for block in decode(file, SAMPLE_RATE_HZ):
                flac.write(block)
    except ValueError as error:
        raise StageError(f"expected {sort.of} in {file}, found no sound that can be read: {one_line(error)}") from None
    if not flac.samples:
        raise StageError(f"expected {sort.of} in {file}, found no samples in it: leave it out")
    seconds = flac.samples / SAMPLE_RATE_HZ
    return Recording(name, "local", "", one_line(file.name), "", "", licence, seconds, flac.samples, digest, "", "")


def recordings(sort: Sort, store: Store, model: Model) -> list[Recording]:
    """The rows of such an artifact in a store."""
    return read_object(store, f"{place(model.name, model.version, sort.folder)}/rows.parquet", Recording)


def newest(sort: Sort, store: Store) -> list[Model]:
    """The newest version of each in a store, by name."""
    stored = ModelStore(store, sort.folder)
    return [stored.model(name) for name in stored.names()]
