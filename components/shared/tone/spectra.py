"""Mel bands, cepstra and chroma of power spectra in numpy, with librosa's definitions.

librosa itself compiles unused code: 30 s of CPU time in every new container. A test compares these functions with librosa's results.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from components.shared.mel import slaney_edges_hz, slaney_filters
from components.shared.tone.sound import RATE_HZ

Numbers = NDArray[np.float32]

FFT = 1024
"""Length of the Hann window of a spectrum in samples: 64 ms."""

CEPSTRA, CHROMA, MEL_BANDS = 40, 12, 128

C0_HZ = 440.0 * 2 ** (-57 / 12)
"""Frequency of the lowest C, 16.35 Hz. Octaves are counted from here."""
MIDDLE_OCTAVE, OCTAVES = 5.75, 2.0
"""Octave that chroma weights most, 880 Hz, and the deviation of the Gaussian over octaves."""
LEAST_BIN_SEMITONES = 1.0

LEAST_POWER = 1e-10


@cache
def mel_filters(bands: int, low_hz: float, high_hz: float) -> Numbers:
    """Returns triangular filters of equal area, each between its neighbors' centers, shaped (bands, FFT // 2 + 1)."""
    filters = slaney_filters(np.fft.rfftfreq(FFT, 1 / RATE_HZ), slaney_edges_hz(bands, low_hz, high_hz))
    return np.ascontiguousarray(filters.T)


def cepstra(mel: Numbers) -> Numbers:
    """Returns the first CEPSTRA coefficients of an orthonormal cosine transform of the powers in dB; both shaped (numbers, frames)."""
    return np.asarray(_cosines(len(mel)) @ (10 * np.log10(np.maximum(mel, LEAST_POWER))), np.float32)


def chroma(spectrum: Numbers) -> Numbers:
    """Returns the power of each of the twelve notes from C on, relative to the strongest one, shaped (12, frames)."""
    power = _chroma_filters() @ spectrum
    top = power.max(axis=0)
    return np.asarray(power / np.where(top < np.finfo(np.float32).tiny, 1, top), np.float32)


@cache
def _cosines(bands: int) -> Numbers:
    """Returns the rows of the cosine transform (DCT-II), shaped (CEPSTRA, bands)."""
    rows = np.cos(np.pi / bands * np.arange(CEPSTRA)[:, None] * (np.arange(bands) + 0.5)) * np.sqrt(2 / bands)
    rows[0] /= np.sqrt(2)
    return np.asarray(rows, np.float32)


@cache
def _chroma_filters() -> Numbers:
    """Returns Gaussians around each note in all octaves (D. Ellis, Chroma feature analysis and synthesis, 2007), shaped (12, bins).

    A Gaussian is as wide as a bin of the FFT, and at least a semitone. The bin of 0 Hz counts as an octave and a half below the next.
    """
    semitones = 12 * np.log2(np.arange(1, FFT) * RATE_HZ / FFT / C0_HZ)
    semitones = np.concatenate([[semitones[0] - 18], semitones])[: FFT // 2 + 2]
    width = np.maximum(np.diff(semitones), LEAST_BIN_SEMITONES)
    semitones = semitones[:-1]
    away = np.remainder(semitones - np.arange(CHROMA)[:, None] + 6, 12) - 6
    weights = np.exp(-2 * np.square(away / width))
    weights /= np.sqrt(np.sum(np.square(weights), axis=0))
    return (weights * np.exp(-np.square((semitones / 12 - MIDDLE_OCTAVE) / OCTAVES) / 2)).astype(np.float32)
