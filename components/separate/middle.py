"""Speech in the middle of a stereo recording: whatever also lies at a side is subtracted from it, as far as the sides tell what it is.

Broadcasts have their speakers in the middle and their music wide or to one side. Half the difference of the channels then holds
music alone, and how much of it is in the middle as well is a regression: a complex factor for every frequency, fitted over a
segment by least squares, as in an adaptive noise canceller (Widrow et al., Proc. IEEE 63(12), 1975), in which a bin counts the
less the louder it is, as for speech of varying power (Nakatani and Kinoshita, IEEE Signal Processing Letters 26(6), 2019).
The network is not asked what to subtract, but whether: in frames in which that would be largely what it takes for speech, a
speaker is not in the middle, and nothing is subtracted there.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter, uniform_filter1d

from components.separate.network import Spectra

Stft = NDArray[np.complex64]

SMOOTHED_BINS = 3
"""On a side of the square of frames and bins over which loudness is taken: less than that and single bins decide."""
SILENT_SIDE = 1e-10
"""Mean power of a side, relative to a full scale of 1 in each sample, that is no more than the rounding of 16 bits."""
SURE = 0.8
"""Where a mask is above this, the bin is speech to the network."""
MOST_OF_SPEECH = 0.2
"""Share of the energy in such bins that may be subtracted."""
REACH_SECONDS = 0.4
"""Over which this share is taken, on either side of a frame."""


class Middle(NamedTuple):
    """The middle of a segment, without what its sides tell of it."""

    removed: Stft
    """To be subtracted from both channels; shaped (frames, bins)."""
    left: NDArray[np.float32]
    """Share of the accompaniment's energy that is left in each bin afterwards, 0 to 1; shaped (bins,)."""


def middle(mix: Stft, mask: Spectra, frame_seconds: float, frame_power: float) -> Middle:
    """What to subtract from both channels of a segment.

    Args:
        mix: STFT of a segment, shaped (2, frames, bins).
        mask: The network's of speech, 0 to 1, of the same shape.
        frame_seconds: From one frame to the next.
        frame_power: What white noise of power 1 has in a bin: the sum of the squared window.
    """
    center, side = (mix[0] + mix[1]) / 2, (mix[0] - mix[1]) / 2
    power = _power(center)
    if float(_power(side).mean()) < SILENT_SIDE * frame_power:
        return Middle(np.zeros_like(center), np.ones(center.shape[1], np.float32))
    removed = side * _factors(center, side, power)
    speech = mask.mean(axis=0)
    removed *= _allowed(power, _power(removed), speech, max(1, round(REACH_SECONDS / frame_seconds)))[:, None]
    other = 1 - speech
    before, after = np.sum(other * power, axis=0), np.sum(other * _power(center - removed), axis=0)
    return Middle(removed, np.clip(after / np.maximum(before, np.float32(1e-20)), 0, 1))


def narrowed(mask: Spectra, left: NDArray[np.float32]) -> Spectra:
    """The network's mask for a mix in which only a share of the accompaniment's energy is left.

    A mask s / (s + a) of energies s and a becomes s / (s + left a).
    """
    return mask / np.maximum(mask + left * (1 - mask), np.float32(1e-10))


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
