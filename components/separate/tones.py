"""`tones`: finds steady tones (whistles, hum) and removes them.

A tone is steady if a narrow peak keeps its frequency, or drifts slowly, for a minute or throughout a shorter recording. Voices and
instruments do not hold a note to half a hertz for that long. The subtracted sine has a time-varying amplitude and phase. They are fitted
over half a second around each moment, with less weight for moments with more other sound near the tone. So a fricative over the tone
hardly affects the fit, and a tone whose level an earlier filter modulated is removed as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from components.shared.pieces import Piece, pieces
from components.shared.rows import SAMPLE_RATE_HZ, Removed
from components.shared.steps import Filter, Mono, Prepared, Sound, Step, Stream

FRAME = 1 << 17
"""Samples of a spectrum, 3 s, for a resolution of 0.34 Hz."""
HOP = FRAME // 2
BIN_HZ = SAMPLE_RATE_HZ / FRAME

LOWEST_HZ, HIGHEST_HZ = 20.0, 20_000.0
PROMINENCE_DB = 12.0
"""Minimum height of a peak above its surroundings."""
AUDIBLE_DB = -90.0
"""Amplitude, relative to full scale, below which a sine counts as silence."""
DRIFT_HZ = 0.5
"""Maximum drift of a tone from one spectrum to the next."""
STEADY_SECONDS, LEAST_SECONDS = 60.0, 20.0
"""Minimum length of a tone: the first number, or the length of a shorter recording, but no less than the second."""
SHARE = 0.7
"""Minimum share of a tone's spectra that show it."""
FORGET = 0.07
"""Weight of the newest spectrum in a tone's presence; a tone ends after ten spectra without it."""
STEP_DB = 1.0
"""Maximum median level change between consecutive spectra of a tone; repeated notes change more."""

POINT = 441
"""Samples per value of a tone's amplitude, 0.01 s."""
SIZE = 1000 * POINT
MARGIN = 110 * POINT
FIT = 101
"""Points per fit of an amplitude; with the Hann window about half of them count."""
BESIDE_HZ = 25.0
"""Distance from a tone within which noise reduces the weight of a point."""
LEAST_NOISE = 1e-3
"""Noise power, relative to the tone, below which the weight of a point no longer grows."""

