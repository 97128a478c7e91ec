"""How a known sound lies in a recording, and what the recording is without it.

Between an effect's file and what is heard of it lie a gain, a fraction of a sample and what a codec or an equalizer did: all of it a
short FIR filter, fitted by least squares in which a bin of the STFT counts the less the louder everything else is there, as far
as the fit before tells that.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.linalg import solve_toeplitz
from scipy.signal import oaconvolve

from components.denoise.match import HOP, Hit, frames, power, sound_of
from components.denoise.steps import Mono

REACH = 16
"""Taps of the filter on either side of the middle one, 0.4 ms."""
RIDGE = 1e-3
"""Of the effect's own energy: what keeps frequencies that it does not have out of the filter."""
ROUNDS = 3
"""Fits one after the other: each knows from the one before how loud everything else is, and where other effects are."""
TILE_FRAMES, TILE_BINS = 8, 16
"""Of the STFT, 93 ms and 690 Hz, in which what is left of an effect is looked for."""
MOST_DB = 40.0
"""Attenuation beyond which the estimate says nothing."""


class Fit(NamedTuple):
    """An effect as it lies in a recording."""

    hit: Hit
    taps: NDArray[np.float64]
    correlation: float
    """Of the fitted effect and the recording without other effects, over its length."""
    attenuation_db: float
    """Estimated from what in the rest still moves with the effect."""


def rendered(effect: Mono, taps: NDArray[np.float64]) -> Mono:
    """The effect as the recording has it: begins REACH samples before the hit, and is 2 REACH longer than the effect."""
    return np.asarray(oaconvolve(effect, taps))


def fitted(sound: Mono, effects: Sequence[Mono], hits: Sequence[Hit]) -> tuple[list[Fit], Mono]:
    """Fits effects that may overlap each other, one after the other and again.

    Args:
        sound: Samples around all of them.
        effects: Known effects; what would lie after the sound's end is left out.
        hits: Which of them begin where in `sound`.

    Returns:
        The fits, as the hits are ordered, and the sound without them.
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
    """The filter by which the effect is most like the sound, which begins REACH samples before it and ends as many after it."""
    loudness = np.sqrt(power(frames(sound - drawn)))
    heard, known = (sound_of(frames(s) / loudness, len(s)) for s in (sound, np.pad(effect, REACH)))
    size = fft.next_fast_len(len(known) + 2 * REACH, real=True)  # so that nothing comes round
    spectrum = fft.rfft(known, size)
    wanted = fft.irfft(fft.rfft(heard, size) * spectrum.conj(), size)[np.arange(-REACH, REACH + 1)]
    own = fft.irfft(np.square(np.abs(spectrum)), size)[: 2 * REACH + 1]
    own[0] *= 1 + RIDGE
    return np.asarray(solve_toeplitz(own, wanted))


def _correlation(sound: Mono, drawn: Mono) -> float:
    size = np.sqrt((sound @ sound) * (drawn @ drawn))
    return float(np.clip(sound @ drawn / size, 0, 1)) if size else 0.0


def attenuation_db(left: Mono, drawn: Mono) -> float:
    """How much less of an effect there is than there was, as far as what is left still moves with it.

    In every tile of the STFT the rest is compared with the effect; what two sounds that have nothing to do with each other have
    in common by chance is taken off.
    """
    rest, effect = _tiles(left), _tiles(drawn)
    own = np.sum(np.abs(effect) ** 2, axis=-1)
    common = np.abs(np.sum(rest * effect.conj(), axis=-1)) ** 2 - np.sum(np.abs(rest) ** 2 * np.abs(effect) ** 2, axis=-1)
    remains = float(np.sum(common / np.maximum(own, 1e-12)))
    total = float(own.sum())
    return min(MOST_DB, 10 * float(np.log10(total / remains))) if remains > 0 and total > 0 else MOST_DB


def _tiles(sound: Mono) -> NDArray[np.complex128]:
    """STFT as tiles, shaped (rows, columns, bins in a tile)."""
    stft = frames(np.pad(sound, (0, -len(sound) % (TILE_FRAMES * HOP))))
    rows, columns = len(stft) // TILE_FRAMES, stft.shape[1] // TILE_BINS
    cut = stft[: rows * TILE_FRAMES, : columns * TILE_BINS].reshape(rows, TILE_FRAMES, columns, TILE_BINS)
    return cut.transpose(0, 2, 1, 3).reshape(rows, columns, -1)


def _cut(sound: Mono, start: int, length: int) -> Mono:
    """A piece of a sound, zeros where it has none."""
    inside = sound[max(0, start) : max(0, start + length)]
    before = max(0, -start)
    return np.pad(inside, (min(before, length), max(0, length - min(before, length) - len(inside))))


def _add(sound: Mono, start: int, other: Mono) -> None:
    """Adds another sound in place, what lies outside left out."""
    first, last = max(0, start), min(len(sound), start + len(other))
    if first < last:
        sound[first:last] += other[first - start : last - start]
