"""Fits known effects to a recording and subtracts them.

A recording holds an effect with another gain, a delay by a fraction of a sample, and the distortion of a codec or an equalizer. A short
FIR filter models all of these. It is fitted by weighted least squares: the louder the other sound in an STFT bin, by the previous fit,
the lower the weight of the bin.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.linalg import solve_toeplitz

from components.separate.match import HOP, Hit, frames, power, sound_of
from components.shared.steps import Mono

REACH = 16
"""Taps of the filter on each side of the middle one, 0.4 ms."""
RIDGE = 1e-3
"""Regularization, relative to the effect's energy; keeps the filter from amplifying frequencies that the effect lacks."""
ROUNDS = 3
"""Number of fits in a row; each uses the level of the other sound, and the other effects, from the previous fit."""
TILE_FRAMES, TILE_BINS = 8, 16
"""Size of the STFT tiles in which the rest of an effect is measured: 93 ms by 690 Hz."""
MOST_DB = 40.0
"""Maximum attenuation that can be estimated."""


class Fit(NamedTuple):
    """An effect fitted to a recording."""

    hit: Hit
    taps: NDArray[np.float64]
    correlation: float
    """Correlation of the fitted effect with the recording without other effects, over its length, 0 to 1."""
    attenuation_db: float
    """Attenuation estimated from the part of the rest that correlates with the effect."""


def rendered(effect: Mono, taps: NDArray[np.float64]) -> Mono:
    """Returns the filtered effect: it starts REACH samples before the hit, and is 2 REACH longer than the effect."""
    return np.convolve(effect, taps)


def fitted(sound: Mono, effects: Sequence[Mono], hits: Sequence[Hit]) -> tuple[list[Fit], Mono]:
    """Fits effects that may overlap, in ROUNDS rounds; returns the fits, in the order of the hits, and the sound without them.

    Hits start within the sound; effects are cut at its end.
    """
    rest = sound.copy()
    whole = [effects[h.effect][: len(sound) - h.start] for h in hits]
    drawn = [np.zeros(len(effect) + 2 * REACH) for effect in whole]
    taps = [np.zeros(2 * REACH + 1) for _ in hits]
    for _ in range(ROUNDS):
        for i, hit in enumerate(hits):
            _add(rest, hit.start - REACH, drawn[i])
            taps[i] = _taps(_cut(rest, hit.start - REACH, len(drawn[i])), whole[i], drawn[i])
            drawn[i] = rendered(whole[i], taps[i])
            _add(rest, hit.start - REACH, -drawn[i])
    fits = []
    for hit, filter_, sound_ in zip(hits, taps, drawn, strict=True):
        left = _cut(rest, hit.start - REACH, len(sound_))
        fits.append(Fit(hit, filter_, _correlation(left + sound_, sound_), attenuation_db(left, sound_)))
    return fits, rest


def _taps(sound: Mono, effect: Mono, drawn: Mono) -> NDArray[np.float64]:
    """Returns the filter that fits the effect to the sound best. The sound extends REACH samples beyond both ends of the effect."""
    loudness = np.sqrt(power(frames(sound - drawn)))
    heard, known = (sound_of(frames(s) / loudness, len(s)) for s in (sound, np.pad(effect, REACH)))
    size = fft.next_fast_len(len(known) + 2 * REACH, real=True)  # long enough to avoid circular wrap-around
    spectrum = fft.rfft(known, size)
    wanted = fft.irfft(fft.rfft(heard, size) * spectrum.conj(), size)[np.arange(-REACH, REACH + 1)]
    own = fft.irfft(np.square(np.abs(spectrum)), size)[: 2 * REACH + 1]
    own[0] *= 1 + RIDGE
    return np.asarray(solve_toeplitz(own, wanted))


def _correlation(sound: Mono, drawn: Mono) -> float:
    size = np.sqrt((sound @ sound) * (drawn @ drawn))
    return float(np.clip(sound @ drawn / size, 0, 1)) if size else 0.0


def attenuation_db(left: Mono, drawn: Mono) -> float:
    """Estimates the attenuation of an effect in dB, up to MOST_DB, from the part of the rest that correlates with it.

    Each tile of the STFT is compared; the correlation that independent sounds have by chance is subtracted.
    """
    rest, effect = _tiles(left), _tiles(drawn)
    own = np.sum(np.abs(effect) ** 2, axis=-1)
    common = np.abs(np.sum(rest * effect.conj(), axis=-1)) ** 2 - np.sum(np.abs(rest) ** 2 * np.abs(effect) ** 2, axis=-1)
    remains = float(np.sum(common / np.maximum(own, 1e-12)))
    total = float(own.sum())
    return min(MOST_DB, 10 * float(np.log10(total / remains))) if remains > 0 and total > 0 else MOST_DB


def _tiles(sound: Mono) -> NDArray[np.complex128]:
    """Returns the STFT in tiles, shaped (rows, columns, bins of a tile)."""
    stft = frames(np.pad(sound, (0, -len(sound) % (TILE_FRAMES * HOP))))
    rows, columns = len(stft) // TILE_FRAMES, stft.shape[1] // TILE_BINS
    cut = stft[: rows * TILE_FRAMES, : columns * TILE_BINS].reshape(rows, TILE_FRAMES, columns, TILE_BINS)
    return cut.transpose(0, 2, 1, 3).reshape(rows, columns, -1)


def _cut(sound: Mono, start: int, length: int) -> Mono:
    """Returns a piece of a sound, padded with zeros outside the sound."""
    inside = sound[max(0, start) : max(0, start + length)]
    before = max(0, -start)
    return np.pad(inside, (min(before, length), max(0, length - min(before, length) - len(inside))))


def _add(sound: Mono, start: int, other: Mono) -> None:
    """Adds another sound in place, cut to the length of the first."""
    first, last = max(0, start), min(len(sound), start + len(other))
    if first < last:
        sound[first:last] += other[first - start : last - start]
