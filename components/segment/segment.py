"""Segments a recording into speech, music, noise and silence as inaSpeechSegmenter does, with a few MB of memory per hour.

Only the threshold of silence differs (energy.py). The sound is read once: the energies stay in memory, because the threshold depends on
the whole recording, and the spectra in a file. Two passes over the spectra follow: content of frames with energy; gender of speech. Each
keeps a few numbers per frame and decodes them at its end.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.segment import viterbi
from components.segment.answers import Advance, Answers, PatchClassifier
from components.segment.energy import threshold
from components.segment.features import Energies, Mel
from components.segment.spectra import Spectra
from components.segment.windows import STEP, Signal, frame_windows, labels_in, patch_of
from components.shared.rows import SAMPLE_RATE_HZ, Segment

LABEL_SAMPLES = SAMPLE_RATE_HZ * 20 // 1000
"""Samples per label, 20 ms."""
WINDOW_PATCHES = 1000
"""Patches at a time: 20 seconds, about 20 MB."""
SHARES = {True: (0.2, 0.2, 0.6), False: (0.5, 0.5)}
"""Approximate shares of the time that the passes take: sound, content and, if asked for, gender."""

Stretch = tuple[str, int, int]
"""Name, first label, and end label (exclusive)."""


@dataclass(frozen=True)
class Segmenter:
    """The parts of inaSpeechSegmenter, as functions of signals and arrays."""

    features: Callable[[Signal], tuple[Energies, Mel]]
    """Energies and spectra of the frames of a signal."""
    energy_ratio: float
    energy_transition: NDArray[np.float64]
    content: PatchClassifier
    gender: PatchClassifier | None


def analyze(
    blocks: Iterable[Signal],
    segmenter: Segmenter,
    folder: Path | None = None,
    window_patches: int = WINDOW_PATCHES,
    advance: Advance = lambda share: None,
) -> list[Stretch]:
    """Returns stretches named noEnergy, music, noise, and speech or female and male. They cover a recording in order.

    Args:
        blocks: The recording, 16 kHz mono.
        segmenter: Features and networks.
        folder: Where the spectra are kept meanwhile; None for the system's folder of temporary files.
        window_patches: Patches at a time. It affects memory, not the result.
        advance: Hears the shares of the work that is done after the sound was read, as SHARES has them.
    """
    spectra, parts = Spectra(folder), []
    for window in frame_windows(iter(blocks), window_patches * STEP):
        energies, mel = segmenter.features(window)
        parts.append(energies)
        spectra.append(mel)
    energies = np.concatenate(parts)
    stretches = _with_energy(energies, segmenter)
    passes = [("energy", segmenter.content), *([("speech", segmenter.gender)] if segmenter.gender else [])]
    for (name, network), share in zip(passes, SHARES[bool(segmenter.gender)][1:], strict=True):
        stretches = _divided(stretches, name, network, spectra, len(energies), window_patches, _part_of(share, advance))
    return stretches


def _part_of(share: float, advance: Advance) -> Advance:
    return lambda part: advance(part * share)


def _with_energy(energies: Energies, segmenter: Segmenter) -> list[Stretch]:
    """Divides a recording by its energy, relative to that of the recording or of the neighborhood."""
    heard = energies > threshold(energies, segmenter.energy_ratio)
    sure, unsure = np.log(1 - 1e-10), np.log(1e-10)  # the package's pred2logemission
    emission = np.array([[sure, unsure], [unsure, sure]])
    emissions = (emission[heard[i : i + viterbi.BLOCK].astype(int)] for i in range(0, len(heard), viterbi.BLOCK))
    return _stretches(viterbi.decode(emissions, segmenter.energy_transition)[::STEP], ("noEnergy", "energy"), 0)


def _divided(
    stretches: list[Stretch],
    name: str,
    network: PatchClassifier,
    spectra: Spectra,
    frames: int,
    window_patches: int,
    advance: Advance,
) -> list[Stretch]:
    """Divides the stretches of this name by the network's classes and keeps the others."""
    wanted = np.zeros(labels_in(frames), bool)
    for kind, start, stop in stretches:
        wanted[start:stop] |= kind == name
    if not wanted.any():
        advance(1.0)
        return stretches
    answers = Answers(network, spectra, frames, wanted, window_patches, advance)
    answers.ask_few()
    answers.ask_where_close((start, stop) for kind, start, stop in stretches if kind == name)
    logs = answers.logs()
    divided: list[Stretch] = []
    for kind, start, stop in stretches:
        if kind == name:
            blocks = (np.arange(i, min(i + viterbi.BLOCK, stop)) for i in range(start, stop, viterbi.BLOCK))
            states = viterbi.decode((logs[patch_of(labels, frames)] for labels in blocks), network.transition)
            divided += _stretches(states, network.classes, start)
        else:
            divided.append((kind, start, stop))
    return divided


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
