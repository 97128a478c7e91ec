"""Writes clips, recordings and tables as files for people and other tools.

A clip is short: pydub encodes it from memory, with the temporary files that ffmpeg needs to seek in MP4 and ASF. A recording may
last hours: ffmpeg converts it as a stream, because pydub would hold all of its samples in memory.
"""

import csv
import dataclasses
import json
import shutil
import subprocess
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from components.shared.audio import ffmpeg, ffmpeg_input
from components.shared.files import atomic_write
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow
from components.shared.table import from_table
from components.shared.task import StageError, one_line
from store.datasets import DatasetStore, Version, audio_key, speaker_names
from store.interface import Store

# For each codec: the container as ffmpeg names it, and the encoder; None is the container's default.
CODECS = {
    "flac": ("flac", None),
    "wav": ("wav", None),
    "mp3": ("mp3", "libmp3lame"),
    "ogg": ("ogg", "libvorbis"),
    "m4a": ("ipod", "aac"),
    "wma": ("asf", "wmav2"),
}
LOSSY_BITRATE = "192k"
_ROWS = 1024
INCOMPLETE = ".incomplete"
"""Folder inside the target of an export, until the export is complete."""
MANIFEST = "manifest.jsonl"
_NOT_PLAIN = ("vector", "word_times", "events_top_probabilities", "kept", "reason")
"""Columns that a line of a manifest lacks, or has in another form."""
AUDIO_SUFFIXES = (".flac", ".wav", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".wma")
Describe = Callable[[Path], None]
"""Writes descriptions of an export into its folder, which has all other files."""


class ExportError(StageError):
    """An export cannot be written."""


def encode(pcm: NDArray[np.int16], codec: str) -> bytes:
    """Encodes 16-bit samples shaped (frames, channels) at SAMPLE_RATE_HZ as a file in memory, with one of CODECS."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on import, pydub warns if the system has no ffmpeg
        import pydub
    container, encoder = CODECS[codec]
    segment = pydub.AudioSegment(pcm.tobytes(), sample_width=2, frame_rate=SAMPLE_RATE_HZ, channels=pcm.shape[1])
    pydub.AudioSegment.converter = ffmpeg()
    file = BytesIO()
    segment.export(file, format=container, codec=encoder, bitrate=LOSSY_BITRATE if encoder else None)
    return file.getvalue()


def convert(flac: Path, target: Path) -> None:
    """Converts a FLAC file of any length to the format of the target's suffix, one of AUDIO_SUFFIXES."""
    if target.suffix.casefold() == ".flac":
        shutil.copyfile(flac, target)
    else:
        subprocess.run([ffmpeg(), *ffmpeg_input(flac), "-b:a", LOSSY_BITRATE, f"file:{target}"], check=True)


