"""Where known sounds lie in a recording: cross-correlation of spectrograms in which every bin is as loud as any other.

The STFTs of the recording and of the effect are each divided by the root of their own power, smoothed over some frames and bins, and
what is left, nearly phases alone, is correlated as sound. So loud speech over an effect does not count more than what is quiet, and
the correlation is next to normally distributed wherever the effect is not: how far a peak stands out of it tells how certain it is.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import uniform_filter

from components.denoise.steps import Mono

FRAME = 1024
"""Samples of a frame of the STFT, 23 ms; frames overlap by half."""
HOP = FRAME // 2
STEP = 1 << 19
"""Samples in which the beginnings of effects are looked for at a time, 11.9 s."""
LONGEST = 1 << 18
"""Samples of an effect that are looked for, 5.9 s: of a longer one its loudest."""
LEAST_HEIGHT = 14.0
"""Of a peak, in standard deviations of the correlation, to be an effect. On mixed episodes after MP3 the peaks of effects are 20 high or
more, and in 24 minutes of them none of 41 effects that were not there has a peak of 8; near an effect that repeats itself some have 12."""
MEDIAN_EVERY = 16
"""The spread of half a million samples is known from as many as these leave."""
APART = 441
"""Samples between two places where the same effect may begin, 10 ms."""
FLOOR = 1e-3
"""Of a bin's mean power, that is added: what is quieter does not count."""
EFFECT_FLOOR = 1e-4
"""Of an effect's mean power: where it has nothing but its file's noise, nothing is to be found of it."""
SILENCE = 1e-9
"""The same, of full scale."""
_TAPER = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME))

Stft = NDArray[np.complex128]
"""Shaped (frames, bins)."""


class Hit(NamedTuple):
    """A place where an effect begins."""

    height: float
    effect: int
    start: int


class Template(NamedTuple):
    """What is looked for of an effect."""

    spectrum: NDArray[np.complex64]
    offset: int
    """Samples of the effect before it."""
    spread: float
    """Standard deviation of its correlation with noise in which every bin is as loud as any other."""


def frames(sound: Mono) -> Stft:
    """STFT of frames every HOP; the first begins a HOP before the sound, the last ends a HOP or less after it."""
    count = -(-len(sound) // HOP) + 1
    padded = np.zeros((count + 1) * HOP)
    padded[HOP : HOP + len(sound)] = sound
    return np.asarray(fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP] * _TAPER, axis=1))


def sound_of(stft: Stft, samples: int) -> Mono:
    """The inverse of `frames`, of so many samples."""
    pieces = fft.irfft(stft, FRAME, axis=1) * _TAPER
    total = np.zeros((len(pieces) + 1, HOP))
    total[:-1] = pieces[:, :HOP]
    total[1:] += pieces[:, HOP:]
    return total.ravel()[HOP : HOP + samples]


def power(stft: Stft) -> NDArray[np.float64]:
    """Smoothed power of each bin, never 0."""
    smooth = uniform_filter(np.square(stft.real) + np.square(stft.imag), (3, 5), mode="nearest")
    return np.asarray(smooth + FLOOR * smooth.mean(axis=0) + SILENCE * FRAME)


def white(sound: Mono, floor: float = 0.0) -> NDArray[np.float32]:
    """The sound with every bin as loud as any other, but for what is quiet, as all are that lie `floor` below the mean power of all."""
    stft = frames(sound)
    loudness = power(stft)
    return sound_of(stft / np.sqrt(loudness + floor * loudness.mean()), len(sound)).astype(np.float32)


def template(effect: Mono) -> Template:
    """The loudest part of an effect, as `find` wants it."""
    length = min(len(effect), LONGEST)
    energy = np.concatenate([[0], np.cumsum(np.square(effect))])
    offset = int(np.argmax(energy[length:] - energy[:-length]))
    part = white(effect[offset : offset + length], EFFECT_FLOOR)
    return Template(_spectrum(part), offset, float(np.linalg.norm(part)) / np.sqrt(HOP))


def find(sound: Mono, first: int, templates: Sequence[Template]) -> list[Hit]:
    """Where effects begin within STEP samples from `first` on, the most certain first.

    Args:
        sound: Samples around there; `first` is an index into it.
        templates: Of the effects.
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
        spread = max(spread, 1.4826 * float(np.median(np.abs(correlation[::MEDIAN_EVERY]))))  # of a normal distribution
        peaks = np.flatnonzero(correlation > LEAST_HEIGHT * spread)
        found += [Hit(float(correlation[p] / spread), number, first + int(p)) for p in _highest(correlation, peaks)]
    return sorted(found, reverse=True)


def _highest(correlation: NDArray[np.float32], peaks: NDArray[np.int64]) -> list[int]:
    """Those of several peaks APART that are the highest around there."""
    kept: list[int] = []
    for peak in peaks[np.argsort(-correlation[peaks], kind="stable")]:
        if all(abs(peak - other) >= APART for other in kept):
            kept.append(int(peak))
    return kept


def _spectrum(sound: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Of STEP + LONGEST samples, zeros after the sound."""
    return np.asarray(fft.rfft(sound, STEP + LONGEST), np.complex64)
