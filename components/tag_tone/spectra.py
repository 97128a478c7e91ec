"""Mel bands, cepstra and chroma of power spectra in numpy, with librosa's definitions.

librosa itself compiles unused code: 30 s of CPU time in every new container. A test compares these functions with librosa's results.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from components.tag_tone.sound import RATE_HZ

Numbers = NDArray[np.float32]

FFT = 1024
"""Length of the Hann window of a spectrum in samples: 64 ms."""

CEPSTRA, CHROMA, MEL_BANDS = 40, 12, 128

LINEAR_HZ = 1000.0
"""Slaney's mel scale (Auditory Toolbox, 1998): linear with 15 mel per 1000 Hz up to here, then 27 mel per factor of 6.4."""
MELS_TO_LINEAR, MELS_A_FACTOR, FACTOR = 15.0, 27.0, 6.4

C0_HZ = 440.0 * 2 ** (-57 / 12)
"""Frequency of the lowest C, 16.35 Hz. Octaves are counted from here."""
MIDDLE_OCTAVE, OCTAVES = 5.75, 2.0
"""Octave that chroma weights most, 880 Hz, and the deviation of the Gaussian over octaves."""
LEAST_BIN_SEMITONES = 1.0

LEAST_POWER = 1e-10


def mel_edges_hz(bands: int, low_hz: float, high_hz: float) -> NDArray[np.float64]:
    """Returns the edges of bands evenly spaced in mel, shaped (bands + 2,). A band's center is the upper edge of the one before."""
    mels = np.linspace(_mels(low_hz), _mels(high_hz), bands + 2)
    return np.where(mels < MELS_TO_LINEAR, mels / MELS_TO_LINEAR, FACTOR ** ((mels - MELS_TO_LINEAR) / MELS_A_FACTOR)) * LINEAR_HZ


@cache
def mel_filters(bands: int, low_hz: float, high_hz: float) -> Numbers:
    """Returns triangular filters of equal area, each between its neighbors' centers, shaped (bands, FFT // 2 + 1)."""
    edges = mel_edges_hz(bands, low_hz, high_hz)[:, None]
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    hz = np.fft.rfftfreq(FFT, 1 / RATE_HZ)
    triangles = np.maximum(0, np.minimum((hz - low) / (middle - low), (high - hz) / (high - middle)))
    return (triangles * 2 / (high - low)).astype(np.float32)


def cepstra(mel: Numbers) -> Numbers:
    """Returns the first CEPSTRA coefficients of an orthonormal cosine transform of the powers in dB; both shaped (numbers, frames)."""
    return np.asarray(_cosines(len(mel)) @ (10 * np.log10(np.maximum(mel, LEAST_POWER))), np.float32)


def chroma(spectrum: Numbers) -> Numbers:
    """Returns the power of each of the twelve notes from C on, relative to the strongest one, shaped (12, frames)."""
    power = _chroma_filters() @ spectrum
    top = power.max(axis=0)
    return np.asarray(power / np.where(top < np.finfo(np.float32).tiny, 1, top), np.float32)


def _mels(hz: float) -> float:
    if hz < LINEAR_HZ:
        return hz / LINEAR_HZ * MELS_TO_LINEAR
    return float(MELS_TO_LINEAR + MELS_A_FACTOR * np.log(hz / LINEAR_HZ) / np.log(FACTOR))


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
