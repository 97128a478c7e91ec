"""Measures how well a network takes the voices of held-out speakers out of mixtures."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from components.shared.distortion import sdr, si_sdr
from components.shared.mel import RATE_HZ, Signal
from components.shared.voicefilter import STFT, Magnitudes, Mask, level_of
from components.train_voicefilter.mixing import Mixture

Masks = Callable[[Magnitudes, NDArray[np.float32]], Mask]
"""The mask of the magnitudes of a mixture, and the vector of a voice."""


class Scores(NamedTuple):
    """Means over mixtures."""

    si_sdr_db: float
    sdr_db: float


def extracted(mixture: Signal, vector: NDArray[np.float32], masks: Masks) -> Signal:
    """Returns the voice of a vector out of a mixture, of the same length and level."""
    spectrum = STFT.spectrum(mixture)
    mask = masks(np.abs(spectrum) * np.float32(level_of(mixture)), vector)
    return STFT.signal(spectrum * mask, len(mixture))


def scores(mixtures: Sequence[Mixture], masks: Masks | None = None) -> Scores:
    """Returns the scores of the voices in mixtures: of those that the masks leave, or of the mixtures as they are."""
    found = [(m.mixture if masks is None else extracted(m.mixture, m.vector, masks), m.voice) for m in mixtures]
    return Scores(*(float(np.mean([measure(*pair) for pair in found])) for measure in (si_sdr, sdr)))


def real_time_factor(mixtures: Sequence[Mixture], masks: Masks) -> float:
    """Returns the seconds that a second of sound takes."""
    started = time.perf_counter()
    for m in mixtures:
        extracted(m.mixture, m.vector, masks)
    return (time.perf_counter() - started) / (sum(len(m.mixture) for m in mixtures) / RATE_HZ)
