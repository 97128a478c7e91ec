"""Finds out who speaks when in one recording: stretches of one person each, the vectors of their voices, and which are alike."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.diarize.activity import Activity, Hear, activity, seconds
from components.diarize.stretches import OVERLAP, SPEECH, Spans, stretches
from components.shared.encoders import ENCODERS
from components.shared.mel import Signal
from components.shared.runs import runs_of
from components.shared.vectors import Embeddings, embed_windows
from components.shared.voice_encoder import Encoder
from components.shared.voices import added, groups
from components.shared.window_plan import windows_of

Read = Callable[[], Iterator[Signal]]
"""Reads a recording from its start: 16 kHz mono."""
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Diarized:
    """Who speaks when in a recording."""

    parts: Spans
    """Stretches in which one person speaks, in frames of `activity`."""
    voices: Labels
    """Voice of each stretch, from 0 in order of appearance; 0 for all without a vector."""
    overlaps: Spans
    """Frames in which two speak."""
    windows: Embeddings
    window_voices: Labels
    """Voice of each window, shaped (windows,)."""


def diarize(
    read: Read,
    samples: int,
    where: NDArray[np.bool_],
    hear: Hear,
    encoder: Encoder,
    hop_seconds: float,
    batch_windows: int,
) -> Diarized:
    """Diarizes a recording of `samples` samples at 16 kHz.

    Args:
        read: Reads the recording; it is called twice.
        where: Whether each frame may be speech, as `stretches.spoken` gives it.
        hear: The segmentation network.
        encoder: The voice network.
        hop_seconds: Largest distance of two windows.
        batch_windows: Windows per call of the voice network.
    """
    heard = activity(read(), samples, where, hear)
    parts = stretches(heard, where)
    tens = np.stack([np.ceil(100 * seconds(parts[:, 0])), np.floor(100 * seconds(parts[:, 1]))], axis=1).astype(np.int64)
    tens = np.minimum(tens, samples // 160)
    spans, of = windows_of(tens, hop_seconds)
    windows, audible = embed_windows(read(), spans, encoder, batch_windows)
    of = of[audible]
    voices = _voices(parts, of, windows, encoder.name)
    return Diarized(parts, voices, _overlaps(heard, where), windows, voices[of])


def _voices(parts: Spans, of: Labels, windows: Embeddings, engine: str) -> Labels:
    """Groups stretches by the vectors of their windows; one without a window gets the voice of the stretch nearest in time."""
    voices = np.zeros(len(parts), np.int64)
    known, index = np.unique(of, return_inverse=True)
    if not len(known):
        return voices
    length = seconds(parts[known, 1]) - seconds(parts[known, 0])
    means = added(windows.vectors.astype(np.float64), index) / np.bincount(index)[:, None]
    middles, found = parts.mean(axis=1), groups(means * length[:, None], length, ENCODERS[engine])
    return np.asarray(found[_nearest(middles, middles[known])])


def _overlaps(heard: Activity, where: NDArray[np.bool_]) -> Spans:
    return runs_of((heard.overlap >= OVERLAP) & (heard.speech >= SPEECH) & where)


def _nearest(places: NDArray[np.float64], among: NDArray[np.float64]) -> Labels:
    """Index of the nearest of `among`, which is in order, to each place."""
    after = np.searchsorted(among, places).clip(1, max(1, len(among) - 1))
    before = after - 1
    after = np.minimum(after, len(among) - 1)
    return np.where(places - among[before] <= among[after] - places, before, after)
