"""Segments a recording into speech, music, noise and silence as inaSpeechSegmenter does, with a few MB of memory per hour.

Only the threshold of silence differs (energy.py). It reads a recording in up to three passes: energy of every frame, because the threshold
depends on the whole recording; content of frames with energy; gender of speech. A pass keeps a few numbers per frame and decodes them at
its end.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, pairwise

import numpy as np
from numpy.typing import NDArray

from components.segment import viterbi
from components.segment.energy import threshold
from components.segment.windows import PATCH_FRAMES, STEP, Signal, frame_windows, labels_in, patch_of, patch_windows, patches_in
from components.shared.rows import SAMPLE_RATE_HZ, Segment

LABEL_SAMPLES = SAMPLE_RATE_HZ * 20 // 1000
"""Samples per label, 20 ms."""
WINDOW_PATCHES = 1000
"""Patches per call: 20 seconds, about 20 MB."""

STRIDE, SURE = 4, 0.99
"""If two patches 80 ms apart give the same class at least this probability, the patches between them are skipped. On a radio show of
40 minutes not one of 120,000 labels changes, and 36 % of the patches of the gender network, which takes most of the time, are enough (47 %
of those of speech, music and noise); with 0.9, 122 labels change."""

BLOCK = 10_000
"""Labels decoded at a time."""

Read = Callable[[], Iterator[Signal]]
"""Reads a recording from its start, block by block."""
Stretch = tuple[str, int, int]
"""Name, first label, and end label (exclusive)."""


@dataclass(frozen=True)
class PatchClassifier:
    """A network that classifies patches, and the decoding of the sequence of its classes."""

    classes: tuple[str, ...]
    bands: int
    """Number of mel bands in its input, from the lowest."""
    transition: NDArray[np.float64]
    """Log-probabilities from each class (row) to each (column)."""
    predict: Callable[[NDArray[np.floating]], NDArray[np.float32]]
    """Probabilities of the classes, shaped (patches, classes), for patches shaped (patches, 68, bands)."""


@dataclass(frozen=True)
class Segmenter:
    """The parts of inaSpeechSegmenter, as functions of signals and arrays."""

    log_energies: Callable[[Signal], NDArray[np.float32]]
    """Log energy of each frame of a signal; -inf for digital silence."""
    log_mel: Callable[[Signal], NDArray[np.float32]]
    """Log-mel spectra of the frames of a signal, shaped (frames, 24)."""
    patches: Callable[[NDArray[np.floating]], tuple[NDArray[np.floating], NDArray[np.bool_]]]
    """Normalized patches of spectra shaped (frames, bands), and whether they are finite."""
    energy_ratio: float
    energy_transition: NDArray[np.float64]
    content: PatchClassifier
    gender: PatchClassifier | None


def analyze(read: Read, segmenter: Segmenter, window_patches: int = WINDOW_PATCHES) -> list[Stretch]:
    """Returns stretches named noEnergy, music, noise, and speech or female and male. They cover a recording in order.

    Args:
        read: Called once per pass.
        segmenter: Features and networks.
        window_patches: Patches per call. It affects memory, not the result.
    """
    window_patches = max(1, window_patches // STRIDE) * STRIDE
    energies = np.concatenate([segmenter.log_energies(w) for w in frame_windows(read(), window_patches * STEP)])
    frames = len(energies)
    stretches = _with_energy(energies, segmenter)
    del energies
    stretches = _divided(stretches, "energy", segmenter.content, read, segmenter, frames, window_patches)
    if segmenter.gender:
        stretches = _divided(stretches, "speech", segmenter.gender, read, segmenter, frames, window_patches)
    return stretches


def _with_energy(energies: NDArray[np.float32], segmenter: Segmenter) -> list[Stretch]:
    """Divides a recording by its energy, relative to that of the recording or of the neighborhood."""
    heard = energies > threshold(energies, segmenter.energy_ratio)
    sure, unsure = np.log(1 - 1e-10), np.log(1e-10)  # the package's pred2logemission
    emission = np.array([[sure, unsure], [unsure, sure]])
    emissions = (emission[heard[i : i + BLOCK].astype(int)] for i in range(0, len(heard), BLOCK))
    return _stretches(viterbi.decode(emissions, segmenter.energy_transition)[::STEP], ("noEnergy", "energy"), 0)


def _divided(
    stretches: list[Stretch], name: str, network: PatchClassifier, read: Read, segmenter: Segmenter, frames: int, window_patches: int
) -> list[Stretch]:
    """Divides the stretches of this name by the network's classes and keeps the others."""
    wanted = np.zeros(labels_in(frames), bool)
    for kind, start, stop in stretches:
        wanted[start:stop] |= kind == name
    if not wanted.any():
        return stretches
    probabilities = _probabilities(wanted, network, read(), segmenter, frames, window_patches)
    divided: list[Stretch] = []
    for kind, start, stop in stretches:
        if kind == name:
            blocks = (np.arange(i, min(i + BLOCK, stop)) for i in range(start, stop, BLOCK))
            emissions = (_logs(probabilities[patch_of(labels, frames)]) for labels in blocks)
            divided += _stretches(viterbi.decode(emissions, network.transition), network.classes, start)
        else:
            divided.append((kind, start, stop))
    return divided


