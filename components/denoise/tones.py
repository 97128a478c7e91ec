"""Steady tones (whistles, hum): found by themselves, and taken out.

A tone is steady if a narrow peak stands on one frequency, or drifts slowly, for a minute; in a shorter recording, for all of it.
Voices and instruments do not hold a note to half a hertz for that long. What is subtracted is a sine whose amplitude and phase
follow the recording's: fitted over half a second around each moment, where a hundredth of a second counts the less, the more
else there is beside the tone. So nothing is fitted to a fricative that covers it, and a tone that something before made louder and
softer goes as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal

from components.denoise.pieces import Piece, pieces
from components.denoise.steps import Filter, Mono, Prepared, Sound, Step, Stream
from components.shared.rows import SAMPLE_RATE_HZ, Removed

FRAME = 1 << 17
"""Samples of a spectrum, 3 s, which tells frequencies 0.34 Hz apart."""
HOP = FRAME // 2
BIN_HZ = SAMPLE_RATE_HZ / FRAME

LOWEST_HZ, HIGHEST_HZ = 20.0, 20_000.0
PROMINENCE_DB = 12.0
"""How far a peak stands above what is beside it."""
AUDIBLE_DB = -90.0
"""Amplitude below which a sine counts as silence, against full scale."""
DRIFT_HZ = 0.5
"""How far a tone moves from one spectrum to the next."""
STEADY_SECONDS, LEAST_SECONDS = 60.0, 20.0
"""How long a tone stands; in a recording shorter than the first, all through it, if that is as long as the second."""
SHARE = 0.7
"""Of the spectra of a tone that show it."""
FORGET = 0.07
"""How much the last spectrum counts in a tone's presence: ten without it end it."""
STEP_DB = 1.0
"""Median step from a spectrum with a tone to the next; notes that are played again and again differ more."""

POINT = 441
"""Samples from one value of a tone's amplitude to the next, 0.01 s."""
SIZE = 1000 * POINT
MARGIN = 110 * POINT
FIT = 101
"""Points that an amplitude is fitted to; weighted by a Hann window, so it is half as many that count."""
BESIDE_HZ = 25.0
"""How far from a tone the noise is measured that weighs the points."""
LEAST_NOISE = 1e-3
"""Power of the noise, against the tone's, below which no point counts more."""

Peaks = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Frequencies in Hz and amplitudes in dB."""


@dataclass
class SteadyTone:
    """A peak that was tracked from spectrum to spectrum."""

    frames: list[int] = field(default_factory=list)
    """The spectra that show it."""
    frequencies: list[float] = field(default_factory=list)
    levels: list[float] = field(default_factory=list)
    presence: float = 1.0
    """Share of the last spectra that show it, the newest counting most."""

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
        """Sample after the last of the last."""
        return (self.frames[-1] + 1) * HOP


def tones() -> Step:
    """A step that takes out the steady tones it finds; it listens once to find them and once to what is left of them."""
    return Step(_prepare, passes=2)


def _prepare(sound: Sound) -> Prepared:
    found = find(sound.stream(), sound.samples)
    filter_ = without(found)
    attenuations = left(filter_(sound.stream()), found)
    return Prepared(filter_, tuple(_removed(sound, tone, db) for tone, db in zip(found, attenuations, strict=True)))


def _removed(sound: Sound, tone: SteadyTone, attenuation_db: float) -> Removed:
    span = tone.start / SAMPLE_RATE_HZ, min(tone.stop, sound.samples) / SAMPLE_RATE_HZ
    name, frequency = f"{tone.frequency_hz:.0f} Hz", round(tone.frequency_hz, 2)
    return Removed(sound.recording, *span, "tones", name, frequency, None, round(attenuation_db, 2))


# --- finding


def spectra(stream: Stream) -> Iterator[NDArray[np.float64]]:
    """Power at every multiple of BIN_HZ, HOP after HOP and over half a hop more on either side; a sine of amplitude 1 has 1."""
    window = signal.get_window("hann", FRAME)
    scale = 2 / np.sum(window)
    for piece in pieces(stream, HOP, HOP // 2):
        yield np.square(np.abs(np.fft.rfft(piece.samples * window) * scale))


def beside(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean power from 5 to 14 bins away of each bin, on the side where it is more."""
    means = np.convolve(np.pad(power, 14, mode="edge"), np.full(10, 0.1), "valid")  # the first is of the bins from -14 to -5
    return np.maximum(means[: len(power)], means[19:])


