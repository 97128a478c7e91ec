"""The sound of clips as an export has it: another sample rate, more channels, another format. A clip is in memory as a whole.

FLAC and WAV are written by libsndfile, the others by pydub, with the temporary files that ffmpeg needs to seek in MP4 and ASF.
"""

import subprocess
import warnings
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from components.shared.audio import ffmpeg, flac_bytes
from components.shared.rows import SAMPLE_RATE_HZ
from pipelines.datasets.export import LOSSY_BITRATE

LOSSLESS = ("flac", "wav")
LOSSY = {"mp3": ("mp3", "libmp3lame"), "ogg": ("ogg", "libvorbis"), "m4a": ("ipod", "aac"), "wma": ("asf", "wmav2")}
"""For each codec: the container as ffmpeg names it, and the encoder."""
CODECS = (*LOSSLESS, *LOSSY)
LOSSY_RATES_HZ = (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
"""Sample rates that every lossy codec has."""
_SAME_BYTES = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact"]
"""Arguments with which ffmpeg writes neither its version nor random numbers."""


@dataclass(frozen=True)
class Sound:
    """A clip as a file in memory, and the length of the samples in it."""

    data: bytes
    samples: int
    """Length of the samples that were encoded, in frames."""


def converted(flac: bytes, codec: str, rate_hz: int, channels: int) -> Sound:
    """Converts a clip, a FLAC file in memory. One that has the format already stays as it is, byte by byte.

    Args:
        flac: The file.
        codec: One of CODECS.
        rate_hz: Sample rate of the result.
        channels: 1 or 2; a clip with one channel gets it twice, one with two gets their mean.
    """
    pcm, found_hz = soundfile.read(BytesIO(flac), dtype="int16", always_2d=True)
    same = codec == "flac" and (found_hz, pcm.shape[1]) == (rate_hz, channels)
    if pcm.shape[1] != channels:
        pcm = np.repeat(pcm, 2, axis=1) if channels == 2 else np.rint(pcm.mean(axis=1, keepdims=True)).astype(np.int16)
    if found_hz != rate_hz:
        pcm = _resampled(pcm, found_hz, rate_hz)
    return Sound(flac if same else encode(pcm, codec, rate_hz), len(pcm))


def encode(pcm: NDArray[np.int16], codec: str, rate_hz: int = SAMPLE_RATE_HZ) -> bytes:
    """Encodes 16-bit samples shaped (frames, channels) as a file in memory, with one of CODECS. The same samples give the same bytes."""
    if codec == "flac":
        return flac_bytes(pcm, rate_hz)
    file = BytesIO()
    if codec == "wav":
        soundfile.write(file, pcm, rate_hz, subtype="PCM_16", format="WAV")
        return file.getvalue()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on import, pydub warns if the system has no ffmpeg
        import pydub
    container, encoder = LOSSY[codec]
    segment = pydub.AudioSegment(pcm.tobytes(), sample_width=2, frame_rate=rate_hz, channels=pcm.shape[1])
    pydub.AudioSegment.converter = ffmpeg()
    segment.export(file, format=container, codec=encoder, bitrate=LOSSY_BITRATE, parameters=_SAME_BYTES)
    return file.getvalue()


def _resampled(pcm: NDArray[np.int16], found_hz: int, rate_hz: int) -> NDArray[np.int16]:
    """Changes the sample rate of samples shaped (frames, channels)."""
    form = ["-f", "s16le", "-ac", str(pcm.shape[1]), "-ar"]
    command = [ffmpeg(), "-v", "error", *form, str(found_hz), "-i", "-", *form, str(rate_hz), "-"]
    done = subprocess.run(command, input=pcm.astype("<i2").tobytes(), stdout=subprocess.PIPE, check=True)
    return np.frombuffer(done.stdout, "<i2").reshape(-1, pcm.shape[1]).astype(np.int16)
