"""Subtracts from the middle of a stereo recording the sound that also lies at a side.

Broadcasts usually have speakers in the middle and music wide or to one side, so half the difference of the channels (the side)
holds only music. A least-squares regression over a segment predicts the music in the middle from the side, with one complex factor
per frequency, as in an adaptive noise canceller (Widrow et al., Proc. IEEE 63(12), 1975). Louder bins get less weight, as for
speech of varying power (Nakatani and Kinoshita, IEEE Signal Processing Letters 26(6), 2019). The network's mask only decides
whether to subtract: a frame that would lose much of its speech has a speaker outside the middle and stays unchanged.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter, uniform_filter1d

from components.separate.network import Spectra, Stft

SMOOTHED_BINS = 3
"""Side of the square of frames and bins over which loudness is averaged. With fewer, single bins decide."""
LEAST_DB = -40.0
"""Level of the predicted sound, relative to the middle, below which a segment stays unchanged."""
SURE = 0.8
"""Mask above which a bin counts as speech."""
MOST_OF_SPEECH = 0.1
"""Largest share of the energy in such bins that may be subtracted."""
REACH_SECONDS = 0.4
"""Time on each side of a frame over which this share is computed."""
SILENT = 1e-3
"""Amplitude relative to the other channel's below which a bin is silent, so that its mask says nothing."""


def middle(mix: Stft, mask: Spectra, frame_seconds: float) -> Stft:
    """Returns the middle of a segment without the sound predicted from the side; frames with a speaker at a side stay unchanged.

    The STFT of the segment and the network's mask of speech, 0 to 1, are shaped (2, frames, bins), as is the result, which is `mix`
    itself if the side predicts almost nothing. `frame_seconds` is the hop between frames.
    """
    center, side = (mix[0] + mix[1]) / 2, (mix[0] - mix[1]) / 2
    power = _power(center)
    common = side * _factors(center, side, power)
    if float(_power(common).sum()) <= 10 ** (LEAST_DB / 10) * float(power.sum()):
        return mix
    allowed = _allowed(power, _power(common), _speech(mix, mask), max(1, round(REACH_SECONDS / frame_seconds)))[:, None]
    center, side = center - allowed * common, side * (1 - allowed)
    return np.stack([center + side, center - side])


def _power(stft: Stft) -> NDArray[np.float32]:
    return np.square(stft.real) + np.square(stft.imag)


def _speech(mix: Stft, mask: Spectra) -> Spectra:
    """Returns the mask of the middle: the mean of the channels', or that of a channel beside a silent one."""
    magnitudes = np.abs(mix)
    return np.where(magnitudes < SILENT * magnitudes[::-1], mask[::-1], mask).mean(axis=0)


def _factors(center: Stft, side: Stft, power: NDArray[np.float32]) -> Stft:
    """Returns the factor of each bin that predicts the center from the side, shaped (bins,)."""
    loudness = uniform_filter(power, SMOOTHED_BINS)
    weights = 1 / (loudness + np.float32(1e-3) * loudness.mean(axis=0) + np.float32(1e-12))
    common = np.sum(weights * center * side.conj(), axis=0)
    return (common / (np.sum(weights * _power(side), axis=0) + np.float32(1e-6) * len(side))).astype(np.complex64)


def _allowed(power: NDArray[np.float32], removed: NDArray[np.float32], speech: Spectra, reach: int) -> NDArray[np.float32]:
    """Returns 1 for frames that may lose `removed`, else 0, with ramps between; shaped (frames,)."""
    sure = speech > SURE
    lost = uniform_filter1d(np.sum(removed * sure, axis=1), 2 * reach + 1, mode="nearest")
    there = uniform_filter1d(np.sum(power * sure, axis=1), 2 * reach + 1, mode="nearest")
    return uniform_filter1d((lost <= MOST_OF_SPEECH * there).astype(np.float32), reach | 1, mode="nearest")
