"""Synthesizes the music, sound effects and noise of the bundled sample.

Sounds are float64 mono at RATE_HZ, shaped (frames,). Their levels are arbitrary; the mix sets them. Times are in seconds, pitches in
MIDI note numbers. A generator in the same state gives the same sound.
"""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, sosfilt

Sound = NDArray[np.float64]

RATE_HZ = 48_000
"""Opus' own sample rate, so that encoding does not resample."""

CHORDS = {"major": (0, 4, 7), "minor": (0, 3, 7), "seventh": (0, 4, 7, 11)}


def frames(seconds: float) -> int:
    """Seconds as a number of frames."""
    return round(seconds * RATE_HZ)


def clock(seconds: float) -> Sound:
    """The time of every frame."""
    return np.arange(frames(seconds)) / RATE_HZ


def band(sound: Sound, low_hz: float, high_hz: float) -> Sound:
    """Band-pass filter with slopes of 12 dB per octave."""
    return sosfilt(butter(2, (low_hz, high_hz), "bandpass", fs=RATE_HZ, output="sos"), sound)


def add(onto: Sound, sound: Sound, at_seconds: float) -> None:
    """Adds a sound at a time; cuts it at the end of `onto`."""
    start = frames(at_seconds)
    sound = sound[: max(len(onto) - start, 0)]
    onto[start : start + len(sound)] += sound


def reverberate(sound: Sound, seconds: float, wet: float, rng: Generator) -> Sound:
    """Adds reverberation. The echo falls by 60 dB in `seconds`; `wet` is its energy relative to the direct sound."""
    echo = rng.standard_normal(frames(seconds)) * 10 ** (-3 * clock(seconds) / seconds)
    echo = band(echo, 200, 6000)
    echo *= np.sqrt(wet / np.sum(echo**2))
    return sound + fftconvolve(sound, echo)[: len(sound)]


def note(midi: float, seconds: float, partials: Sequence[float], attack_seconds: float, decay_seconds: float, cents: float = 0) -> Sound:
    """One note: harmonics of the given strengths, higher ones decaying sooner; two strings `cents` apart."""
    t, sound = clock(seconds), np.zeros(frames(seconds))
    for spread in (-cents / 2, cents / 2):
        hz = 440 * 2 ** ((midi - 69 + spread / 100) / 12)
        for k, strength in enumerate(partials, 1):
            if hz * k < 16_000:
                sound += strength * np.sin(2 * np.pi * hz * k * t + 0.7 * k) * np.exp(-t * np.sqrt(k) / decay_seconds)
    return sound * np.minimum(t / attack_seconds, 1) * np.minimum((seconds - t) / 0.04, 1)


@cache  # a tune repeats its notes
def strings(midi: float, seconds: float) -> Sound:
    """A bowed note: many harmonics, a slow attack, two players slightly detuned."""
    return note(midi, seconds, [k**-1.2 for k in range(1, 13)], 0.18, 8, cents=9)


@cache
def piano(midi: float, seconds: float) -> Sound:
    """A struck note that decays."""
    return note(midi, seconds, [k**-1.4 for k in range(1, 10)], 0.004, 0.7, cents=2)


@cache
def vibraphone(midi: float, seconds: float) -> Sound:
    """Struck metal: the fundamental, two octaves above it, and little else."""
    return note(midi, seconds, [1, 0, 0, 0.35, 0, 0, 0, 0, 0, 0.08], 0.002, 0.9) * (1 + 0.25 * np.sin(2 * np.pi * 5 * clock(seconds)))


@cache
def bass(midi: float, seconds: float) -> Sound:
    """A low plucked note."""
    return note(midi, seconds, [1, 0.7, 0.45, 0.25, 0.12], 0.006, 0.8)


def kick(_: Generator) -> Sound:
    """Bass drum: a sine that falls from 150 to 50 Hz."""
    t = clock(0.25)
    return np.sin(2 * np.pi * (50 * t + 100 * 0.04 * (1 - np.exp(-t / 0.04)))) * np.exp(-t / 0.09)


def snare(rng: Generator) -> Sound:
    """Snare drum: noise over a skin at 190 Hz."""
    t = clock(0.2)
    return (0.6 * band(rng.standard_normal(len(t)), 900, 9000) + 0.5 * np.sin(2 * np.pi * 190 * t)) * np.exp(-t / 0.05)


def hihat(rng: Generator) -> Sound:
    """A cymbal, closed."""
    t = clock(0.08)
    return band(rng.standard_normal(len(t)), 6500, 14_000) * np.exp(-t / 0.02)


