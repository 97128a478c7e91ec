"""Clips as engines take them."""

import io
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import soundfile
from numpy.typing import NDArray

from components.shared.audio import read, to_pcm16
from components.shared.rows import SAMPLE_RATE_HZ, Clip

Pcm = NDArray[np.int16]
"""A clip's samples at SAMPLE_RATE_HZ, shaped (samples,)."""

RATE_HZ = 16_000
"""Rate that Whisper, Silero VAD and PocketSphinx hear at."""

Thing = TypeVar("Thing")


def pcm_of(audio: Path, clip: Clip) -> Pcm:
    """The samples of a clip; several channels are mixed into one."""
    pcm = read(audio, round(clip.start * SAMPLE_RATE_HZ), round(clip.end * SAMPLE_RATE_HZ))
    return pcm[:, 0] if pcm.shape[1] == 1 else to_pcm16(pcm.mean(axis=1) / 32_768)


def flac(pcm: Pcm) -> bytes:
    """A clip as the bytes of a FLAC file, sample for sample."""
    file = io.BytesIO()
    soundfile.write(file, pcm, SAMPLE_RATE_HZ, subtype="PCM_16", format="FLAC")
    return file.getvalue()


def at_16_khz(pcm: Pcm) -> Pcm:
    """A clip at RATE_HZ, resampled by the library of ffmpeg that PyAV carries; nothing of one clip reaches another."""
    import av

    if not len(pcm):
        return pcm
    frame: Any = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm[None]), format="s16", layout="mono")
    frame.sample_rate = SAMPLE_RATE_HZ
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
    parts = [f.to_ndarray()[0] for f in (*resampler.resample(frame), *resampler.resample(None))]
    return np.concatenate([np.zeros(0, np.int16), *parts])


def batches(things: Iterable[Thing], size: int) -> Iterator[list[Thing]]:
    """The things in order, so many at a time."""
    left = iter(things)
    while batch := list(itertools.islice(left, size)):
        yield batch
