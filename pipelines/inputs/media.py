"""Makes references and effect kits, which are artifacts of recordings, from media files, and reads them from a store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from components.download.convert import probe, to_flac
from components.download.policy import ItemError
from components.shared.files import sha256
from components.shared.model import Model, describe
from components.shared.rows import SAMPLE_RATE_HZ, Recording
from components.shared.table import write_rows
from components.shared.task import StageError, one_line
from store.interface import Store
from store.models import EFFECTS, REFERENCES, ModelStore, place
from store.objects import check_name
from store.parquet import read_object

NONE = "none"
"""Name of the bundled reference and kit, which hold no recordings."""


@dataclass(frozen=True)
class MediaKind:
    """A use of an artifact of recordings."""

    model_kind: str
    """Kind of its `model.json`."""
    folder: str
    """Its folder in a store."""
    label: str
    """Its name in messages."""
    content: str
    """Expected content of each file, for messages."""


VOICE_REFERENCE = MediaKind("reference", REFERENCES, "reference", "a voice")
EFFECT_KIT = MediaKind("effects", EFFECTS, "effects", "a sound effect")


def make(kind: MediaKind, folder: Path, name: str, files: Sequence[Path], licence: str) -> Model:
    """Makes an artifact in an empty folder from media files: one recording per file, mono at SAMPLE_RATE_HZ, untrimmed.

    Raises:
        StageError: The name is not valid, a file has no readable sound, or two files are identical.
    """
    if check_name(name, kind.model_kind) == NONE:
        raise StageError(f"expected a name for the {kind.label}, found {NONE!r}, which stands for no {kind.label}: choose another name")
    rows = [_recording(kind, folder, file, licence) for file in files]
    for number, row in enumerate(rows):
        if row.recording in [r.recording for r in rows[:number]]:
            raise StageError(f"expected different files, found {files[number]} twice, or a copy of it: leave it out")
    write_rows(folder, Recording, rows)
    titles = ", ".join(r.title for r in rows)
    return describe(folder, name, kind.model_kind, licence, titles, datetime.now(UTC).isoformat(timespec="seconds"))


def _recording(kind: MediaKind, folder: Path, file: Path, licence: str) -> Recording:
    """Converts a file as `download` does, to mono. The id of the recording is a hash of the file."""
    digest = sha256(file)
    name, target = digest[:16], folder / "audio" / f"{digest[:16]}.flac"
    target.parent.mkdir(exist_ok=True)
    try:
        made = to_flac(file, target, probe(file), most_channels=1)
    except ItemError as error:
        raise StageError(f"expected {kind.content} in {file}, found none: {error}") from None
    seconds = made.samples / SAMPLE_RATE_HZ
    return Recording(name, "local", "", one_line(file.name), "", "", licence, seconds, made.samples, digest, "", "", made.notes, "")


def recordings(kind: MediaKind, store: Store, model: Model) -> list[Recording]:
    """Returns the rows of an artifact in a store."""
    return read_object(store, f"{place(model.name, model.version, kind.folder)}/rows.parquet", Recording)


def newest(kind: MediaKind, store: Store) -> list[Model]:
    """Returns the newest version of each artifact of this kind in a store, sorted by name."""
    stored = ModelStore(store, kind.folder)
    return [stored.model(name) for name in stored.names()]
