"""Lengths of local files: as their headers state them, and as ffmpeg measures them."""

import re
import subprocess
from pathlib import Path

import soundfile

from components.discover.items import MAX_STATED_SECONDS
from components.shared.audio import ffmpeg, ffmpeg_input


def stated_seconds(path: Path) -> float:
    """Returns a file's length by its header; 0 if libsndfile cannot read it: `download` measures it."""
    try:
        seconds = float(soundfile.info(path).duration)
    except (soundfile.LibsndfileError, RuntimeError, OSError):
        return 0.0
    return seconds if 0 < seconds < MAX_STATED_SECONDS else 0.0


def measured_seconds(path: Path) -> float:
    """Returns the length of a file's first audio stream; 0 if ffmpeg cannot read it.

    ffmpeg reads the whole file but decodes nothing, which takes a second for an hour of MP3. The header of an MP3 or Ogg
    file that was put together from several speaks for the first one alone.
    """
    command = [ffmpeg(), *ffmpeg_input(path), "-map", "0:a:0", "-c", "copy", "-progress", "-", "-f", "null", "-"]
    said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace")
    times = re.findall(r"^out_time_us=(\d+)$", said.stdout, re.MULTILINE)
    return int(times[-1]) / 1e6 if said.returncode == 0 and times else 0.0
