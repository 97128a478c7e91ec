"""The fundamental frequency of speech, frame by frame, and how periodic each frame is.

Autocorrelation of windowed frames, divided by that of the window, and the cheapest path through its peaks (P. Boersma,
"Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a sampled sound", 1993). librosa's
own trackers do not fit: `yin` does not say what is voiced, `pyin` takes many times as long (docs/tone.md).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.shared.tone.sound import HOP, RATE_HZ

Numbers = NDArray[np.float32]

FRAME = 800
"""Samples of a frame: 50 ms, three periods of LOWEST_HZ."""

LOWEST_HZ, HIGHEST_HZ = 60.0, 600.0
"""Range of the fundamental frequency: from a low male voice to an excited woman or child."""

CANDIDATES = 6
"""Autocorrelation peaks kept per frame."""

LEAST_FRAMES = 3
"""Shortest stretch of voice, in frames."""

_FFT = 2048
_PASS_HZ, _STOP_HZ = 2000.0, 3000.0  # higher harmonics carry little information and are masked by noise first
_VOICING, _OCTAVE_COST, _JUMP_COST, _VOICED_UNVOICED_COST = 0.45, 0.01, 0.35, 0.14  # Boersma's defaults
_SILENCE_DB = -30.0


@dataclass(frozen=True)
class Pitch:
    """Pitch per frame of HOP samples."""

    hz: Numbers
    """Fundamental frequency; 0 where the frame is unvoiced."""
    strength: Numbers
    """Height of the highest autocorrelation peak, 0 to 1: 1 is periodic, 0.5 is as much noise as tone."""


def pitch(samples: Numbers, frames: int, reference_rms: float) -> Pitch:
    """Tracks the fundamental frequency over some frames whose middles are HOP apart.

    `samples` are mono at RATE_HZ, with FRAME // 2 before the first frame's middle and after the last one's. Silence is measured
    against `reference_rms`, that of the whole clip.
    """
    lags, heights, quiet = _candidates(samples, frames, reference_rms)
    path = _cheapest(lags, heights, quiet)
    rows = np.arange(frames)
    hz = np.where(path < CANDIDATES, RATE_HZ / lags[rows, np.minimum(path, CANDIDATES - 1)], 0)
    return Pitch(lasting(hz).astype(np.float32), np.clip(heights.max(axis=1), 0, 1).astype(np.float32))


def lasting(hz: NDArray[Any]) -> NDArray[Any]:
    """Removes voice shorter than LEAST_FRAMES: a single frame at the edge of a sound may be an octave off."""
    voiced = np.concatenate([[False], hz > 0, [False]])
    starts, ends = np.flatnonzero(voiced[1:] & ~voiced[:-1]), np.flatnonzero(~voiced[1:] & voiced[:-1])
    kept = hz.copy()
    for start, end in zip(starts, ends, strict=True):
        if end - start < LEAST_FRAMES:
            kept[start:end] = 0
    return kept


def _candidates(samples: Numbers, frames: int, reference_rms: float) -> tuple[Numbers, Numbers, Numbers]:
    """Returns lags in samples and heights of the highest peaks, shaped (frames, CANDIDATES), and the voicing cost of each frame."""
    window = np.hanning(FRAME + 2)[1:-1].astype(np.float32)
    views = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP][:frames]
    centred = views - views.mean(axis=1, keepdims=True)
    correlation = _autocorrelation(centred * window)
    ratio = correlation / np.maximum(correlation[:, :1], 1e-12) / _window_correlation(window)
    first, last = int(RATE_HZ / HIGHEST_HZ), int(np.ceil(RATE_HZ / LOWEST_HZ))
    left, middle, right = ratio[:, first - 1 : last - 1], ratio[:, first:last], ratio[:, first + 1 : last + 1]
    peak = (middle > left) & (middle >= right) & (middle > 0)
    curve = np.where(peak, left - 2 * middle + right, -1)
    shift = np.where(peak, 0.5 * (left - right) / curve, 0)
    height = np.where(peak, np.minimum(middle - 0.25 * (left - right) * shift, 1), -1)
    lag = np.arange(first, last) + shift
    rank = np.argpartition(-(height - _OCTAVE_COST * np.log2(lag)), CANDIDATES, axis=1)[:, :CANDIDATES]
    rms = np.sqrt(np.mean(np.square(centred), axis=1))
    quiet = np.clip(1 - rms / (reference_rms * 10 ** (_SILENCE_DB / 20)), 0, 1) * 2
    return tuple(a.astype(np.float32) for a in (np.take_along_axis(lag, rank, 1), np.take_along_axis(height, rank, 1), quiet))  # type: ignore[return-value]


def _autocorrelation(windowed: Numbers) -> Numbers:
    """Returns the autocorrelation of the signal below _STOP_HZ, from lag 0."""
    hz = np.fft.rfftfreq(_FFT, 1 / RATE_HZ)
    weight = np.clip((_STOP_HZ - hz) / (_STOP_HZ - _PASS_HZ), 0, 1)
    power = np.square(np.abs(np.fft.rfft(windowed, _FFT))) * weight
    return np.fft.irfft(power, _FFT)[:, : FRAME // 2].astype(np.float32)


def _window_correlation(window: Numbers) -> Numbers:
    correlation = np.fft.irfft(np.square(np.abs(np.fft.rfft(window, _FFT))), _FFT)[: FRAME // 2]
    return (correlation / correlation[0]).astype(np.float32)


def _cheapest(lags: Numbers, heights: Numbers, quiet: Numbers) -> NDArray[np.int64]:
    """Returns the candidate of each frame on the best path, CANDIDATES for unvoiced (dynamic programming)."""
    frames = len(lags)
    octaves = np.log2(RATE_HZ / lags)
    voiced = np.where(heights > 0, heights - _OCTAVE_COST * np.log2(LOWEST_HZ * lags / RATE_HZ), -10)
    local = np.concatenate([voiced, _VOICING + quiet[:, None]], axis=1)
    before = np.zeros(local.shape, np.int64)
    jump = np.full((CANDIDATES + 1, CANDIDATES + 1), _VOICED_UNVOICED_COST)
    jump[-1, -1] = 0
    best = local[0]
    for i in range(1, frames):
        jump[:-1, :-1] = _JUMP_COST * np.abs(octaves[i - 1][:, None] - octaves[i][None, :])
        total = best[:, None] - jump
        before[i] = np.argmax(total, axis=0)
        best = total[before[i], np.arange(CANDIDATES + 1)] + local[i]
    path = np.empty(frames, np.int64)
    path[-1] = np.argmax(best)
    for i in range(frames - 1, 0, -1):
        path[i - 1] = before[i, path[i]]
    return path