def peaks(power: NDArray[np.float64]) -> Peaks:
    """The narrow peaks of a spectrum, from low to high."""
    inner = power[1:-1]
    least = np.maximum(10 ** (PROMINENCE_DB / 10) * beside(power)[1:-1], 10 ** (AUDIBLE_DB / 10))
    bins = 1 + np.flatnonzero((inner > least) & (inner > power[:-2]) & (inner >= power[2:]))
    bins = bins[(bins * BIN_HZ >= LOWEST_HZ) & (bins * BIN_HZ <= HIGHEST_HZ)]
    before, level, after = (10 * np.log10(power[bins + i] + 1e-30) for i in (-1, 0, 1))
    between = 0.5 * (before - after) / (before - 2 * level + after)  # the top of the parabola through the three
    return (bins + between) * BIN_HZ, level - 0.25 * (before - after) * between


def find(stream: Stream, samples: int) -> list[SteadyTone]:
    """The steady tones of a recording, from low to high."""
    live: list[SteadyTone] = []
    found: list[SteadyTone] = []
    for frame, power in enumerate(spectra(stream)):
        _follow(live, frame, *peaks(power))
        found += [t for t in live if t.presence < 0.5 and steady(t, samples)]
        live = [t for t in live if t.presence >= 0.5]
    found += [t for t in live if steady(t, samples)]
    return sorted(found, key=lambda t: (t.frequency_hz, t.start))


def _follow(live: list[SteadyTone], frame: int, frequencies: NDArray[np.float64], levels: NDArray[np.float64]) -> None:
    """Gives every tone, the oldest first, the nearest peak within reach; what is left begins tones."""
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
    """Whether it stands long enough, in most spectra and at one level."""
    needed = max(LEAST_SECONDS * SAMPLE_RATE_HZ, min(STEADY_SECONDS * SAMPLE_RATE_HZ, samples - HOP))
    return (
        tone.stop - tone.start >= needed
        and len(tone.frames) >= SHARE * (tone.frames[-1] + 1 - tone.frames[0])
        and float(np.median(np.abs(np.diff(tone.levels)))) <= STEP_DB
    )


def left(stream: Stream, tones: list[SteadyTone]) -> list[float]:
    """By how many dB each tone fell: to what is left on its frequency, or to the noise beside it if that is more; a median."""
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


# --- taking out


def without(tones: list[SteadyTone]) -> Filter:
    """A filter that subtracts tones."""

    def run(stream: Stream) -> Stream:
        for piece in pieces(stream, SIZE, MARGIN):
            rest = piece.samples[MARGIN : MARGIN + SIZE].copy()
            for tone in tones:
                if tone.start - HOP < piece.start + SIZE and tone.stop + HOP > piece.start:
                    rest -= _sine(piece, tone)
            yield rest[: piece.own]

    return run


def _sine(piece: Piece, tone: SteadyTone) -> Mono:
    """A tone as it is in a piece's own samples."""
    first = piece.start - MARGIN
    turns = np.exp(2j * np.pi * (tone.frequency_hz / SAMPLE_RATE_HZ * np.arange(first, first + len(piece.samples)) % 1))
    points = first + POINT * np.arange(len(piece.samples) // POINT)
    drift = np.exp(2j * np.pi * np.cumsum(_frequencies(tone, points) - tone.frequency_hz) * POINT / SAMPLE_RATE_HZ)
    low = signal.firwin(4 * POINT + 1, BESIDE_HZ, fs=SAMPLE_RATE_HZ)
    turned = signal.upfirdn(low, piece.samples * turns.conj(), down=POINT)[2 : 2 + len(points)] * drift.conj()
    fit = _fitted(turned, 10 ** (float(np.median(tone.levels)) / 10) / 4) * drift
    fit[(points < tone.start - HOP) | (points > tone.stop + HOP)] = 0
    own = fit[MARGIN // POINT : MARGIN // POINT + SIZE // POINT + 1]
    share = np.arange(POINT) / POINT
    between = (own[:-1, None] * (1 - share) + own[1:, None] * share).ravel()
    return 2 * np.real(between * turns[MARGIN : MARGIN + SIZE])


def _frequencies(tone: SteadyTone, points: NDArray[np.int64]) -> NDArray[np.float64]:
    """Frequencies of a tone at samples of the recording, in Hz: medians over the spectra near them."""
    middles = np.array(tone.frames) * HOP + HOP // 2
    return np.interp(points, middles, ndimage.median_filter(np.array(tone.frequencies), 9, mode="nearest"))


def _fitted(turned: NDArray[np.complex128], power: float) -> NDArray[np.complex128]:
    """Amplitude and phase of a sine that stands still, at every point; `power` is about its own."""
    window = np.hanning(FIT + 2)[1:-1]
    mean = np.convolve(turned, window / np.sum(window), "same")
    short = np.hanning(13)[1:-1]
    noise = np.convolve(np.square(np.abs(turned - mean)), short / np.sum(short), "same")
    weights = 1 / (noise + LEAST_NOISE * power)
    return np.convolve(turned * weights, window, "same") / np.convolve(weights, window, "same")
