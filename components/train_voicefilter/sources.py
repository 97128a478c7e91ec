"""Opens training data: utterances with the names of their speakers, split so that validation hears speakers that training does not."""

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.task import StageError
from components.train_voicefilter.sounds import File, Stored, audio_files, check, measured
from store.datasets import DatasetStore, audio_key
from store.objects import open_store

PIECE_SECONDS = 3.0
"""Length of a mixture. Longer utterances are cut into pieces."""
LEAST_SECONDS = 1.0
"""Shortest piece."""
HELD_OUT_SHARE, LEAST_HELD_OUT = 0.1, 2
"""Share and least number of the speakers that only validation hears."""


@dataclass(frozen=True)
class Piece:
    """A part of an utterance."""

    file: File
    start: float
    seconds: float


Speakers = Mapping[str, Sequence[Piece]]
"""The pieces of each speaker, two at least: one to mix, the others to know the voice by."""


@dataclass(frozen=True)
class Data:
    """Training and validation data, which share no speaker."""

    training: Speakers
    validation: Speakers
    noises: Sequence[File]
    music: Sequence[File]
    facts: Mapping[str, Any]
    """Amount of the data for the lineage, with a hash of the speakers and the files' names and lengths."""


def open_data(folder: Path, dataset: str = "", version: int = 0, store: str = "") -> Data:
    """Opens the training data in a folder, with the clips of a dataset version if one is named.

    The folder holds `speech/<speaker>/…`, or `speech.csv` with the columns `path` and `speaker`; and perhaps `noise/` and `music/`.
    With a dataset, the speech may be missing.

    Raises:
        StageError: There is no speech, or speech in both forms; a file cannot be used; or there are fewer than four speakers with two
            pieces of a second.
    """
    forms = [name for name in ("speech", "speech.csv") if (folder / name).exists()]
    if len(forms) > 1 or not (forms or dataset):
        raise StageError(
            f"expected speech/ with a folder per speaker, or speech.csv with the columns path and speaker, in {folder}, "
            f"found {' and '.join(forms) or 'neither'}: use one of these layouts, or name a dataset"
        )
    utterances: list[tuple[str, str, File]] = []
    if "speech" in forms:
        utterances += _folders(folder / "speech")
    elif forms:
        utterances += _table(folder / "speech.csv")
    origin: dict[str, Any] = {}
    if dataset:
        clips, origin = _clips(dataset, version, store)
        utterances += clips
    speakers: dict[str, list[Piece]] = {}
    for speaker, _, file in utterances:
        speakers.setdefault(speaker, []).extend(pieces(file))
    usable = {speaker: found for speaker, found in sorted(speakers.items()) if len(found) >= 2}
    held_out = held_out_speakers(usable)
    if len(usable) - len(held_out) < LEAST_HELD_OUT:
        raise StageError(
            f"expected at least {2 * LEAST_HELD_OUT} speakers with {LEAST_SECONDS:g} s of speech twice, {LEAST_HELD_OUT} of them for "
            f"validation, found {len(usable)} in {folder}{f' and the dataset {dataset}' if dataset else ''}: add some"
        )
    others = {name: measured(audio_files(folder / name), folder) for name in ("noise", "music")}
    lengths = [(f"{speaker}\0{name}", file.frames) for speaker, name, file in utterances]
    lengths += [(str(file.place), file.frames) for found in others.values() for file in found]
    digest = hashlib.sha256("".join(f"{name}\0{frames}\n" for name, frames in sorted(lengths)).encode()).hexdigest()
    facts = {
        "speakers": len(usable),
        "held_out_speakers": len(held_out),
        "speech_seconds": round(sum(piece.seconds for found in usable.values() for piece in found), 1),
        "files_sha256": digest,
    }
    training = {speaker: found for speaker, found in usable.items() if speaker not in held_out}
    validation = {speaker: usable[speaker] for speaker in held_out}
    return Data(training, validation, others["noise"], others["music"], origin | facts)


def pieces(file: File) -> list[Piece]:
    """Cuts a file into pieces of PIECE_SECONDS; the last one may be shorter, down to LEAST_SECONDS."""
    starts = [PIECE_SECONDS * i for i in range(int(file.seconds / PIECE_SECONDS) + 1)]
    found = [Piece(file, start, min(PIECE_SECONDS, file.seconds - start)) for start in starts]
    return [piece for piece in found if piece.seconds >= LEAST_SECONDS]


def held_out_speakers(speakers: Sequence[str] | Mapping[str, Any]) -> list[str]:
    """Returns the speakers for validation: those whose names have the lowest hashes. New speakers change few of them."""
    count = min(max(LEAST_HELD_OUT, round(HELD_OUT_SHARE * len(speakers))), len(speakers))
    return sorted(speakers, key=lambda speaker: hashlib.sha256(speaker.encode()).digest())[:count]


def _folders(folder: Path) -> list[tuple[str, str, File]]:
    """The utterances in folders named after their speakers."""
    found = measured(audio_files(folder), folder)
    names = [(file.place.relative_to(folder), file) for file in found if isinstance(file.place, Path)]
    check([f"{name}: not in the folder of a speaker" for name, _ in names if len(name.parts) < 2], f"{folder}/SPEAKER/FILE")
    return [(name.parts[0], name.as_posix(), file) for name, file in names]


def _table(path: Path) -> list[tuple[str, str, File]]:
    """The utterances in a table. Its paths are relative to its folder."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = [column for column in ("path", "speaker") if column not in (reader.fieldnames or [])]
        if missing:
            raise StageError(f"expected the columns path and speaker in {path}, found no {' and no '.join(missing)}: add them")
        rows = [(row["path"] or "", row["speaker"] or "") for row in reader]
    faults = [f"line {n}: {place!r} of {speaker!r}" for n, (place, speaker) in enumerate(rows, 2) if not (speaker and _is_below(place))]
    check(faults, f"a speaker, and a path below its folder, in every line of {path}")
    check([f"{place}: no such file" for place, _ in rows if not (path.parent / place).is_file()], f"the files that {path} names")
    files = measured([path.parent / place for place, _ in rows], path.parent)
    return [(speaker, place, file) for (place, speaker), file in zip(rows, files, strict=True)]


def _is_below(place: str) -> bool:
    return bool(place) and not PurePosixPath(place).is_absolute() and ".." not in PurePosixPath(place).parts


def _clips(name: str, number: int, uri: str) -> tuple[list[tuple[str, str, File]], dict[str, Any]]:
    """The kept clips of a dataset version that have a speaker."""
    dataset = DatasetStore(open_store(uri), name)
    version = dataset.version(number or None)
    found = []
    for clips in dataset.tables(version, ("speaker", "samples", "audio_sha256", "kept")):
        kept = clips.filter(clips["kept"]).to_pydict()
        for speaker, samples, sha256 in zip(kept["speaker"], kept["samples"], kept["audio_sha256"], strict=True):
            if speaker:
                key = audio_key(name, sha256)
                found.append((f"{name}/{speaker}", key, File(Stored(uri, key), SAMPLE_RATE_HZ, samples)))
    return found, {"dataset": name, "version": version.number}
