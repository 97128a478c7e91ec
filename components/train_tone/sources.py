"""Finds the clips to train on: labeled ones in a folder and in a dataset, and those of a dataset without a label."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from components.shared.task import StageError
from components.train_tone.names import Label, label_of
from store.datasets import DatasetStore, audio_key
from store.objects import open_store
from store.reviews import ReviewStore, truths_of
from store.truth import Known

TABLE = "tones.csv"
SUFFIXES = (".flac", ".wav", ".ogg", ".opus", ".mp3", ".aif", ".aiff")
_NEEDED, _OPTIONAL = ("path", "tone", "speaker"), ("language", "gender")
_GENDERS = {"": "", "f": "female", "female": "female", "m": "male", "male": "male"}


@dataclass(frozen=True)
class Sound:
    """A recording or a clip that may be trained on."""

    name: str
    """Path in the folder, or dataset and clip."""
    file: Callable[[], Path | BytesIO]
    """Opens it; called once."""
    label: Label | str
    """Its label, or the reason why it has none."""


def folder_sounds(folder: Path) -> list[Sound]:
    """The recordings of a folder, sorted by name: those in its tones.csv, otherwise all audio files, labeled by their names.

    Raises StageError if tones.csv lacks a column.
    """
    if (folder / TABLE).is_file():
        return sorted(_listed(folder), key=lambda s: s.name)
    paths = sorted(p for p in folder.rglob("*") if p.suffix.casefold() in SUFFIXES and p.is_file())
    return [Sound(p.relative_to(folder).as_posix(), lambda p=p: p, label_of(p)) for p in paths]  # type: ignore[misc]


def _listed(folder: Path) -> Iterator[Sound]:
    with (folder / TABLE).open(newline="", encoding="utf-8-sig") as file:
        table = csv.DictReader(file)
        missing = [name for name in _NEEDED if name not in (table.fieldnames or ())]
        if missing:
            raise StageError(
                f"expected the columns {', '.join(_NEEDED)} and optionally {', '.join(_OPTIONAL)} in {folder / TABLE}, "
                f"found no {', '.join(missing)}: add them to its first line"
            )
        for row in table:
            given = {name: (row.get(name) or "").strip() for name in (*_NEEDED, *_OPTIONAL)}
            yield Sound(given["path"], lambda path=folder / given["path"]: path, _label(given))  # type: ignore[misc]


def _label(row: dict[str, str]) -> Label | str:
    missing = [name for name in _NEEDED if not row[name]]
    if missing:
        return f"{TABLE} has no {' and no '.join(missing)} for it"
    gender = _GENDERS.get(row["gender"].casefold())
    if gender is None:
        return f"{TABLE} has the gender {row['gender']!r} for it: write female, male or nothing"
    return Label(row["tone"], row["speaker"], row["language"], gender)


def dataset_sounds(uri: str, name: str, number: int) -> tuple[list[Sound], int]:
    """The kept clips of a dataset version with a speaker, sorted by clip, and the number of the version.

    The tone of a clip is that of the dataset's ground truth or of a review, and empty without one. `number` 0 is the newest version.
    Speakers are named `<dataset>/<speaker>`.
    """
    store = open_store(uri)
    dataset = DatasetStore(store, name)
    version = dataset.version(number or None)
    known = Known(truths_of(store, name, ReviewStore(store, name).answers(), dataset.recordings(version)))
    columns = ("clip", "source", "start", "end", "audio_sha256", "speaker", "gender", "language", "kept")
    found = []
    for table in dataset.tables(version, columns):
        for row in table.to_pylist():
            if row["kept"] and row["speaker"]:
                key = audio_key(name, row["audio_sha256"])
                tone = known.tone(row["source"], row["start"], row["end"])
                label = Label(tone, f"{name}/{row['speaker']}", row["language"], row["gender"])
                found.append(Sound(f"{name}/{row['clip']}", lambda key=key: BytesIO(store.read(key)), label))  # type: ignore[misc]
    return sorted(found, key=lambda s: s.name), version.number
