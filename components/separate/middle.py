"""Speech in the middle of a stereo recording: whatever also lies at a side is subtracted from it, as far as the sides tell what it is.

Broadcasts have their speakers in the middle and their music wide or to one side. Half the difference of the channels then holds
music alone, and how much of it is in the middle as well is a regression: a complex factor for every frequency, fitted over a
segment by least squares, as in an adaptive noise canceller (Widrow et al., Proc. IEEE 63(12), 1975), in which a bin counts the
less the louder it is, as for speech of varying power (Nakatani and Kinoshita, IEEE Signal Processing Letters 26(6), 2019).
The network is not asked what to subtract, but whether: in frames in which that would be largely what it takes for speech, a
speaker is not in the middle, and nothing is subtracted there.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter, uniform_filter1d

from components.separate.network import Spectra, Stft

SMOOTHED_BINS = 3
"""On a side of the square of frames and bins over which loudness is taken: less than that and single bins decide."""
LEAST_DB = -40.0
"""What the sides tell of a segment, against the segment, below which it stays as it is."""
SURE = 0.8
"""Where a mask is above this, the bin is speech to the network."""
MOST_OF_SPEECH = 0.1
"""Share of the energy in such bins that may be subtracted."""
REACH_SECONDS = 0.4
"""Over which this share is taken, on either side of a frame."""


def middle(mix: Stft, mask: Spectra, frame_seconds: float) -> Stft:
    """A segment with nothing but its middle, without what its sides tell of that; where a speaker is at a side, as it is.

    Args:
        mix: STFT of a segment, shaped (2, frames, bins).
        mask: The network's of speech, 0 to 1, of the same shape.
        frame_seconds: From one frame to the next.

    Returns:
        Shaped like `mix`, and `mix` itself where its sides tell next to nothing.
    """
    center, side = (mix[0] + mix[1]) / 2, (mix[0] - mix[1]) / 2
    power = _power(center)
    common = side * _factors(center, side, power)
    if float(_power(common).sum()) <= 10 ** (LEAST_DB / 10) * float(power.sum()):
        return mix
    allowed = _allowed(power, _power(common), mask.mean(axis=0), max(1, round(REACH_SECONDS / frame_seconds)))[:, None]
    center, side = center - allowed * common, side * (1 - allowed)
    return np.stack([center + side, center - side])


def _power(stft: Stft) -> NDArray[np.float32]:
    return np.square(stft.real) + np.square(stft.imag)


def _factors(center: Stft, side: Stft, power: NDArray[np.float32]) -> Stft:
    """What the side times it has in common with the center, for every bin; shaped (bins,)."""
    loudness = uniform_filter(power, SMOOTHED_BINS)
    weights = 1 / (loudness + np.float32(1e-3) * loudness.mean(axis=0) + np.float32(1e-12))
    common = np.sum(weights * center * side.conj(), axis=0)
    return (common / (np.sum(weights * _power(side), axis=0) + np.float32(1e-6) * len(side))).astype(np.complex64)


def _allowed(power: NDArray[np.float32], removed: NDArray[np.float32], speech: Spectra, reach: int) -> NDArray[np.float32]:
    """Whether each frame may lose what would be removed: 1 or 0, with a ramp between; shaped (frames,)."""
    sure = speech > SURE
    lost = uniform_filter1d(np.sum(removed * sure, axis=1), 2 * reach + 1, mode="nearest")
    there = uniform_filter1d(np.sum(power * sure, axis=1), 2 * reach + 1, mode="nearest")
    return uniform_filter1d((lost <= MOST_OF_SPEECH * there).astype(np.float32), reach | 1, mode="nearest")