def _logs(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    with np.errstate(divide="ignore"):
        return np.log(probabilities)


def _probabilities(
    wanted: NDArray[np.bool_], network: PatchClassifier, blocks: Iterator[Signal], segmenter: Segmenter, frames: int, window_patches: int
) -> NDArray[np.float32]:
    """Returns the class probabilities of each patch around a wanted label, uniform if undefined.

    The network runs on every 4th patch, and on the patches between two of them unless both are sure of the same class.
    """
    needed = np.zeros(patches_in(frames), bool)
    needed[patch_of(np.flatnonzero(wanted), frames)] = True
    coarse = _coarse(needed)
    known = np.zeros(len(needed), bool)
    found = np.full((len(needed), len(network.classes)), 0.5, np.float32)
    for first, signal in zip(count(0, window_patches), patch_windows(blocks, window_patches), strict=False):
        here = slice(first, first + window_patches + 1)
        if not needed[here].any():
            continue
        patches, finite = segmenter.patches(_filled(segmenter.log_mel(signal))[:, : network.bands])
        _ask(network, patches, finite, coarse[here], known[here], found[here])
        _ask(network, patches, finite, _unsettled(needed[here], coarse[here], found[here]), known[here], found[here])
    return _interpolated(found, known, needed & ~known)


def _ask(
    network: PatchClassifier,
    patches: NDArray[np.floating],
    finite: NDArray[np.bool_],
    which: NDArray[np.bool_],
    known: NDArray[np.bool_],
    found: NDArray[np.float32],
) -> None:
    """Fills in `found` and `known` for the selected patches that are not yet known."""
    ask = which & ~known
    known |= ask
    if (ask & finite).any():
        found[ask & finite] = network.predict(patches[ask & finite])


def _coarse(needed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Every 4th needed patch, and the first and the last of each run of needed patches."""
    edge = ~np.r_[False, needed[:-1]] | ~np.r_[needed[1:], False]
    return needed & (edge | (np.arange(len(needed)) % STRIDE == 0))


def _unsettled(needed: NDArray[np.bool_], coarse: NDArray[np.bool_], probabilities: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Needed patches, except those between two coarse ones that are sure of the same class."""
    at = np.flatnonzero(coarse)
    best, sure = probabilities[at].argmax(axis=1), probabilities[at].max(axis=1) >= SURE
    settled = (best[1:] == best[:-1]) & sure[1:] & sure[:-1]
    unsettled = needed.copy()
    unsettled[at[0] : at[-1]] &= ~np.repeat(settled, np.diff(at))
    return unsettled


def _interpolated(found: NDArray[np.float32], known: NDArray[np.bool_], unknown: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Interpolates the log-probabilities of unknown patches between the known ones."""
    at, between = np.flatnonzero(known), np.flatnonzero(unknown)
    for column in found.T:
        column[between] = np.exp(np.interp(between, at, np.log(np.maximum(column[at], np.finfo(np.float32).tiny))))
    return found


def _filled(mel: NDArray[np.float32]) -> NDArray[np.floating]:
    """Pads a recording shorter than a patch with its lowest value, as the package does."""
    missing = PATCH_FRAMES - len(mel)
    return mel if missing <= 0 else np.concatenate((mel, np.ones((missing, mel.shape[1])) * np.min(mel)))


def _stretches(states: NDArray[np.uint8], names: tuple[str, ...], start: int) -> list[Stretch]:
    """Turns runs of equal states into stretches; the first one starts at `start`."""
    edges = [0, *(np.flatnonzero(np.diff(states)) + 1).tolist(), len(states)]
    return [(names[states[a]], start + a, start + b) for a, b in pairwise(edges)]


def to_rows(recording: str, samples: int, stretches: list[Stretch]) -> list[Segment]:
    """Returns segments that cover a whole recording. The package stops at the last whole frame; here the last segment extends."""
    rows = []
    for number, (name, first, last) in enumerate(stretches, 1):
        end = samples if number == len(stretches) else last * LABEL_SAMPLES
        label = {"noEnergy": "silence", "female": "speech", "male": "speech"}.get(name, name)
        gender = name if name in ("female", "male") else ""
        rows.append(Segment(recording, first * LABEL_SAMPLES / SAMPLE_RATE_HZ, end / SAMPLE_RATE_HZ, label, gender))
    return rows
