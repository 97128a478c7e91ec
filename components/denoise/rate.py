"""A stream at 48,000 Hz, which networks that hear speech work at, and back again: every sound stays at its place."""

from scipy import signal

from components.denoise.pieces import pieces
from components.denoise.steps import Stream
from components.shared.rows import SAMPLE_RATE_HZ

RATE_HZ = 48_000
UP, DOWN = 160, 147
"""RATE_HZ by SAMPLE_RATE_HZ."""
REACH = UP * DOWN
"""Steps of the common grid on either side of a sample that is made anew: 3.3 ms."""
CUTOFF_HZ = 21_000
"""-6 dB; up to 20.5 kHz nothing is lost by the change of rate, and from 21.5 kHz on nothing passes (-100 dB)."""


def resampled(stream: Stream, up: int, down: int) -> Stream:
    """A stream at `up` / `down` times its rate, second by second, every sound at its place; the last second is filled with zeros."""
    taps = up * signal.firwin(2 * REACH + 1, CUTOFF_HZ, window=("kaiser", 10.0), fs=SAMPLE_RATE_HZ * UP)
    first = (REACH + 2 * REACH) // down  # of the piece's own: behind the filter's reach and the margin, both on the common grid
    size, margin = (SAMPLE_RATE_HZ, 2 * DOWN) if up == UP else (RATE_HZ, 2 * UP)
    for piece in pieces(stream, size, margin):
        yield signal.upfirdn(taps, piece.samples, up, down)[first : first + size * up // down]
