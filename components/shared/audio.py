"""Audio in and out, by the block, so that a recording of any length takes the same memory.

Samples in memory are float32 in [-1, 1), shaped (frames, channels). Files are FLAC with 16 bits; reading and writing
scale by 32768 both ways, so that what is read and written unchanged is the same file, sample for sample.
"""

import hashlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import imageio_ffmpeg
import numpy as np
import soundfile
from numpy.typing import NDArray

from components.shared.rows import SAMPLE_RATE_HZ

Samples = NDArray[np.float32]

BLOCK_SECONDS = 10.0
FULL_SCALE = 32_768


def to_pcm16(samples: NDArray[np.floating]) -> NDArray[np.int16]:
    """Float samples as 16-bit integers; what lies beyond full scale is clipped."""
    return np.clip(np.rint(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def from_pcm16(samples: NDArray[np.int16]) -> Samples:
    """16-bit integers as float samples: the exact inverse of `to_pcm16`."""
    return samples.astype(np.float32) / np.float32(FULL_SCALE)


def pcm_sha256(samples: NDArray[np.int16]) -> str:
    """Hash of decoded samples, little-endian: the same whatever encoder wrote them."""
    return hashlib.sha256(samples.astype("<i2").tobytes()).hexdigest()


def blocks(path: Path, block_seconds: float = BLOCK_SECONDS) -> Iterator[Samples]:
    """The samples of a FLAC file in order, block after block, shaped (frames, channels)."""
    with soundfile.SoundFile(path) as file:
        size = max(1, round(block_seconds * file.samplerate))
        while len(block := file.read(size, dtype="int16", always_2d=True)):
            yield from_pcm16(block)


def read(path: Path, start: int, stop: int) -> NDArray[np.int16]:
    """Frames start to stop of a FLAC file as 16-bit integers, shaped (stop - start, channels)."""
    with soundfile.SoundFile(path) as file:
        if not 0 <= start <= stop <= file.frames:
            raise ValueError(f"expected frames within 0 to {file.frames} of {path.name}, found {start} to {stop}")
        file.seek(start)
        return file.read(stop - start, dtype="int16", always_2d=True)


class FlacWriter:
    """Writes blocks of samples to a FLAC file that appears under its name when it is complete."""

    def __init__(self, path: Path, channels: int = 1, rate_hz: int = SAMPLE_RATE_HZ) -> None:
        self._path, self._part = path, path.with_name(f".{path.name}.part")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = soundfile.SoundFile(self._part, "w", rate_hz, channels, "PCM_16", format="FLAC")
        self.samples = 0

    def write(self, samples: NDArray[Any]) -> None:
        """Appends float or 16-bit samples shaped (frames,) or (frames, channels)."""
        pcm = samples if samples.dtype == np.int16 else to_pcm16(samples)
        self._file.write(pcm)
        self.samples += len(pcm)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink()


# What may be inside a media file. A playlist (hls, concat, dash) is no media: it makes ffmpeg open other files and hosts.
_DEMUXERS = "aac,ac3,aiff,amr,ape,asf,au,avi,caf,eac3,flac,flv,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mp3,mpeg,mpegts,ogg,tta,w64,wav,wv"


def ffmpeg() -> str:
    """The ffmpeg that the pinned imageio-ffmpeg wheel carries: the same one wherever a stage runs."""
    return imageio_ffmpeg.get_ffmpeg_exe()


def ffmpeg_input(path: Path) -> list[str]:
    """Arguments that make ffmpeg read this one file and nothing that it refers to."""
    return ["-nostdin", "-v", "error", "-protocol_whitelist", "file", "-format_whitelist", _DEMUXERS, "-i", f"file:{path}"]


def decode(path: Path, rate_hz: int, channels: int = 1, block_seconds: float = BLOCK_SECONDS) -> Iterator[Samples]:
    """The first audio stream of any media file, resampled and mixed to `channels`, block after block.

    ffmpeg gives 16 bits, because it makes mono of stereo 3 dB louder in floats, and beyond full scale.

    Raises:
        ValueError: ffmpeg cannot read it; the message is ffmpeg's last line.
    """
    command = [ffmpeg(), *ffmpeg_input(path), "-map", "0:a:0", "-f", "s16le", "-ac", str(channels), "-ar", str(rate_hz), "-"]
    size = max(1, round(block_seconds * rate_hz)) * channels * 2
    with tempfile.TemporaryFile() as log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log) as process:
        assert process.stdout
        try:
            while data := process.stdout.read(size):
                yield from_pcm16(np.frombuffer(data, np.int16).reshape(-1, channels))
        except GeneratorExit:
            process.kill()
            raise
        if process.wait() != 0:
            log.seek(0)
            lines = log.read().decode(errors="replace").strip().splitlines()
            raise ValueError(f"ffmpeg cannot read {path.name}: {lines[-1] if lines else 'it says nothing'}")
