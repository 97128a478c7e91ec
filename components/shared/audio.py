"""Reads and writes audio block by block, so that a recording of any length takes the same memory.

Samples in memory are float32 in [-1, 1), shaped (frames, channels). Files are 16-bit FLAC. Reading and
writing scale by 32768 both ways, so samples that are read and written unchanged stay bit for bit the same.
"""

import hashlib
import io
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import soundfile
from numpy.typing import NDArray

from components.shared.files import atomic_write
from components.shared.rows import SAMPLE_RATE_HZ

Samples = NDArray[np.float32]

BLOCK_SECONDS = 10.0
FULL_SCALE = 32_768
LENGTH_TOLERANCE_SECONDS = 0.1
"""Allowed difference between the stated and the decoded length: resampling and ffmpeg's last block round it."""


def to_pcm16(samples: NDArray[np.floating]) -> NDArray[np.int16]:
    """Converts float samples to 16-bit integers; samples beyond full scale are clipped."""
    return np.clip(np.rint(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def from_pcm16(samples: NDArray[np.int16]) -> Samples:
    """Converts 16-bit integers to float samples: the exact inverse of `to_pcm16`."""
    return samples.astype(np.float32) / np.float32(FULL_SCALE)


def pcm_sha256(samples: NDArray[np.int16]) -> str:
    """Hashes decoded samples as little-endian bytes: the hash does not depend on the encoder."""
    return hashlib.sha256(samples.astype("<i2").tobytes()).hexdigest()


def blocks(path: Path, block_seconds: float = BLOCK_SECONDS) -> Iterator[Samples]:
    """Yields the samples of a FLAC file in order, in blocks shaped (frames, channels)."""
    with soundfile.SoundFile(path) as file:
        size = max(1, round(block_seconds * file.samplerate))
        while len(block := file.read(size, dtype="int16", always_2d=True)):
            yield from_pcm16(block)


def read(path: Path, start: int, stop: int) -> NDArray[np.int16]:
    """Reads frames start to stop of a FLAC file as 16-bit integers, shaped (stop - start, channels).

    Raises:
        ValueError: The frames are not all inside the file.
    """
    with _at(path, start, stop) as file:
        return file.read(stop - start, dtype="int16", always_2d=True)


def read_mono(path: Path, start: int, stop: int) -> NDArray[np.int16]:
    """Reads frames as `read` does and averages their channels; shaped (stop - start,)."""
    size = round(BLOCK_SECONDS * SAMPLE_RATE_HZ)
    with _at(path, start, stop) as file:
        mono = np.empty(stop - start, np.int16)
        for first in range(0, len(mono), size):
            pcm = file.read(min(size, len(mono) - first), dtype="int16", always_2d=True)
            mono[first : first + len(pcm)] = pcm[:, 0] if pcm.shape[1] == 1 else to_pcm16(pcm.mean(axis=1) / FULL_SCALE)
        return mono


@contextmanager
def renditions(*artifacts: Path) -> Iterator[Path]:
    """Yields a folder with the file of each recording in the first of these artifacts that has one."""
    folders = [folder for artifact in artifacts if (folder := artifact / "audio").is_dir()]
    if len(folders) < 2:
        yield folders[0] if folders else artifacts[-1] / "audio"
        return
    with tempfile.TemporaryDirectory() as scratch:
        for folder in folders:
            for file in folder.iterdir():
                link = Path(scratch, file.name)
                if not link.is_symlink():
                    link.symlink_to(file.resolve())
        yield Path(scratch)


@contextmanager
def _at(path: Path, start: int, stop: int) -> Iterator[soundfile.SoundFile]:
    """Opens a file at frame `start`; raises ValueError unless frames start to stop are all inside."""
    with soundfile.SoundFile(path) as file:
        if not 0 <= start <= stop <= file.frames:
            raise ValueError(f"expected frames within 0 to {file.frames} of {path.name}, found {start} to {stop}")
        file.seek(start)
        yield file


def flac_bytes(pcm: NDArray[np.int16], rate_hz: int = SAMPLE_RATE_HZ) -> bytes:
    """Encodes 16-bit samples shaped (frames,) or (frames, channels) as a FLAC file in memory."""
    file = io.BytesIO()
    soundfile.write(file, pcm, rate_hz, subtype="PCM_16", format="FLAC")
    return file.getvalue()


class FlacWriter(ExitStack):
    """Writes blocks of samples to a FLAC file, which appears at its path when the `with` block ends without an error."""

    def __init__(self, path: Path, channels: int = 1, rate_hz: int = SAMPLE_RATE_HZ) -> None:
        super().__init__()
        path.parent.mkdir(parents=True, exist_ok=True)
        part = self.enter_context(atomic_write(path))
        self._file = self.enter_context(soundfile.SoundFile(part, "w", rate_hz, channels, "PCM_16", format="FLAC"))
        self.samples = 0

    def write(self, samples: NDArray[Any]) -> None:
        """Appends float or 16-bit samples shaped (frames,) or (frames, channels)."""
        pcm = samples if samples.dtype == np.int16 else to_pcm16(samples)
        self._file.write(pcm)
        self.samples += len(pcm)


# Allowed formats of media files. Playlists (hls, concat, dash) are not allowed: they make ffmpeg open other files and hosts.
_DEMUXERS = "aac,ac3,aiff,amr,ape,asf,au,avi,caf,eac3,flac,flv,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mp3,mpeg,mpegts,ogg,tta,w64,wav,wv"


def ffmpeg() -> str:
    """Returns the path of ffmpeg in the pinned imageio-ffmpeg wheel: the same program on every machine."""
    return imageio_ffmpeg.get_ffmpeg_exe()


def ffmpeg_input(path: Path) -> list[str]:
    """Returns arguments that make ffmpeg read this file and no other file or host that it refers to."""
    return ["-nostdin", "-v", "error", "-protocol_whitelist", "file", "-format_whitelist", _DEMUXERS, "-i", f"file:{path}"]


def decode(
    path: Path, rate_hz: int, channels: int = 1, block_seconds: float = BLOCK_SECONDS, seconds: float | None = None
) -> Iterator[Samples]:
    """Yields the first audio stream of any media file, resampled and mixed to `channels`, in blocks shaped (frames, channels).

    ffmpeg outputs 16-bit samples, because with floats it mixes stereo to mono 3 dB louder, beyond full scale.

    Args:
        path: The media file.
        rate_hz: Sample rate of the blocks.
        channels: 1 or 2.
        block_seconds: Length of a block; does not change the samples.
        seconds: Expected length of the stream; None allows any length.

    Raises:
        ValueError: ffmpeg cannot read the file (the message ends in ffmpeg's last line), or its length differs from `seconds`.
    """
    command = [ffmpeg(), *ffmpeg_input(path), "-map", "0:a:0", "-f", "s16le", "-ac", str(channels), "-ar", str(rate_hz), "-"]
    size = max(1, round(block_seconds * rate_hz)) * channels * 2
    samples = 0
    with tempfile.TemporaryFile() as log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log) as process:
        assert process.stdout
        try:
            while data := process.stdout.read(size):
                block = from_pcm16(np.frombuffer(data, np.int16).reshape(-1, channels))
                yield block
                samples += len(block)
        except GeneratorExit:
            process.kill()
            raise
        if process.wait() != 0:
            log.seek(0)
            lines = log.read().decode(errors="replace").strip().splitlines()
            raise ValueError(f"ffmpeg cannot read {path.name}: {lines[-1] if lines else 'it gives no reason'}")
    if seconds is not None and abs(samples / rate_hz - seconds) > LENGTH_TOLERANCE_SECONDS:
        raise ValueError(f"expected {seconds:.3f} s of audio in {path}, found {samples / rate_hz:.3f} s: make the voices again")


def measured_seconds(path: Path) -> float:
    """Returns the length of a file's first audio stream; 0 if ffmpeg cannot read it.

    ffmpeg reads the whole file but decodes nothing, which takes a second for an hour of MP3. The header of an MP3 or Ogg
    file that was put together from several speaks for the first one alone.
    """
    command = [ffmpeg(), *ffmpeg_input(path), "-map", "0:a:0", "-c", "copy", "-progress", "-", "-f", "null", "-"]
    said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace")
    times = re.findall(r"^out_time_us=(\d+)$", said.stdout, re.MULTILINE)
    return int(times[-1]) / 1e6 if said.returncode == 0 and times else 0.0
