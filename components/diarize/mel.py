"""Computes the mel spectra for both networks in numpy.

Resemblyzer's package uses librosa, which compiles unused code: 24 s of CPU time in every new container, 4 s in every process, 170 MB.
CAM++ takes Kaldi's spectra, which are few lines. Tests compare both with what the packages gave.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
FRAME = RATE_HZ // 100
"""Samples from one frame to the next."""
SPAN = RATE_HZ // 40
"""Samples of a spectrum's window, 25 ms, centered on the start of its frame."""

SLANEY_BANDS, KALDI_BANDS = 40, 80
LINEAR_HZ = 1000.0
"""Slaney's mel scale (Auditory Toolbox, 1998): linear with 15 mel per 1000 Hz up to here, then 27 mel per factor of 6.4."""
MELS_TO_LINEAR, MELS_A_FACTOR, FACTOR = 15.0, 27.0, 6.4

LOWEST_HZ = 20.0
"""Lower end of Kaldi's lowest band."""
BEFORE = 0.97
"""Share of the sample before that Kaldi takes away from each: it raises the treble."""
FFT = 512

Signal = NDArray[np.float32]
"""16 kHz mono, in [-1, 1)."""
Mel = NDArray[np.float32]
"""Power in mel bands, not its logarithm, shaped (frames, bands)."""


def slaney_mel(signal: Signal) -> Mel:
    """Returns Resemblyzer's spectra, centered on every 160th sample from sample 200 to 200 before the end, shaped (frames, 40)."""
    spectra = np.fft.rfft(_frames(signal) * _hann())
    return np.asarray((spectra.real**2 + spectra.imag**2) @ _slaney_bands(), np.float32)


def kaldi_mel(signal: Signal) -> Mel:
    """Returns Kaldi's filter banks without dither, at the same places as `slaney_mel`, shaped (frames, 80).

    Every frame loses its mean and gains treble, each by itself: a spectrum depends on no sample outside its frame.
    """
    frames = _frames(signal)
    frames = frames - frames.mean(axis=1, keepdims=True)
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    spectra = np.fft.rfft((frames - np.float32(BEFORE) * before) * _povey(), FFT)
    return np.asarray((spectra.real**2 + spectra.imag**2) @ _kaldi_bands(), np.float32)


def _frames(signal: Signal) -> Signal:
    return np.lib.stride_tricks.sliding_window_view(signal, SPAN)[::FRAME]


@cache
def _hann() -> NDArray[np.float32]:
    """Periodic Hann window."""
    return np.hanning(SPAN + 1)[:-1].astype(np.float32)


@cache
def _povey() -> NDArray[np.float32]:
    """Kaldi's window, a Hann window to the power of 0.85, so that it does not end in zero slope."""
    return (np.hanning(SPAN) ** 0.85).astype(np.float32)


@cache
def _slaney_bands() -> NDArray[np.float32]:
    """Triangular filters of equal area, evenly spaced in mel from 0 to 8 kHz, each between its neighbors' peaks, shaped (201, 40)."""
    top = MELS_TO_LINEAR + MELS_A_FACTOR * np.log(RATE_HZ / 2 / LINEAR_HZ) / np.log(FACTOR)
    mels = np.linspace(0, top, SLANEY_BANDS + 2)
    edges = np.where(mels < MELS_TO_LINEAR, mels / MELS_TO_LINEAR, FACTOR ** ((mels - MELS_TO_LINEAR) / MELS_A_FACTOR)) * LINEAR_HZ
    triangles = _triangles(np.fft.rfftfreq(SPAN, 1 / RATE_HZ), edges)
    return (triangles * 2 / (edges[2:] - edges[:-2])).astype(np.float32)


@cache
def _kaldi_bands() -> NDArray[np.float32]:
    """Filters with a peak of 1 that are triangles over mel (O'Shaughnessy, 1987), evenly spaced from 20 Hz to 8 kHz, shaped (257, 80)."""
    lowest, highest = np.log1p(LOWEST_HZ / 700), np.log1p(RATE_HZ / 2 / 700)
    mels = np.log1p(np.fft.rfftfreq(FFT, 1 / RATE_HZ) / 700)
    return _triangles(mels, np.linspace(lowest, highest, KALDI_BANDS + 2)).astype(np.float32)


def _triangles(places: NDArray[np.floating], edges: NDArray[np.floating]) -> NDArray[np.floating]:
    """Returns filters that rise from 0 at an edge to 1 at the next one and fall to 0 at the one after, shaped (places, edges - 2)."""
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    at = places[:, None]
    return np.maximum(0, np.minimum((at - low) / (middle - low), (high - at) / (high - middle)))
