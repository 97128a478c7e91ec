"""Recorded mixtures with their stems, in MusDB's folders or in Spleeter's table."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.task import StageError
from components.train_separator.configuration import SPEECH_NAMES, stem_of
from components.train_separator.sounds import ACCOMPANIMENT, CHANNELS, MIX, SPEECH, SUFFIXES, Window, check, measured, read

TOLERANCE_SECONDS = 0.1
"""Largest difference between the lengths of a mixture and its stems."""
MIXTURE = "mixture"
"""Name of a mixture's file in MusDB, without suffix."""


@dataclass(frozen=True)
class Song:
    """One mixture and its stems. The files of a stem are added up."""

    name: str
    """Path of the mixture, relative to the folder of all songs."""
    frames: int
    stems: Mapping[str, tuple[Path, ...]]
    """Files by the name of the stem; MIX is the mixture."""

    def window(self, start: int, frames: int) -> Window:
        """Returns `frames` frames of the mixture and of its stems from `start`, with silence after the end."""
        found = {name: np.zeros((frames, CHANNELS), np.float32) for name in self.stems}
        for name, paths in self.stems.items():
            for path in paths:
                part = read(path, start, frames)
                found[name][: len(part)] += part
        return found


@dataclass(frozen=True)
class Songs:
    """Windows from random places of songs. A song is chosen in proportion to its length."""

    seed: int
    frames: int
    songs: Sequence[Song]

    def window(self, index: int) -> Window:
        """The window of an index."""
        rng = np.random.default_rng((self.seed, index))
        lengths = np.array([song.frames for song in self.songs], float)
        song = self.songs[int(rng.choice(len(self.songs), p=lengths / lengths.sum()))]
        return song.window(int(rng.integers(max(1, song.frames - self.frames + 1))), self.frames)


def musdb(folder: Path, names: Sequence[str]) -> list[Song]:
    """Reads the songs in MusDB's folder train or test: one folder per song, with a file for the mixture and one for each stem.

    `names` are the stems of the model. The accompaniment is the sum of all files not named there, unless it has its own file. Raises
    StageError if a song lacks a file, or if one of its files cannot be used.
    """
    parts: list[dict[str, tuple[Path, ...]]] = []
    faults = []
    for song in sorted(p for p in folder.iterdir() if p.is_dir()):
        found = {p.stem: p for p in sorted(song.iterdir()) if p.suffix.casefold() in SUFFIXES and not p.name.startswith(".")}
        stems: dict[str, tuple[Path, ...]] = {stem_of(name): (path,) for name, path in found.items() if name != MIXTURE}
        if ACCOMPANIMENT in names and ACCOMPANIMENT not in stems:
            stems[ACCOMPANIMENT] = tuple(path for name, path in found.items() if name != MIXTURE and stem_of(name) not in names)
        missing = [name for name in names if not stems.get(name)] + [MIXTURE] * (MIXTURE not in found)
        if missing:
            shown = ["/".join(SPEECH_NAMES) if name == SPEECH else name for name in missing]
            faults.append(f"{song.name}: no {', '.join(shown)}")
        else:
            parts.append({MIX: (found[MIXTURE],)} | {name: stems[name] for name in names})
    check(faults, f"a file of the mixture and of every stem in the folders of songs in {folder}")
    return _whole(parts, folder)


def table(path: Path, names: Mapping[str, str], mix_name: str) -> list[Song]:
    """Reads the songs in Spleeter's CSV: the columns mix_path and <instrument>_path; duration is ignored.

    Its paths are relative to its folder. `names` has the name in a window of each of the model's instruments. Raises StageError
    if a column or a file is missing, or if a file cannot be used.
    """
    columns = {f"{mix_name}_path": MIX} | {f"{instrument}_path": name for instrument, name in names.items()}
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = [column for column in columns if column not in (reader.fieldnames or [])]
        if missing:
            raise StageError(f"expected the columns {', '.join(columns)} in {path}, found no {', '.join(missing)}: add them")
        rows = [{name: row[column] or "" for column, name in columns.items()} for row in reader]
    faults = [f"line {number}: {place!r}" for number, row in enumerate(rows, 2) for place in row.values() if not _is_below(place)]
    check(faults, f"paths below the folder of {path}")
    return _whole([{name: (path.parent / place,) for name, place in row.items()} for row in rows], path.parent)


def _is_below(place: str) -> bool:
    return bool(place) and not PurePosixPath(place).is_absolute() and ".." not in PurePosixPath(place).parts


def _whole(parts: Sequence[dict[str, tuple[Path, ...]]], folder: Path) -> list[Song]:
    """Makes songs of files. Raises StageError if one is missing, unreadable or not as long as its mixture."""
    paths = [path for song in parts for files in song.values() for path in files]
    check([f"{path.relative_to(folder)}: no such file" for path in paths if not path.is_file()], f"the audio files of songs in {folder}")
    frames = {file.place: file.frames for file in measured(paths, folder)}
    songs, faults = [], []
    for song in parts:
        length = frames.get(song[MIX][0], 0)
        for path in (path for files in song.values() for path in files):
            if abs(frames.get(path, 0) - length) > TOLERANCE_SECONDS * SAMPLE_RATE_HZ:
                found = f"{frames.get(path, 0) / SAMPLE_RATE_HZ:.2f} s for {length / SAMPLE_RATE_HZ:.2f} s"
                faults.append(f"{path.relative_to(folder)}: {found}")
        songs.append(Song(str(song[MIX][0].relative_to(folder)), length, song))
    check(faults, f"stems as long as their mixture in {folder}")
    return [song for song in songs if song.frames]
