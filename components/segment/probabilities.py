"""Asks a network about the patches of a recording, and spares it those between two that are sure of the same class."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.segment.features import Mel, Patches, patches_of
from components.segment.spectra import Spectra
from components.segment.windows import PATCH_FRAMES, STEP, patch_of, patches_in

STRIDE, SURE = 16, 0.99
"""Patches from one that is asked for to the next, 320 ms, and the probability from which two of the same class are sure."""

Probabilities = NDArray[np.float32]
"""Of the classes, shaped (patches, classes)."""
Advance = Callable[[float], None]
"""Hears the share of the patches that are done with."""


@dataclass(frozen=True)
class PatchClassifier:
    """A network that classifies patches, and the decoding of the sequence of its classes."""

    classes: tuple[str, ...]
    bands: int
    """Number of mel bands in its input, from the lowest."""
    transition: NDArray[np.float64]
    """Log-probabilities from each class (row) to each (column)."""
    predict: Callable[[Patches], Probabilities]


def probabilities(
    wanted: NDArray[np.bool_], network: PatchClassifier, spectra: Spectra, frames: int, window_patches: int, advance: Advance
) -> Probabilities:
    """Returns the class probabilities of each patch around a wanted label, uniform if undefined.

    The network runs on every STRIDE-th patch. Where two of these are not sure of the same class it runs on the one in the middle, and so
    on. Between sure ones the logarithms of the probabilities are interpolated.
    """
    needed = np.zeros(patches_in(frames), bool)
    needed[patch_of(np.flatnonzero(wanted), frames)] = True
    coarse, known = _coarse(needed), np.zeros(len(needed), bool)
    found = np.full((len(needed), len(network.classes)), 0.5, np.float32)
    window_patches = max(1, window_patches // STRIDE) * STRIDE
    for first in range(0, len(needed), window_patches):
        here = slice(first, first + window_patches + 1)
        if needed[here].any():
            mel = _filled(spectra.rows(first * STEP, (first + window_patches) * STEP + PATCH_FRAMES))[:, : network.bands]
            _ask(network, mel, np.flatnonzero(coarse[here] & ~known[here]), known[here], found[here])
            while len(middles := _middles(needed[here], known[here], found[here])):
                _ask(network, mel, middles, known[here], found[here])
        advance(len(needed[here][:window_patches]) / len(needed))
    return _interpolated(found, known, needed & ~known)


def _ask(network: PatchClassifier, mel: Mel, which: NDArray[np.int64], known: NDArray[np.bool_], found: Probabilities) -> None:
    """Fills in `known` and `found` for these patches."""
    known[which] = True
    patches = patches_of(mel, which)
    finite = np.isfinite(patches).all(axis=(1, 2))
    if finite.any():
        found[which[finite]] = network.predict(patches[finite])


def _coarse(needed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Every STRIDE-th needed patch, and the first and the last of each run of needed patches."""
    edge = ~np.r_[False, needed[:-1]] | ~np.r_[needed[1:], False]
    return needed & (edge | (np.arange(len(needed)) % STRIDE == 0))


def _middles(needed: NDArray[np.bool_], known: NDArray[np.bool_], found: Probabilities) -> NDArray[np.int64]:
    """The middles between neighbors among the known patches that are not sure of the same class."""
    at = np.flatnonzero(known)
    best, sure = found[at].argmax(axis=1), found[at].max(axis=1) >= SURE
    settled = (best[1:] == best[:-1]) & sure[1:] & sure[:-1]
    middles = (at[1:] + at[:-1]) // 2
    return middles[~settled & (np.diff(at) > 1) & needed[middles]]


def _interpolated(found: Probabilities, known: NDArray[np.bool_], unknown: NDArray[np.bool_]) -> Probabilities:
    """Interpolates the log-probabilities of unknown patches between the known ones."""
    at, between = np.flatnonzero(known), np.flatnonzero(unknown)
    for column in found.T:
        column[between] = np.exp(np.interp(between, at, np.log(np.maximum(column[at], np.finfo(np.float32).tiny))))
    return found


def _filled(mel: Mel) -> Mel:
    """Pads a recording shorter than a patch with its lowest value, as the package does."""
    missing = PATCH_FRAMES - len(mel)
    return mel if missing <= 0 else np.concatenate((mel, np.full((missing, mel.shape[1]), np.min(mel))))
