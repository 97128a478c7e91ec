"""Computes the mel spectra for both networks in numpy.

Resemblyzer's package uses librosa, which compiles unused code: 24 s of CPU time in every new container, 4 s in every process, 170 MB.
CAM++ takes Kaldi's spectra, which are few lines. Tests compare both with what the packages gave.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from components.shared.mel import RATE_HZ, SPAN, Signal, frames_of, hann, slaney_edges_hz, slaney_filters, triangles

SLANEY_BANDS, KALDI_BANDS = 40, 80
LOWEST_HZ = 20.0
"""Lower end of Kaldi's lowest band."""
BEFORE = 0.97
"""Share of the sample before that Kaldi takes away from each: it raises the treble."""
FFT = 512

Mel = NDArray[np.float32]
"""Power in mel bands, not its logarithm, shaped (frames, bands)."""


def slaney_mel(signal: Signal) -> Mel:
    """Returns Resemblyzer's spectra, centered on every 160th sample from sample 200 to 200 before the end, shaped (frames, 40)."""
    spectra = np.fft.rfft(frames_of(signal) * hann())
    return np.asarray((spectra.real**2 + spectra.imag**2) @ _slaney_bands(), np.float32)


def kaldi_mel(signal: Signal) -> Mel:
    """Returns Kaldi's filter banks without dither, at the same places as `slaney_mel`, shaped (frames, 80).

    Every frame loses its mean and gains treble, each by itself: a spectrum depends on no sample outside its frame.
    """
    frames = frames_of(signal)
    frames = frames - frames.mean(axis=1, keepdims=True)
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    spectra = np.fft.rfft((frames - np.float32(BEFORE) * before) * _povey(), FFT)
    return np.asarray((spectra.real**2 + spectra.imag**2) @ _kaldi_bands(), np.float32)


@cache
def _povey() -> NDArray[np.float32]:
    """Kaldi's window, a Hann window to the power of 0.85, so that it does not end in zero slope."""
    return (np.hanning(SPAN) ** 0.85).astype(np.float32)


@cache
def _slaney_bands() -> NDArray[np.float32]:
    """Filters evenly spaced in mel from 0 to 8 kHz, shaped (201, 40)."""
    return slaney_filters(np.fft.rfftfreq(SPAN, 1 / RATE_HZ), slaney_edges_hz(SLANEY_BANDS, 0, RATE_HZ / 2))


@cache
def _kaldi_bands() -> NDArray[np.float32]:
    """Filters with a peak of 1 that are triangles over mel (O'Shaughnessy, 1987), evenly spaced from 20 Hz to 8 kHz, shaped (257, 80)."""
    lowest, highest = np.log1p(LOWEST_HZ / 700), np.log1p(RATE_HZ / 2 / 700)
    mels = np.log1p(np.fft.rfftfreq(FFT, 1 / RATE_HZ) / 700)
    return triangles(mels, np.linspace(lowest, highest, KALDI_BANDS + 2)).astype(np.float32)
