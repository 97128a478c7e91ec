"""Resamples and batches clips for the engines."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from components.shared.rows import SAMPLE_RATE_HZ

Pcm = NDArray[np.int16]
"""A clip's samples at SAMPLE_RATE_HZ, shaped (samples,)."""

RATE_HZ = 16_000
"""Sample rate of Whisper, Silero VAD and PocketSphinx."""

Thing = TypeVar("Thing")


def at_16_khz(pcm: Pcm) -> Pcm:
    """Resamples a clip to RATE_HZ with PyAV's ffmpeg library. Each clip has its own resampler, so clips do not affect each other."""
    import av

    if not len(pcm):
        return pcm
    frame: Any = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm[None]), format="s16", layout="mono")
    frame.sample_rate = SAMPLE_RATE_HZ
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
    parts = [f.to_ndarray()[0] for f in (*resampler.resample(frame), *resampler.resample(None))]
    return np.concatenate([np.zeros(0, np.int16), *parts])


def batches(things: Iterable[Thing], size: int) -> Iterator[list[Thing]]:
    """Yields the things in order, in lists of at most `size`."""
    left = iter(things)
    while batch := list(itertools.islice(left, size)):
        yield batch
