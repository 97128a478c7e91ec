"""Resamples a stream to 48,000 Hz, the rate of the speech networks, and back, without delay."""

from scipy import signal

from components.shared.pieces import pieces
from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.steps import Stream

RATE_HZ = 48_000
UP, DOWN = 160, 147
"""RATE_HZ / SAMPLE_RATE_HZ as a fraction."""
REACH = UP * DOWN
"""Half the length of the filter, in samples at the common rate (UP * SAMPLE_RATE_HZ): 3.3 ms."""
CUTOFF_HZ = 21_000
"""Frequency of -6 dB. The filter passes everything up to 20.5 kHz, and nothing from 21.5 kHz on (-100 dB)."""


def resampled(stream: Stream, up: int, down: int) -> Stream:
    """Resamples a stream to `up` / `down` times its rate, second by second; the last second is padded with zeros."""
    taps = up * signal.firwin(2 * REACH + 1, CUTOFF_HZ, window=("kaiser", 10.0), fs=SAMPLE_RATE_HZ * UP)
    first = (REACH + 2 * REACH) // down  # first output sample after the margin and the filter's delay, both at the common rate
    size, margin = (SAMPLE_RATE_HZ, 2 * DOWN) if up == UP else (RATE_HZ, 2 * UP)
    for piece in pieces(stream, size, margin):
        yield signal.upfirdn(taps, piece.samples, up, down)[first : first + size * up // down]