Peaks = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Frequencies in Hz and amplitudes in dB."""


@dataclass
class SteadyTone:
    """A peak that was tracked from spectrum to spectrum."""

    frames: list[int] = field(default_factory=list)
    """Indices of the spectra that show it."""
    frequencies: list[float] = field(default_factory=list)
    levels: list[float] = field(default_factory=list)
    presence: float = 1.0
    """Share of the latest spectra that show it, weighted towards the newest."""

    def add(self, frame: int, frequency_hz: float, level_db: float) -> None:
        self.frames.append(frame)
        self.frequencies.append(frequency_hz)
        self.levels.append(level_db)

    @property
    def frequency_hz(self) -> float:
        return float(np.median(self.frequencies))

    @property
    def start(self) -> int:
        """First sample of the first spectrum that shows it."""
        return self.frames[0] * HOP

    @property
    def stop(self) -> int:
        """Sample after the last spectrum that shows it."""
        return (self.frames[-1] + 1) * HOP


def tones() -> Step:
    """Returns a step that removes steady tones. Its analysis reads the recording twice: to find them, and to measure their attenuation."""
    return Step(_prepare, passes=2)


def _prepare(sound: Sound) -> Prepared:
    found = find(sound.stream(), sound.samples)
    if not found:
        return Prepared(lambda stream: stream)
    filter_ = without(found)
    attenuations = left(filter_(sound.stream()), found)
    return Prepared(filter_, tuple(_removed(sound, tone, db) for tone, db in zip(found, attenuations, strict=True)))


def _removed(sound: Sound, tone: SteadyTone, attenuation_db: float) -> Removed:
    span = tone.start / SAMPLE_RATE_HZ, min(tone.stop, sound.samples) / SAMPLE_RATE_HZ
    name, frequency = f"{tone.frequency_hz:.0f} Hz", round(tone.frequency_hz, 2)
    return Removed(sound.recording, *span, "tones", name, frequency, None, round(attenuation_db, 2))


# --- finding


def spectra(stream: Stream) -> Iterator[NDArray[np.float64]]:
    """Yields power spectra, one per HOP with half a hop of context on both sides; a sine of amplitude 1 has power 1."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)
    scale = 2 / np.sum(window)
    for piece in pieces(stream, HOP, HOP // 2):
        yield np.square(np.abs(fft.rfft(piece.samples * window) * scale))


def beside(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the mean power 5 to 14 bins away from each bin, on the louder side."""
    means = np.convolve(np.pad(power, 14, mode="edge"), np.full(10, 0.1), "valid")  # the first mean covers the bins from -14 to -5
    return np.maximum(means[: len(power)], means[19:])


def peaks(power: NDArray[np.float64]) -> Peaks:
    """Finds the narrow peaks of a spectrum, in ascending order."""
    inner = power[1:-1]
    least = np.maximum(10 ** (PROMINENCE_DB / 10) * beside(power)[1:-1], 10 ** (AUDIBLE_DB / 10))
    bins = 1 + np.flatnonzero((inner > least) & (inner > power[:-2]) & (inner >= power[2:]))
    bins = bins[(bins * BIN_HZ >= LOWEST_HZ) & (bins * BIN_HZ <= HIGHEST_HZ)]
    before, level, after = (10 * np.log10(power[bins + i] + 1e-30) for i in (-1, 0, 1))
    between = 0.5 * (before - after) / (before - 2 * level + after)  # vertex of the parabola through the three points
    return (bins + between) * BIN_HZ, level - 0.25 * (before - after) * between


def find(stream: Stream, samples: int) -> list[SteadyTone]:
    """Finds the steady tones of a recording, in ascending order of frequency."""
    live: list[SteadyTone] = []
    found: list[SteadyTone] = []
    for frame, power in enumerate(spectra(stream)):
        _follow(live, frame, *peaks(power))
        found += [t for t in live if t.presence < 0.5 and steady(t, samples)]
        live = [t for t in live if t.presence >= 0.5]
    found += [t for t in live if steady(t, samples)]
    return sorted(found, key=lambda t: (t.frequency_hz, t.start))


def _follow(live: list[SteadyTone], frame: int, frequencies: NDArray[np.float64], levels: NDArray[np.float64]) -> None:
    """Assigns the nearest peak within reach to every tone, oldest first; the other peaks start new tones."""
    free = np.ones(len(frequencies), bool)
    for tone in live:
        tone.presence *= 1 - FORGET
        near = np.searchsorted(frequencies, [tone.frequencies[-1] - DRIFT_HZ, tone.frequencies[-1] + DRIFT_HZ])
        reach = [i for i in range(*near) if free[i]]
        if reach:
            best = min(reach, key=lambda i: abs(frequencies[i] - tone.frequencies[-1]))
            tone.add(frame, float(frequencies[best]), float(levels[best]))
            tone.presence += FORGET
            free[best] = False
    live += [SteadyTone([frame], [float(frequencies[i])], [float(levels[i])]) for i in np.flatnonzero(free)]


def steady(tone: SteadyTone, samples: int) -> bool:
    """Returns whether a tone is long enough, present in most spectra, and constant in level."""
    needed = max(LEAST_SECONDS * SAMPLE_RATE_HZ, min(STEADY_SECONDS * SAMPLE_RATE_HZ, samples - HOP))
    return (
        tone.stop - tone.start >= needed
        and len(tone.frames) >= SHARE * (tone.frames[-1] + 1 - tone.frames[0])
        and float(np.median(np.abs(np.diff(tone.levels)))) <= STEP_DB
    )


def left(stream: Stream, tones: list[SteadyTone]) -> list[float]:
    """Returns the median attenuation of each tone in dB, relative to the rest at its frequency or the noise beside it if that is louder."""
    falls: list[list[float]] = [[] for _ in tones]
    for frame, power in enumerate(spectra(stream)):
        noise = None
        for tone, fall in zip(tones, falls, strict=True):
            hit = len(fall)
            if hit < len(tone.frames) and tone.frames[hit] == frame:
                noise = beside(power) if noise is None else noise
                at = round(tone.frequencies[hit] / BIN_HZ)
                fall.append(tone.levels[hit] - 10 * np.log10(max(np.max(power[at - 1 : at + 2]), noise[at], 1e-30)))
    return [float(np.median(fall)) for fall in falls]


# --- removing


def without(tones: list[SteadyTone]) -> Filter:
    """Returns a filter that subtracts tones."""

    def run(stream: Stream) -> Stream:
        for piece in pieces(stream, SIZE, MARGIN):
            rest = piece.samples[MARGIN : MARGIN + SIZE].copy()
            for tone in tones:
                if tone.start - HOP < piece.start + SIZE and tone.stop + HOP > piece.start:
                    rest -= _sine(piece, tone)
            yield rest[: piece.own]

    return run


def _sine(piece: Piece, tone: SteadyTone) -> Mono:
    """Returns the sine of a tone for the samples of a piece without its margins.

    Each POINT samples turn as the first ones do, from another phase. So a piece is a table with a row for each point, and both the
    amplitudes and the sine are products of small matrices.
    """
    points = piece.start - MARGIN + POINT * np.arange(len(piece.samples) // POINT)
    turn = tone.frequency_hz / SAMPLE_RATE_HZ
    phases = np.exp(2j * np.pi * (turn * points % 1))
    drift = np.exp(2j * np.pi * np.cumsum(_frequencies(tone, points) - tone.frequency_hz) * POINT / SAMPLE_RATE_HZ)
    turned = _demodulated(piece.samples, turn) * phases.conj() * drift.conj()
    fit = _fitted(turned, 10 ** (float(np.median(tone.levels)) / 10) / 4) * drift
    fit[(points < tone.start - HOP) | (points > tone.stop + HOP)] = 0
    first = MARGIN // POINT
    own = fit[first : first + SIZE // POINT + 1]
    here = phases[first : first + SIZE // POINT]
    ends = np.stack([here * own[:-1], here * own[1:]], axis=1)  # between two points the amplitude is interpolated
    share = np.arange(POINT) / POINT
    turns = np.exp(2j * np.pi * turn * np.arange(POINT)) * np.stack([1 - share, share])
    table = np.concatenate([ends.real, -ends.imag], axis=1), np.concatenate([turns.real, turns.imag])
    return 2 * np.einsum("pi,is->ps", *table).ravel()  # not by BLAS, whose threads take more time than this


def _demodulated(samples: Mono, turn: float) -> NDArray[np.complex128]:
    """Returns a sound below BESIDE_HZ after a frequency, in turns per sample, is moved to 0: at each point, relative to its phase there."""
    span = np.arange(-2 * POINT, 2 * POINT)
    rows = np.pad(samples, 2 * POINT).reshape(-1, POINT)
    taps = (_low_pass() * np.exp(-2j * np.pi * (turn * span % 1))).reshape(4, POINT)
    real, imaginary = (np.einsum("ps,is->ip", rows, part) for part in (taps.real, taps.imag))
    parts = real + 1j * imaginary
    return np.sum([parts[i, i : len(rows) - 4 + i] for i in range(4)], axis=0)


@cache
def _low_pass() -> Mono:
    """Taps of a low-pass filter that reaches 2 POINT samples on both sides, where it is 0."""
    at = np.arange(-2 * POINT, 2 * POINT)
    taps = np.sinc(2 * BESIDE_HZ / SAMPLE_RATE_HZ * at) * (0.54 + 0.46 * np.cos(np.pi * at / (2 * POINT)))
    return np.asarray(taps / np.sum(taps))


def _frequencies(tone: SteadyTone, points: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns the frequencies of a tone in Hz at samples of the recording: medians over nearby spectra."""
    middles = np.array(tone.frames) * HOP + HOP // 2
    return np.interp(points, middles, ndimage.median_filter(np.array(tone.frequencies), 9, mode="nearest"))


def _fitted(turned: NDArray[np.complex128], power: float) -> NDArray[np.complex128]:
    """Fits the complex amplitude of a demodulated sine at every point; `power` is its approximate power."""
    window = np.hanning(FIT + 2)[1:-1]
    mean = np.convolve(turned, window / np.sum(window), "same")
    short = np.hanning(13)[1:-1]
    noise = np.convolve(np.square(np.abs(turned - mean)), short / np.sum(short), "same")
    weights = 1 / (noise + LEAST_NOISE * power)
    return np.convolve(turned * weights, window, "same") / np.convolve(weights, window, "same")
