"""The linear filters of a chain: Butterworth low-pass and high-pass filters, and notch filters."""

from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.steps import Filter, Stream

Sections = NDArray[np.float64]
"""Second-order sections, shaped (sections, 6)."""

SPEECH_HZ = 300, 3000
"""Band in which a filter's delay is measured: the telephone band, which carries most of what makes speech intelligible."""


def lowpass(cutoff_hz: float, slope_db: float, passes: float) -> Filter:
    """Returns a Butterworth low-pass filter of `slope_db` per octave, applied `passes` times."""
    return _butterworth("lowpass", cutoff_hz, slope_db, passes)


def highpass(cutoff_hz: float, slope_db: float, passes: float) -> Filter:
    """Returns a Butterworth high-pass filter of `slope_db` per octave, applied `passes` times."""
    return _butterworth("highpass", cutoff_hz, slope_db, passes)


def notch(frequency_hz: float, quality: float) -> Filter:
    """Returns a notch filter with a -3 dB bandwidth of frequency_hz / quality. It needs no correction of its delay."""
    return _causal(np.concatenate(signal.iirnotch(frequency_hz, quality, SAMPLE_RATE_HZ)).reshape(1, 6), ahead=0)


def _butterworth(kind: str, cutoff_hz: float, slope_db: float, passes: float) -> Filter:
    """Returns a filter without delay; every pole of a pass adds 6 dB per octave."""
    one_pass = signal.butter(round(slope_db / 6), cutoff_hz, kind, fs=SAMPLE_RATE_HZ, output="sos")
    sections = np.tile(one_pass, (round(passes), 1))
    return _causal(sections, delay(sections))


def delay(sections: Sections) -> int:
    """Returns the delay of speech in samples: the mean group delay over SPEECH_HZ, weighted by the power response."""
    frequencies = np.arange(*SPEECH_HZ, 0.1)
    _, response = signal.freqz_sos(sections, frequencies, fs=SAMPLE_RATE_HZ)
    turn = response[:-1] * np.conj(response[1:])  # angle: phase step; magnitude: power
    return round(float(np.average(np.angle(turn), weights=np.abs(turn)) * SAMPLE_RATE_HZ / (2 * np.pi * 0.1)))


def _causal(sections: Sections, ahead: int) -> Filter:
    """Returns a filter whose output is shifted `ahead` samples earlier, to correct its delay; the length stays the same."""

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
