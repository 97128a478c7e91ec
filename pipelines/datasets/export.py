"""Writes recordings and tables as files for people. exports/ writes clips.

A recording may last hours: ffmpeg converts it as a stream.
"""

import csv
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from components.shared.audio import ffmpeg, ffmpeg_input
from components.shared.task import one_line

LOSSY_BITRATE = "192k"
AUDIO_SUFFIXES = (".flac", ".wav", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".wma")


def convert(flac: Path, target: Path) -> None:
    """Converts a FLAC file of any length to the format of the target's suffix, one of AUDIO_SUFFIXES."""
    if target.suffix.casefold() == ".flac":
        shutil.copyfile(flac, target)
    else:
        subprocess.run([ffmpeg(), *ffmpeg_input(flac), "-b:a", LOSSY_BITRATE, f"file:{target}"], check=True)


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
