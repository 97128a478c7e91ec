"""Computes the energies and the mel spectra that inaSpeechSegmenter's networks were trained with, in numpy.

They are those of SIDEKIT: frames of 25 ms, of which each loses 0.97 of the sample before every sample, a Hann window, 24 triangular bands.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from components.segment.windows import FRAME, HOP, PATCH_FRAMES, RATE_HZ, STEP, Signal, frames_in

BANDS = 24
LOWEST_HZ, HIGHEST_HZ = 100.0, 8000.0
"""Edges of the lowest and of the highest band."""
BEFORE = np.float32(0.97)
"""Share of the sample before that is taken away from each: it raises the treble. The first sample of a frame has itself before it."""
FFT = 512

_PART = 80
"""Samples that divide both a frame and the way to the next."""

Energies = NDArray[np.float32]
"""Natural logarithms of the energies of frames, shaped (frames,); -inf for digital silence."""
Mel = NDArray[np.float32]
"""Natural logarithms of the power in bands, shaped (frames, BANDS); -inf for digital silence."""
Patches = NDArray[np.float32]
"""Spectra of PATCH_FRAMES frames, of mean 0 and variance 1, shaped (patches, PATCH_FRAMES, bands)."""


def features(signal: Signal) -> tuple[Energies, Mel]:
    """Returns the energies and the spectra of the whole frames of a signal."""
    count = frames_in(len(signal))
    if not count:
        return np.zeros(0, np.float32), np.zeros((0, BANDS), np.float32)
    signal = signal[: (count - 1) * HOP + FRAME]
    treble = np.concatenate([signal[:1], signal[1:] - BEFORE * signal[:-1]])
    frames = np.lib.stride_tricks.sliding_window_view(treble, FRAME)[::HOP]
    spectra = np.fft.rfft(frames * np.hanning(FRAME), FFT)  # the window is 0 at the first sample of a frame
    power = np.asarray(spectra.real**2 + spectra.imag**2, np.float32)
    with np.errstate(divide="ignore"):
        return np.log(_squares(signal, treble)).astype(np.float32), np.log(power @ _bands())


def _squares(signal: Signal, treble: Signal) -> NDArray[np.float64]:
    """Sums of the squares of each frame."""
    parts = np.square(treble, dtype=np.float64).reshape(-1, _PART).sum(axis=1)
    sums = np.lib.stride_tricks.sliding_window_view(parts, FRAME // _PART)[:: HOP // _PART].sum(axis=1)
    first = slice(0, len(signal) - FRAME + 1, HOP)
    own = np.square((1 - BEFORE) * signal[first], dtype=np.float64)
    return np.maximum(sums - np.square(treble[first], dtype=np.float64), 0) + own


@cache
def _bands() -> NDArray[np.float32]:
    """Triangles of equal area, evenly spaced in mel, each between its neighbors' peaks, shaped (bins, BANDS).

    As in SIDEKIT, the last bin before the end of a triangle is not part of it.
    """
    lowest, highest = (2595 * np.log10(1 + hz / 700) for hz in (LOWEST_HZ, HIGHEST_HZ))
    edges = 700 * (10 ** (np.linspace(lowest, highest, BANDS + 2) / 2595) - 1)
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    hz = np.fft.rfftfreq(FFT, 1 / RATE_HZ)[:, None]
    bin_hz = RATE_HZ / FFT
    rise = np.where((hz > low) & (hz <= middle), (hz - low) / (middle - low), 0)
    fall = np.where((hz > middle) & (hz < np.floor(high / bin_hz) * bin_hz), (high - hz) / (high - middle), 0)
    return ((rise + fall) * 2 / (high - low)).astype(np.float32)


def patches_of(mel: Mel, which: NDArray[np.int64]) -> Patches:
    """Returns these patches of spectra, shaped (frames, bands). Patches with digital silence, or without any variation, are not finite."""
    found = mel[STEP * which[:, None] + np.arange(PATCH_FRAMES)].reshape(len(which), PATCH_FRAMES * mel.shape[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = (found - found.mean(axis=1, keepdims=True)) / found.std(axis=1, keepdims=True)
    return scaled.reshape(len(which), PATCH_FRAMES, mel.shape[1])
