"""Finds known sounds in a recording by cross-correlation of whitened spectrograms.

The STFTs of the recording and of the effect are divided by the root of their own power, smoothed over some frames and bins. The rest,
almost only phases, is correlated as sound. So loud speech over an effect counts no more than quiet parts, and the correlation is almost
normally distributed wherever the effect is absent: the height of a peak tells how certain it is.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import uniform_filter

from components.denoise.steps import Mono

FRAME = 1024
"""Samples of an STFT frame, 23 ms; frames overlap by half."""
HOP = FRAME // 2
STEP = 1 << 19
"""Samples in which the starts of effects are searched at a time, 11.9 s."""
LONGEST = 1 << 18
"""Maximum samples of an effect used in the search, 5.9 s; of a longer one its loudest part."""
LEAST_HEIGHT = 14.0
"""Height of a peak, in standard deviations of the correlation, from which it counts as an effect. On mixed episodes after MP3, peaks of
effects are 20 high or more; in 24 minutes of them none of 41 absent effects has a peak of 8; some near a repetitive effect have 12."""
MEDIAN_EVERY = 16
"""Every which sample of the correlation is used to estimate its spread."""
APART = 441
"""Minimum samples between two starts of the same effect, 10 ms."""
FLOOR = 1e-3
"""Share of a bin's mean power that is added, so that quieter parts do not count."""
EFFECT_FLOOR = 1e-4
"""Share of an effect's mean power that is added, so that the noise of its file does not count."""
SILENCE = 1e-9
"""Share of full scale that is added, for the same reason."""
_TAPER = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME))

Stft = NDArray[np.complex128]
"""Shaped (frames, bins)."""


class Hit(NamedTuple):
    """A position where an effect starts."""

    height: float
    effect: int
    start: int


class Template(NamedTuple):
    """An effect in the form that `find` needs."""

    spectrum: NDArray[np.complex64]
    offset: int
    """Samples of the effect before this part."""
    spread: float
    """Standard deviation of its correlation with white noise."""


def frames(sound: Mono) -> Stft:
    """STFT with a frame every HOP; the first starts one HOP before the sound, the last ends at most one HOP after it."""
    count = -(-len(sound) // HOP) + 1
    padded = np.zeros((count + 1) * HOP)
    padded[HOP : HOP + len(sound)] = sound
    return np.asarray(fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP] * _TAPER, axis=1))


def sound_of(stft: Stft, samples: int) -> Mono:
    """The inverse of `frames`, for this number of samples."""
    pieces = fft.irfft(stft, FRAME, axis=1) * _TAPER
    total = np.zeros((len(pieces) + 1, HOP))
    total[:-1] = pieces[:, :HOP]
    total[1:] += pieces[:, HOP:]
    return total.ravel()[HOP : HOP + samples]


def power(stft: Stft) -> NDArray[np.float64]:
    """Smoothed power of each bin, above 0."""
    smooth = uniform_filter(np.square(stft.real) + np.square(stft.imag), (3, 5), mode="nearest")
    return np.asarray(smooth + FLOOR * smooth.mean(axis=0) + SILENCE * FRAME)


def white(sound: Mono, floor: float = 0.0) -> NDArray[np.float32]:
    """Whitens the sound; bins more than `floor` below its mean power stay quiet."""
    stft = frames(sound)
    loudness = power(stft)
    return sound_of(stft / np.sqrt(loudness + floor * loudness.mean()), len(sound)).astype(np.float32)


def template(effect: Mono) -> Template:
    """The loudest part of an effect, for `find`."""
    length = min(len(effect), LONGEST)
    energy = np.concatenate([[0], np.cumsum(np.square(effect))])
    offset = int(np.argmax(energy[length:] - energy[:-length]))
    part = white(effect[offset : offset + length], EFFECT_FLOOR)
    return Template(_spectrum(part), offset, float(np.linalg.norm(part)) / np.sqrt(HOP))


def find(sound: Mono, first: int, templates: Sequence[Template]) -> list[Hit]:
    """Finds effects that start within STEP samples from `first` on, the most certain first.

    Args:
        sound: The samples around there; `first` is an index into it.
        templates: The templates of the effects.
    """
    if not sound.any():
        return []
    whitened = white(sound)
    found = []
    spectra: dict[int, NDArray[np.complex64]] = {}
    for number, (spectrum, offset, spread) in enumerate(templates):
        if offset not in spectra:
            spectra[offset] = _spectrum(whitened[first + offset :][: STEP + LONGEST])
        correlation = fft.irfft(spectra[offset] * spectrum.conj())[:STEP]
        spread = max(spread, 1.4826 * float(np.median(np.abs(correlation[::MEDIAN_EVERY]))))  # the factor for a normal distribution
        peaks = np.flatnonzero(correlation > LEAST_HEIGHT * spread)
        found += [Hit(float(correlation[p] / spread), number, first + int(p)) for p in _highest(correlation, peaks)]
    return sorted(found, reverse=True)


def _highest(correlation: NDArray[np.float32], peaks: NDArray[np.int64]) -> list[int]:
    """The highest peaks, at least APART from each other."""
    kept: list[int] = []
    for peak in peaks[np.argsort(-correlation[peaks], kind="stable")]:
        if all(abs(peak - other) >= APART for other in kept):
            kept.append(int(peak))
    return kept


def _spectrum(sound: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Spectrum of STEP + LONGEST samples, padded with zeros."""
    return np.asarray(fft.rfft(sound, STEP + LONGEST), np.complex64)