def empty_folder(folder: Path) -> Path:
    """Returns the folder, made if it does not exist; raises ExportError if it is not empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportError(f"expected an empty or a new folder to write to, found files in {folder}: name another one")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def whole(folder: Path, what: str, describe: Describe | None = None) -> Iterator[Path]:
    """Yields a folder for files that move to `folder` together, the manifest last, when the `with` block ends without an error.

    `describe` is called with the folder before they move. After an interruption, the files of the same export (`what`) are kept, and
    those of another one deleted.

    Raises:
        ExportError: The folder holds other files.
    """
    part = folder / INCOMPLETE
    note = part / ".export"
    if not note.exists() or note.read_text(encoding="utf-8") != what:
        if note.exists():
            shutil.rmtree(part)
        with suppress(OSError):  # it does not exist, or it is another's
            part.rmdir()
        empty_folder(folder)
        part.mkdir()
        note.write_text(what, encoding="utf-8")
    yield part
    if describe:
        describe(part)
    for path in sorted((p for p in part.rglob("*") if p.is_file() and p != note), key=lambda p: p.name == MANIFEST):
        target = folder / path.relative_to(part)
        target.parent.mkdir(exist_ok=True)
        path.replace(target)
    shutil.rmtree(part)


def export(
    store: Store,
    dataset: DatasetStore,
    version: Version,
    folder: Path,
    *,
    numbered: bool,
    codec: str,
    done: Callable[[float], None],
    describe: Describe | None = None,
) -> tuple[int, int]:
    """Writes the kept clips of a version and manifest.jsonl: one line per clip, those of a recording together and ordered by start.

    Until all are written, they are in the folder INCOMPLETE. An export that was interrupted is continued.

    Args:
        store: The store that holds the audio.
        dataset: The dataset.
        version: The version to export.
        folder: A new or an empty folder, or that of an export that was interrupted.
        numbered: Whether the files are named 1, 2, …; otherwise audio/<clip>.
        codec: One of CODECS.
        done: Called with the seconds of each clip after it is written.
        describe: Called with the folder that has all files, to add descriptions.

    Returns:
        The number of clips, and of those that an interrupted export had written.
    """
    found = number = 0
    names = speaker_names(version.lineage)
    what = f"{dataset.name} {version.number} {version.timestamp_ms} of {store.uri} as {codec}, {'numbered' if numbered else 'named'}"
    with whole(folder, what, describe) as part, (part / MANIFEST).open("w", encoding="utf-8") as manifest:
        for number, row in enumerate(kept_rows(dataset, version), 1):
            name = f"{number}.{codec}" if numbered else f"audio/{row.clip}.{codec}"
            if (part / name).exists() or (folder / name).exists():
                found += 1
            else:
                flac = store.read(audio_key(dataset.name, row.audio_sha256))
                (part / name).parent.mkdir(exist_ok=True)
                with atomic_write(part / name) as path:
                    path.write_bytes(flac if codec == "flac" else encode(_samples(flac), codec))
            manifest.write(
                json.dumps(_line(row, name, names.get(row.speaker, ""), dataset.name, version.number), ensure_ascii=False) + "\n"
            )
            done(row.end - row.start)
    return number, found


def kept_rows(dataset: DatasetStore, version: Version) -> Iterator[DatasetRow]:
    """The kept clips of a version, those of a recording together and ordered by start. The same version gives the same order.

    One block is in memory at a time.
    """
    for table in dataset.tables(version):
        kept = table.filter(table["kept"])
        for start in range(0, kept.num_rows, _ROWS):
            yield from from_table(DatasetRow, kept.slice(start, _ROWS))


def _samples(flac: bytes) -> NDArray[np.int16]:
    """Decodes a FLAC file in memory to 16-bit samples shaped (frames, channels)."""
    return soundfile.read(BytesIO(flac), dtype="int16", always_2d=True)[0]


def _line(row: DatasetRow, audio: str, speaker_name: str, dataset: str, version: int) -> dict[str, object]:
    """Returns a clip's columns except its vector, as texts, numbers and lists, and the name of its speaker, if it has one."""
    known = {f.name: getattr(row, f.name) for f in dataclasses.fields(row) if f.name not in _NOT_PLAIN}
    times = np.frombuffer(row.word_times, "<f4").reshape(-1, 2)
    return {
        "audio": audio,
        **known,
        "word_times": [[round(float(t), 3) for t in span] for span in times],
        "events_top_probabilities": [round(float(p), 3) for p in np.frombuffer(row.events_top_probabilities, "<f4")],
        "speaker_name": speaker_name,
        "dataset": dataset,
        "version": version,
    }


def write_csv(path: Path, columns: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
    """Writes a table with a header; times are in seconds, missing values are empty."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(lines)


def write_textgrid(path: Path, spans: Iterable[tuple[float, float, str]], seconds: float, tier: str) -> None:
    """Writes a Praat TextGrid with one interval tier in the short text format; gaps between spans get empty labels."""
    intervals: list[tuple[float, float, str]] = []
    at = 0.0
    for start, end, label in [*spans, (seconds, seconds, "")]:
        if start > at:
            intervals.append((at, start, ""))
        if end > start:
            intervals.append((start, end, label))
        at = end
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "0", str(seconds), "<exists>", "1", '"IntervalTier"']
    lines += [f'"{tier}"', "0", str(seconds), str(len(intervals))]
    lines += [line for start, end, label in intervals for line in (str(start), str(end), f'"{_quoted(label)}"')]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _quoted(label: str) -> str:
    """Escapes a label for Praat's quotes, on one line."""
    return one_line(label).replace('"', '""')
