"""Asks a network about few of the patches of a recording, and about more where the result could depend on the others.

A network is sure for seconds on end, and takes most of the stage's time. So it is asked about every STRIDE-th patch first, then about the
middles between two patches that are not sure of the same class. In between, the logarithms of the probabilities are interpolated. Where
another sequence of classes would then be nearly as probable, it is asked about every patch.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.segment.features import Mel, Patches, patches_of
from components.segment.spectra import Spectra
from components.segment.viterbi import margins
from components.segment.windows import PATCH_FRAMES, STEP, patch_of, patches_in

STRIDE, SURE = 32, 0.9
"""Patches from one to the next, 640 ms, which is less than a patch lasts, and the probability from which the network is sure."""
CLOSE = 0.55
"""Another sequence is nearly as probable if the logarithms differ by less than this share of that of a change of class."""
USUAL = 0.3
"""Share of the patches that the network is asked about in a usual recording, to tell how much is done."""

_LEAST_LOG = float(np.log(np.finfo(np.float32).tiny))

Probabilities = NDArray[np.float32]
"""Of the classes, shaped (patches, classes)."""
Advance = Callable[[float], None]
"""Hears the share of the work that is done, piece by piece."""


@dataclass(frozen=True)
class PatchClassifier:
    """A network that classifies patches, and the decoding of the sequence of its classes."""

    classes: tuple[str, ...]
    bands: int
    """Number of mel bands in its input, from the lowest."""
    transition: NDArray[np.float64]
    """Log-probabilities from each class (row) to each (column): 0 for no change, and one number for all changes."""
    predict: Callable[[Patches], Probabilities]


class Answers:
    """What a network says about the patches around the wanted labels of a recording."""

    def __init__(
        self,
        network: PatchClassifier,
        spectra: Spectra,
        frames: int,
        wanted: NDArray[np.bool_],
        window_patches: int,
        advance: Advance,
    ) -> None:
        """Asks nothing yet. `wanted` is shaped (labels,)."""
        self._network, self._spectra, self._frames, self._window, self._advance = network, spectra, frames, window_patches, advance
        self._needed = np.zeros(patches_in(frames), bool)
        self._needed[patch_of(np.flatnonzero(wanted), frames)] = True
        self._known = np.zeros(len(self._needed), bool)
        self._found = np.full((len(self._needed), len(network.classes)), 0.5, np.float32)  # what the package has for digital silence
        self._left = 1.0

    def ask_few(self) -> None:
        """Asks about every STRIDE-th patch, the first and the last of each run of needed ones, and the middles between them."""
        edge = ~np.r_[False, self._needed[:-1]] | ~np.r_[self._needed[1:], False]
        which = np.flatnonzero(self._needed & (edge | (np.arange(len(self._needed)) % STRIDE == 0)))
        while len(which):
            self._ask(which)
            which = self._middles()

    def ask_where_close(self, runs: Iterable[tuple[int, int]]) -> None:
        """Asks about the patches on which the most probable sequence of classes could depend, in each run of labels (first and end)."""
        unsettled = list(runs)
        while unsettled:
            asked = []
            logs = np.maximum(self.logs(), _LEAST_LOG)
            for run in unsettled:
                patches = patch_of(np.arange(*run), self._frames)
                switch = float(self._network.transition[0, 1])
                close = margins(logs[patches], switch) < -CLOSE * switch
                which = np.unique(patches[close & ~self._known[patches]])
                if len(which):
                    self._ask(which)
                    asked.append(run)
            unsettled = asked
        self._done(self._left)

    def logs(self) -> NDArray[np.float32]:
        """Logarithms of the probabilities, interpolated between the patches that the network was asked about, shaped (patches, classes)."""
        at, between = np.flatnonzero(self._known), np.flatnonzero(self._needed & ~self._known)
        with np.errstate(divide="ignore"):
            logs = np.log(self._found)
        for column in logs.T:
            column[between] = np.interp(between, at, np.maximum(column[at], _LEAST_LOG))
        return logs

    def _middles(self) -> NDArray[np.int64]:
        """The middles between known patches that are not sure of the same class."""
        at = np.flatnonzero(self._known)
        best, sure = self._found[at].argmax(axis=1), self._found[at].max(axis=1) >= SURE
        settled = (best[1:] == best[:-1]) & sure[1:] & sure[:-1]
        middles = (at[1:] + at[:-1]) // 2
        return middles[~settled & (np.diff(at) > 1) & self._needed[middles]]

    def _ask(self, which: NDArray[np.int64]) -> None:
        for near in np.split(which, np.flatnonzero(np.diff(which // self._window)) + 1):
            self._ask_near(near)
            self._done(min(self._left, len(near) / (USUAL * self._needed.sum())))

    def _ask_near(self, which: NDArray[np.int64]) -> None:
        """Asks about patches near each other. Patches that cannot be scaled keep equal probabilities."""
        mel = _filled(self._spectra.rows(STEP * which[0], STEP * which[-1] + PATCH_FRAMES))[:, : self._network.bands]
        patches = patches_of(mel, which - which[0])
        finite = np.isfinite(patches).all(axis=(1, 2))
        if finite.any():
            self._found[which[finite]] = self._network.predict(patches[finite])
        self._known[which] = True

    def _done(self, share: float) -> None:
        self._left -= share
        self._advance(share)


def _filled(mel: Mel) -> Mel:
    """Pads a recording shorter than a patch with its lowest value, as the package does."""
    missing = PATCH_FRAMES - len(mel)
    return mel if missing <= 0 else np.concatenate((mel, np.full((missing, mel.shape[1]), np.min(mel))))
