"""The filters of a chain: each turns its numbers into a function of a stream of blocks.

A filter takes an iterator of mono float64 blocks and gives one; what it gives has as many samples in all as what it took,
and every sound stays at its place. Its state lives in the generator, which gives what is left when the stream ends. The
sizes of the blocks never change the result: all of it is computed sample by sample, in order.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from components.shared.audio import BLOCK_SECONDS, blocks
from components.shared.rows import SAMPLE_RATE_HZ, Choice, Removed

Mono = NDArray[np.float64]
Stream = Iterator[Mono]
Filter = Callable[[Stream], Stream]
Sections = NDArray[np.float64]
Span = tuple[int, int]
"""First sample of a stretch and the one after its last."""


@dataclass(frozen=True)
class Sound:
    """A recording as it comes to a step of a chain, which may listen to all of it before it filters it."""

    recording: str
    stream: Callable[[], Stream]
    """Its samples from the start, through all steps before; anew with every call."""
    samples: int
    speech: tuple[Span, ...]
    """Where there is speech, in order."""

    def through(self, filter_: Filter) -> "Sound":
        """The recording as it comes out of a filter."""
        return replace(self, stream=lambda: filter_(self.stream()))


class Prepared(NamedTuple):
    """What a step does to one recording."""

    filter: Filter
    removed: tuple[Removed, ...] = ()
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True)
class Step:
    """One entry of a chain."""

    prepare: Callable[[Sound], Prepared]
    """Listens where it has to; what it does then is a function of the recording."""
    passes: int = 0
    """How often it listens to the whole recording."""


def mono(path: Path, block_seconds: float = BLOCK_SECONDS) -> Stream:
    """The mean of a recording's channels, block after block."""
    for block in blocks(path, block_seconds):
        yield block.mean(axis=1, dtype=np.float64)


def always(filter_: Filter) -> Step:
    """A step that does the same to every recording."""
    return Step(lambda _: Prepared(filter_))


def prepared(steps: Iterable[Step], sound: Sound) -> tuple[Prepared, Sound]:
    """Steps one after the other as one, and the recording as it comes out of them."""
    filters: list[Filter] = []
    removed: list[Removed] = []
    choices: list[Choice] = []
    for step in steps:
        done = step.prepare(sound)
        filters.append(done.filter)
        removed += done.removed
        choices += done.choices
        sound = sound.through(done.filter)

    def all_of_them(stream: Stream) -> Stream:
        for filter_ in filters:
            stream = filter_(stream)
        return stream

    return Prepared(all_of_them, tuple(removed), tuple(choices)), sound


SPEECH_HZ = 300, 3000
"""Band in which a filter's delay is measured: that of the telephone, where most of what makes speech intelligible lies."""


def lowpass(cutoff_hz: float, slope_db: float, passes: float) -> Filter:
    """Butterworth low-pass filter of `slope_db` per octave, `passes` times one after the other."""
    sections = _butterworth("lowpass", cutoff_hz, slope_db, passes)
    return _causal(sections, delay(sections))


def highpass(cutoff_hz: float, slope_db: float, passes: float) -> Filter:
    """Butterworth high-pass filter of `slope_db` per octave, `passes` times one after the other."""
    sections = _butterworth("highpass", cutoff_hz, slope_db, passes)
    return _causal(sections, delay(sections))


def notch(frequency_hz: float, quality: float) -> Filter:
    """Takes out one frequency; between its -3 dB points lie frequency_hz / quality. Nothing else is late, so no delay is taken out."""
    return _causal(np.concatenate(signal.iirnotch(frequency_hz, quality, SAMPLE_RATE_HZ)).reshape(1, 6), ahead=0)


def _butterworth(kind: str, cutoff_hz: float, slope_db: float, passes: float) -> Sections:
    """Second-order sections; every pole of a pass gives 6 dB per octave."""
    one_pass = signal.butter(round(slope_db / 6), cutoff_hz, kind, fs=SAMPLE_RATE_HZ, output="sos")
    return np.tile(one_pass, (round(passes), 1))


def delay(sections: Sections) -> int:
    """Delay of speech by a filter, in whole samples: its group delay over SPEECH_HZ, weighted by what it lets through."""
    frequencies = np.arange(*SPEECH_HZ, 0.1)
    _, response = signal.freqz_sos(sections, frequencies, fs=SAMPLE_RATE_HZ)
    turn = response[:-1] * np.conj(response[1:])  # its angle is the step of the phase, its size the power
    return round(float(np.average(np.angle(turn), weights=np.abs(turn)) * SAMPLE_RATE_HZ / (2 * np.pi * 0.1)))


def _causal(sections: Sections, ahead: int) -> Filter:
    """Filter of second-order sections whose result comes `ahead` samples earlier: so many less at first, so many more at the end."""

    def run(blocks: Stream) -> Stream:
        state = np.zeros((len(sections), 2))
        skip = ahead
        for block in chain(blocks, [np.zeros(ahead)]):
            if len(block):
                filtered, state = signal.sosfilt(sections, block, zi=state)
                if len(filtered) > skip:
                    yield filtered[skip:]
                skip = max(0, skip - len(filtered))

    return run
