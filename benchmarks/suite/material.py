"""The recordings that are measured: audio files, or the bundled sample, repeated up to a length."""

import subprocess
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path

from components.deployment import ROOT
from components.discover.media import audio_files
from components.shared.audio import Samples, decode, ffmpeg, to_pcm16
from components.shared.rows import SAMPLE_RATE_HZ

SAMPLE = ROOT / "components" / "download" / "sample"


def files_of(given: Sequence[Path]) -> list[Path]:
    """Returns the audio files that are given, and those in the folders that are given; without any, the bundled sample's."""
    return [file for path in given or [SAMPLE] for file in (audio_files(path).files if path.is_dir() else [path])]


def described(given: Sequence[Path], files: Sequence[Path], minutes: float) -> str:
    """Returns what the recording is, in words, without the names of folders."""
    what = f"the bundled sample ({len(files)} episodes)" if not given else ", ".join(path.name for path in given)
    return f"{what}, repeated up to {minutes:g} minutes, as one MP3 file in stereo at 128 kbit/s"


def write(files: Sequence[Path], minutes: float, target: Path) -> None:
    """Writes an MP3 file in stereo of this length, which repeats the files one after the other.

    Raises:
        ValueError: The files hold no audio, or one cannot be read.
    """
    left = round(minutes * 60 * SAMPLE_RATE_HZ)
    raw = ["-f", "s16le", "-ar", str(SAMPLE_RATE_HZ), "-ac", "2", "-i", "-"]
    command = [ffmpeg(), "-v", "error", "-y", *raw, "-codec:a", "libmp3lame", "-b:a", "128k", str(target)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
        assert encoder.stdin
        for block in _repeated(files):
            encoder.stdin.write(to_pcm16(block[:left]).tobytes())
            left -= len(block[:left])
            if not left:
                break
        encoder.stdin.close()
    if encoder.returncode:
        raise ValueError(f"expected ffmpeg to write {target.name}, found status {encoder.returncode}")


def _repeated(files: Sequence[Path]) -> Iterator[Samples]:
    """Yields blocks of stereo samples without end."""
    heard = 0
    for number, file in enumerate(cycle(files)):
        for block in decode(file, SAMPLE_RATE_HZ, 2):
            heard += len(block)
            yield block
        if not heard and number + 1 >= len(files):
            raise ValueError(f"expected audio in {', '.join(f.name for f in files)}, found none")


def excerpt(source: Path, start_seconds: float, seconds: float, target: Path) -> None:
    """Writes a part of an audio file as a WAV file of 16 bits with the same channels and rate."""
    span = ["-ss", f"{start_seconds:.3f}", "-t", f"{seconds:.3f}"]
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([ffmpeg(), "-v", "error", "-y", "-nostdin", *span, "-i", str(source), "-c:a", "pcm_s16le", str(target)], check=True)