def tune(seconds: float, key: int, beats_per_minute: float, chords: Sequence[tuple[int, str]], drums: bool, rng: Generator) -> Sound:
    """A piece for strings, piano, bass, vibraphone and drums: one chord a bar of four beats, a melody out of its notes.

    Args:
        seconds: Length; the piece stops there with a fade of 0.3 s.
        key: Tonic below the chords.
        chords: For each bar, steps above the tonic and a name of CHORDS; they repeat.
    """
    beat, mix = 60 / beats_per_minute, np.zeros(frames(seconds))
    for bar in range(int(seconds / (4 * beat)) + 1):
        start, (step, name) = bar * 4 * beat, chords[bar % len(chords)]
        pitches = [key + step + i for i in CHORDS[name]]
        for pitch in pitches:
            add(mix, 0.22 * strings(pitch, 4 * beat), start)
        for eighth in range(8):
            at = start + eighth * beat / 2
            add(mix, 0.3 * piano(pitches[(0, 1, 2, 1)[eighth % 4]] + 12, 2 * beat), at)
            if drums:
                add(mix, (0.35 if eighth % 2 else 0.2) * hihat(rng), at)
        for quarter, low in enumerate((0, 0, 7, 0)):
            at = start + quarter * beat
            add(mix, 0.5 * bass(key + step + low - 24, beat), at)
            if drums:
                add(mix, 0.8 * snare(rng) if quarter % 2 else 1.1 * kick(rng), at)
            if rng.random() < 0.75:
                add(mix, 0.5 * vibraphone(int(rng.choice(pitches)) + 24, 1.5 * beat), at + beat / 2 * int(rng.integers(2)))
    end = np.minimum((seconds - clock(seconds)) / 0.3, 1)
    return reverberate(mix, 1.4, 0.25, rng) * end


def bell(_: Generator) -> Sound:
    """A hand bell: inharmonic partials with different decay times."""
    t, sound = clock(1.6), np.zeros(frames(1.6))
    for ratio, strength, decay in (
        (0.5, 0.4, 0.7),
        (1, 1, 0.5),
        (1.19, 0.6, 0.4),
        (1.56, 0.4, 0.35),
        (2, 0.7, 0.3),
        (2.74, 0.4, 0.2),
        (4.1, 0.3, 0.1),
    ):
        sound += strength * np.sin(2 * np.pi * 880 * ratio * t) * np.exp(-t / decay)
    return sound * np.minimum((1.6 - t) / 0.1, 1)


def knock(rng: Generator) -> Sound:
    """Three knocks on a wooden door."""
    t, sound = clock(0.2), np.zeros(frames(1.0))
    for at in (0, 0.27, 0.54):
        wood = np.sin(2 * np.pi * 170 * t) + 0.6 * np.sin(2 * np.pi * 410 * t) + 0.5 * band(rng.standard_normal(len(t)), 300, 2500)
        add(sound, wood * np.exp(-t / 0.025), at)
    return sound


def horn(_: Generator) -> Sound:
    """A car's horn: two reeds at once, once short and once long."""
    sound = np.zeros(frames(1.1))
    for at, seconds in ((0, 0.25), (0.4, 0.7)):
        for midi in (66, 70):
            add(sound, note(midi, seconds, [1, 0.8, 0.9, 0.7, 0.6, 0.4, 0.3, 0.2, 0.1], 0.02, 50), at)
    return sound


def spring(_: Generator) -> Sound:
    """A boing: a tone that oscillates around a falling pitch."""
    t = clock(0.9)
    hz = 420 * np.exp(-t / 1.2) * (1 + 0.35 * np.sin(2 * np.pi * 11 * t) * np.exp(-t / 0.4))
    phase = 2 * np.pi * np.cumsum(hz) / RATE_HZ
    return (np.sin(phase) + 0.5 * np.sin(3 * phase) + 0.3 * np.sin(4.2 * phase)) * np.exp(-t / 0.3)


def door(rng: Generator) -> Sound:
    """A heavy door falls shut."""
    t = clock(0.9)
    thud = np.sin(2 * np.pi * 62 * t) * np.exp(-t / 0.12) + 1.5 * band(rng.standard_normal(len(t)), 60, 900) * np.exp(-t / 0.07)
    rattle = band(rng.standard_normal(len(t)), 1500, 5000) * np.exp(-((t - 0.12) ** 2) / 0.001)
    return reverberate(thud + 0.4 * rattle, 0.8, 0.3, rng)


EFFECTS: dict[str, Callable[[Generator], Sound]] = {"bell": bell, "knock": knock, "horn": horn, "spring": spring, "door": door}


def crowd(seconds: float, rng: Generator) -> Sound:
    """A distant crowd without words: noise in the bands of vowels, each modulated at the rate of syllables."""
    sound = np.zeros(frames(seconds))
    for _ in range(24):
        center = float(np.exp(rng.uniform(np.log(250), np.log(2800))))
        swell = np.interp(clock(seconds), np.arange(0, seconds + 1, 0.22), rng.random(len(np.arange(0, seconds + 1, 0.22))) ** 2)
        sound += band(rng.standard_normal(len(sound)), center / 1.15, center * 1.15) * swell / np.sqrt(center)
    return sound + 0.0015 * band(rng.standard_normal(len(sound)), 100, 5000)
