"""Finds known sounds in a recording by cross-correlation after whitening.

The STFTs of the recording and of the effect are divided by the root of their own power, smoothed over some frames and bins, and
transformed back to sound. So loud speech over an effect counts no more than quiet parts. Without the effect the correlation is almost
normally distributed, so the height of a peak measures its certainty.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import uniform_filter

from components.shared.steps import Mono

FRAME = 1024
"""Samples of an STFT frame, 23 ms; frames overlap by half."""
HOP = FRAME // 2
STEP = 1 << 19
"""Samples per search, 11.9 s; effects may start at each of them."""
LONGEST = 1 << 18
"""Maximum number of samples of a template, 5.9 s; a longer effect is searched for by its loudest part."""
LEAST_HEIGHT = 14.0
"""Minimum height of an effect's peak, in standard deviations of the correlation. In mixed episodes after MP3, peaks of effects reach 20
or more; in 24 minutes of them no peak of 41 absent effects reaches 8; some near a repetitive effect reach 12."""
MEDIAN_EVERY = 16
"""Stride in samples at which the correlation's spread is estimated."""
APART = 441
"""Minimum samples between two starts of the same effect, 10 ms."""
FLOOR = 1e-3
"""Share of a bin's mean power that is added to its power, so that quieter parts do not count."""
EFFECT_FLOOR = 1e-4
"""Share of an effect's mean power that is added to its power, so that the noise of its file does not count."""
SILENCE = 1e-9
"""Share of full scale that is added, for the same reason."""
_TAPER = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME))

Stft = NDArray[np.complex128]
"""Shaped (frames, bins)."""


class Hit(NamedTuple):
    """The start of an effect in a recording."""

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
    """Returns the STFT; the first frame starts one HOP before the sound, the last ends at most one HOP after it."""
    count = -(-len(sound) // HOP) + 1
    padded = np.zeros((count + 1) * HOP)
    padded[HOP : HOP + len(sound)] = sound
    return np.asarray(fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP] * _TAPER, axis=1))


def sound_of(stft: Stft, samples: int) -> Mono:
    """Returns the inverse of `frames`, cut to a number of samples."""
    pieces = fft.irfft(stft, FRAME, axis=1) * _TAPER
    total = np.zeros((len(pieces) + 1, HOP))
    total[:-1] = pieces[:, :HOP]
    total[1:] += pieces[:, HOP:]
    return total.ravel()[HOP : HOP + samples]


def power(stft: Stft) -> NDArray[np.float64]:
    """Returns the smoothed power of each bin, above 0, shaped (frames, bins)."""
    smooth = uniform_filter(np.square(stft.real) + np.square(stft.imag), (3, 5), mode="nearest")
    return np.asarray(smooth + FLOOR * smooth.mean(axis=0) + SILENCE * FRAME)


def white(sound: Mono, floor: float = 0.0) -> NDArray[np.float32]:
    """Returns the whitened sound; parts weaker than `floor` times its mean power stay quiet."""
    stft = frames(sound)
    loudness = power(stft)
    return sound_of(stft / np.sqrt(loudness + floor * loudness.mean()), len(sound)).astype(np.float32)


def template(effect: Mono) -> Template:
    """Returns the template of an effect: its loudest part, whitened."""
    length = min(len(effect), LONGEST)
    energy = np.concatenate([[0], np.cumsum(np.square(effect))])
    offset = int(np.argmax(energy[length:] - energy[:-length]))
    part = white(effect[offset : offset + length], EFFECT_FLOOR)
    return Template(_spectrum(part), offset, float(np.linalg.norm(part)) / np.sqrt(HOP))


def find(sound: Mono, first: int, templates: Sequence[Template]) -> list[Hit]:
    """Finds effects in a sound that start within STEP samples from sample `first` on; returns the most certain first."""
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
    """Returns the highest peaks that are at least APART from each other."""
    kept: list[int] = []
    for peak in peaks[np.argsort(-correlation[peaks], kind="stable")]:
        if all(abs(peak - other) >= APART for other in kept):
            kept.append(int(peak))
    return kept


def _spectrum(sound: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Returns the spectrum of a sound, padded with zeros to STEP + LONGEST samples."""
    return np.asarray(fft.rfft(sound, STEP + LONGEST), np.complex64)
