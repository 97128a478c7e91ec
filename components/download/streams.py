"""Streams samples out of media files and into FLAC files, through ffmpeg."""

import errno
import os
import re
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import numpy as np
from numpy.typing import NDArray

from components.download.levels import FRAME
from components.download.policy import ItemError
from components.download.timeline import Frame
from components.shared.audio import Samples, ffmpeg, ffmpeg_input
from components.shared.files import atomic_write
from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.task import one_line

BLOCK = 50 * FRAME
"""Samples of a block."""
# without -frame_size this ffmpeg encodes frames of 47 samples: twice the size, a tenth of the speed
_FLAC = ["-c:a", "flac", "-sample_fmt", "s16", "-frame_size", "4096", "-f", "flac"]
_REPRODUCIBLE = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact"]
_FRAME_LINE = re.compile(r" n: *\d+ pts: *(-?\d+|NOPTS) .* rate:(\d+) nb_samples:(\d+) ")


def media_input(path: Path) -> list[str]:
    """Returns arguments that make ffmpeg read a media file.

    Beyond stereo, channels without a stated layout are microphones: ffmpeg would take the fourth of six for a subwoofer.
    """
    return ["-guess_layout_max", "2", *ffmpeg_input(path)]


def decoded(
    source: Path,
    stream: int,
    filters: str,
    channels: int,
    max_seconds: float = 0.0,
    hear: Callable[[Iterable[Frame]], None] | None = None,
) -> Generator[Samples]:
    """Yields a stream of a media file in blocks of BLOCK samples, shaped (samples, channels).

    Args:
        source: The media file.
        stream: Number of the stream in the file.
        filters: ffmpeg's filters that give floats at SAMPLE_RATE_HZ.
        channels: Number of channels after the filters.
        max_seconds: Decodes a second more than this; 0 is no limit.
        hear: Takes the decoded frames. It runs in a thread of its own.

    Raises:
        ItemError: ffmpeg fails.
    """
    level, listing = ("info", "ashowinfo,") if hear else ("error", "")
    command = [ffmpeg(), *media_input(source), "-nostats", "-v", f"level+{level}", "-map", f"0:{stream}"]
    command += ["-t", f"{max_seconds + 1:f}"] if max_seconds else []
    command += ["-af", listing + filters, "-f", "f32le", "-"]
    said: deque[str] = deque(maxlen=20)
    failures: list[Exception] = []

    def listen(lines: Iterable[bytes]) -> None:
        try:
            if hear:
                hear(_frames(lines, said))
        except Exception as error:
            failures.append(error)
        deque(_frames(lines, said), maxlen=0)  # ffmpeg waits while nobody reads its log

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        listener = Thread(target=listen, args=(process.stderr,))
        listener.start()
        try:
            while data := process.stdout.read(BLOCK * channels * 4):
                yield np.frombuffer(data, "<f4").reshape(-1, channels)
        except BaseException:
            process.kill()
            raise
        finally:
            listener.join()
    if failures:
        raise failures[0]
    if process.returncode != 0:
        raise ItemError(f"not audio: {last_line(said, source)}")


def _frames(lines: Iterable[bytes], said: deque[str]) -> Iterator[Frame]:
    """Yields the frames that ffmpeg's log lists, and keeps its last errors."""
    for raw in lines:
        line = raw.decode(errors="replace")
        if found := _FRAME_LINE.search(line):
            rate_hz = int(found[2])
            yield None if found[1] == "NOPTS" else int(found[1]) / rate_hz, int(found[3]) / rate_hz
        elif "[info] " not in line:
            said.append(re.sub(r"\[\w+\] ", "", line))


@contextmanager
def encoder(target: Path, channels: int) -> Iterator[Callable[[NDArray[np.int16]], object]]:
    """Yields a function that appends 16-bit samples shaped (samples, channels) to a FLAC file, which appears when all is written.

    Raises:
        ItemError: ffmpeg fails.
        OSError: The disk is full.
    """
    with atomic_write(target) as part, tempfile.TemporaryFile() as log:
        command = [ffmpeg(), "-v", "error", "-f", "s16le", "-ar", str(SAMPLE_RATE_HZ), "-ac", str(channels), "-i", "-"]
        command += [*_FLAC, *_REPRODUCIBLE, "-y", f"file:{part}"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=log) as process:
            assert process.stdin
            stdin = process.stdin
            try:
                with suppress(BrokenPipeError):  # ffmpeg says why
                    yield lambda block: stdin.write(block.tobytes())
                with suppress(BrokenPipeError):
                    stdin.close()
            except BaseException:
                process.kill()
                raise
        if process.returncode != 0:
            log.seek(0)
            said = log.read().decode(errors="replace")
            for number in (errno.ENOSPC, errno.EDQUOT):
                if os.strerror(number) in said:
                    raise OSError(number, os.strerror(number), str(target.parent))
            raise ItemError(f"cannot be written as FLAC: {last_line(said.splitlines(), target)}")


def last_line(said: Iterable[str], path: Path) -> str:
    """The last line of ffmpeg's log, without memory addresses and the file's name, which differ between runs."""
    lines = [line for line in said if line.strip()]
    last = re.sub(r"\[[^\[\]]* @ 0x[0-9a-f]+\] *", "", lines[-1] if lines else "ffmpeg gives no reason")
    return one_line(last.replace(f"file:{path}", "the file").removeprefix("Error opening input files: "))
