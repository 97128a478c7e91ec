"""Converts media files to FLAC at SAMPLE_RATE_HZ. ffmpeg streams, so a recording of any length takes the same memory."""

import errno
import os
import re
import subprocess
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import soundfile

from components.download.policy import ItemError, Policy
from components.shared.audio import ffmpeg, ffmpeg_input
from components.shared.files import atomic_write
from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.task import one_line

# without -frame_size this ffmpeg encodes frames of 47 samples: twice the size, a tenth of the speed
_FLAC = ["-c:a", "flac", "-sample_fmt", "s16", "-frame_size", "4096", "-f", "flac"]
_REPRODUCIBLE = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact"]
_MOST_SAMPLES = 2**36  # limit of FLAC; libsndfile returns more for an empty file
_DURATION = re.compile(r"^  Duration: (\d+):(\d\d):(\d\d\.\d+)", re.MULTILINE)
_AUDIO_STREAM = re.compile(r"^ {2,4}Stream #0:(\d+)\S*: Audio: (.*)$", re.MULTILINE)
_MONO = re.compile(r" Hz, (mono|1 channels)\b")


@dataclass(frozen=True)
class Media:
    """The first audio stream of a file, as its headers state it."""

    channels: int
    """1 or 2; further channels are mixed down to 2."""
    seconds: float
    """Length as the container states it; 0 if it states none, since ffmpeg would only guess."""


def probe(path: Path) -> Media:
    """Reads the headers of a media file.

    Raises:
        ItemError: The file is empty, is not audio, or has no audio stream.
    """
    if path.stat().st_size == 0:
        raise ItemError("empty file")
    # without an output file, ffmpeg describes the input and fails
    said = subprocess.run([ffmpeg(), *ffmpeg_input(path), "-hide_banner", "-v", "info"], stderr=subprocess.PIPE, check=False).stderr
    text = said.decode(errors="replace")
    if "\nInput #0, " not in f"\n{text}":
        raise ItemError(f"not audio: {_last_line(text.splitlines(), path)}")
    streams = sorted((int(number), description) for number, description in _AUDIO_STREAM.findall(text))
    if not streams:
        raise ItemError("no audio stream")
    stated = _DURATION.search(text)
    seconds = 0.0
    if stated and "Estimating duration from bitrate" not in text:
        seconds = int(stated[1]) * 3600 + int(stated[2]) * 60 + float(stated[3])
    return Media(1 if _MONO.search(streams[0][1]) else 2, seconds)


def to_flac(source: Path, target: Path, channels: int, policy: Policy) -> int:
    """Converts the first audio stream to 16-bit FLAC, atomically; returns the number of frames.

    It skips parts of the stream that cannot be decoded. It stops a second after the policy's `max_seconds`, since a small file
    can decode to days of sound.

    Raises:
        ItemError: ffmpeg fails, or the stream holds no samples, or too many.
        OSError: The disk is full.
    """
    output = ["-map", "0:a:0", "-ac", str(channels), "-ar", str(SAMPLE_RATE_HZ)]
    output += ["-t", f"{policy.max_seconds + 1:f}"] if policy.max_seconds else []
    with atomic_write(target) as part:
        command = [ffmpeg(), *ffmpeg_input(source), *output, *_FLAC, *_REPRODUCIBLE, "-y", f"file:{part}"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as process:
            assert process.stderr
            try:
                said = deque(process.stderr, maxlen=20)
            except BaseException:
                process.kill()
                raise
        if process.returncode != 0:
            for number in (errno.ENOSPC, errno.EDQUOT):
                if any(os.strerror(number) in line for line in said):
                    raise OSError(number, os.strerror(number), str(target.parent))
            raise ItemError(f"not audio: {_last_line(said, source)}")
        samples: int = soundfile.info(part).frames
        if not 0 < samples < _MOST_SAMPLES:
            raise ItemError("no sound: its audio stream holds no samples")
        policy.check_length(samples / SAMPLE_RATE_HZ)
    return samples


def _last_line(said: Iterable[str], source: Path) -> str:
    """The last line of ffmpeg's log, without memory addresses and the file's name, which differ between runs."""
    lines = [line for line in said if line.strip()]
    last = re.sub(r"\[[^\[\]]* @ 0x[0-9a-f]+\] *", "", lines[-1] if lines else "ffmpeg gives no reason")
    return one_line(last.replace(f"file:{source}", "the file").removeprefix("Error opening input files: "))
