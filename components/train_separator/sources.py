"""Opens training data: the contents of a folder, split into training and validation windows."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.task import StageError
from components.shared.training import Batch
from components.train_separator.configuration import Config, instruments
from components.train_separator.mixing import Mixtures
from components.train_separator.songs import Song, Songs, musdb, table
from components.train_separator.sounds import ACCOMPANIMENT, SPEECH, File, Sounds, Stored, Window, sounds
from components.train_separator.training import example, window_frames
from store.datasets import DatasetStore, audio_key
from store.objects import open_store

HELD_OUT = 10
"""Without validation data, every n-th song, recording or file is held out."""
T = TypeVar("T")


class WindowSource(Protocol):
    """Makes training windows; the same index always gives the same window."""

    def window(self, index: int) -> Window:
        """The window of an index."""


@dataclass(frozen=True)
class Examples:
    """Makes examples of the windows of a source; the processes that make them get it."""

    source: WindowSource
    config: Config

    def __call__(self, index: int) -> Batch:
        return example(self.source.window(index), self.config)


@dataclass(frozen=True)
class Data:
    """Training and validation data, which share no file."""

    training: WindowSource
    validation: WindowSource
    facts: Mapping[str, Any]
    """Kind and amount of the data for the lineage, with a hash of the files' names and lengths."""


def open_data(folder: Path, config: Config, seed: int, dataset: str = "", version: int = 0, store: str = "") -> Data:
    """Opens the training data in a folder. Raises StageError if it has none of the three layouts, or if a file cannot be used.

    The folder has `train/` and optionally `test/` as MusDB does, `train.csv` and optionally `validation.csv` as Spleeter does, or
    `music/`, `speech/` and optionally `noise/` to mix on the fly. For mixing, the clips of a dataset, of its newest version if
    `version` is 0, are speech in addition to `speech/`.
    """
    found = [name for name in ("train", "train.csv", "music") if (folder / name).exists()]
    if len(found) != 1:
        raise StageError(
            f"expected one of train/ with a folder per song, train.csv, or music/ with speech/ in {folder}, "
            f"found {' and '.join(found) or 'none of them'}: use one of these layouts"
        )
    if found == ["music"]:
        return _mixtures(folder, config, seed, dataset, version, store)
    if dataset:
        raise StageError(
            f"expected music/ in {folder}, to mix with the clips of the dataset {dataset}, found {found[0]}: name another folder"
        )
    return _songs(folder, found[0], config, seed)


def _songs(folder: Path, kind: str, config: Config, seed: int) -> Data:
    names, frames = instruments(config), window_frames(config)

    def read(place: str) -> list[Song]:
        if not (folder / place).exists():
            return []
        return musdb(folder / place, [*names.values()]) if kind == "train" else table(folder / place, names, config["mix_name"])

    training, validation = read(kind), read({"train": "test", "train.csv": "validation.csv"}[kind])
    if not validation:
        training, validation = _split([[song] for song in training], f"songs in {folder / kind}")
    lengths = [(song.name, song.frames) for song in (*training, *validation)]
    return Data(Songs(seed, frames, training), Songs(seed, frames, validation), {"songs": len(lengths)} | _facts(lengths))


def _mixtures(folder: Path, config: Config, seed: int, dataset: str, version: int, store: str) -> Data:
    if set(instruments(config).values()) != {SPEECH, ACCOMPANIMENT}:
        raise StageError(
            f"expected a configuration with only vocals and accompaniment to mix speech with music, found "
            f"{', '.join(config['instrument_list'])}: choose another configuration, or songs with these stems"
        )
    clips, origin = _clips(dataset, version, store) if dataset else ([], {})
    groups = {
        "speech": [*clips, *([file] for file in sounds(folder / "speech").files)],
        "music": [[file] for file in sounds(folder / "music").files],
        "noise": [[file] for file in sounds(folder / "noise").files],
    }
    split = {name: _split(found, f"files in {folder / name}") for name, found in groups.items() if found or name != "noise"}

    def mixtures(part: int) -> Mixtures:
        chosen = {name: Sounds(parts[part]) for name, parts in split.items()}
        return Mixtures(seed, window_frames(config), chosen["speech"], chosen["music"], chosen.get("noise"))

    files = [file for found in groups.values() for group in found for file in group]
    lengths = [(file.place.key if isinstance(file.place, Stored) else str(file.place.relative_to(folder)), file.frames) for file in files]
    seconds = {f"{name}_seconds": sum(file.frames for group in found for file in group) / SAMPLE_RATE_HZ for name, found in groups.items()}
    return Data(mixtures(0), mixtures(1), origin | seconds | _facts(lengths))


def _clips(name: str, number: int, uri: str) -> tuple[list[list[File]], dict[str, Any]]:
    """The kept clips of a dataset version, grouped by recording, so that training and validation share no recording."""
    dataset = DatasetStore(open_store(uri), name)
    version = dataset.version(number or None)
    recordings: dict[str, list[File]] = {}
    for clips in dataset.tables(version, ("recording", "samples", "audio_sha256", "kept")):
        kept = clips.filter(clips["kept"]).to_pydict()
        for recording, samples, sha256 in zip(kept["recording"], kept["samples"], kept["audio_sha256"], strict=True):
            recordings.setdefault(recording, []).append(File(Stored(uri, audio_key(name, sha256)), samples))
    return [recordings[key] for key in sorted(recordings)], {"dataset": name, "version": version.number}


def _split(groups: Sequence[Sequence[T]], what: str) -> tuple[list[T], list[T]]:
    """Splits groups into training and held-out data; a group stays together."""
    if len(groups) < 2:
        raise StageError(f"expected at least two {what}, one of them for validation, found {len(groups)}: add some")
    step = min(HELD_OUT, len(groups))
    held_out = {index for index in range(len(groups)) if index % step == step - 1}
    return [one for i, group in enumerate(groups) if i not in held_out for one in group], [one for i in held_out for one in groups[i]]


def _facts(lengths: Sequence[tuple[str, int]]) -> dict[str, Any]:
    digest = hashlib.sha256("".join(f"{name}\0{frames}\n" for name, frames in lengths).encode())
    return {"files": len(lengths), "seconds": sum(frames for _, frames in lengths) / SAMPLE_RATE_HZ, "files_sha256": digest.hexdigest()}
