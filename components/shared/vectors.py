"""Computes the vectors of a recording of any length, with a few seconds of it in memory."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.shared.encoders import ENCODERS
from components.shared.mel import FRAME, Signal
from components.shared.ranges import MARGIN, parts_of
from components.shared.voice_encoder import Encoder
from components.shared.voice_mel import Mel
from components.shared.window_plan import WINDOW_FRAMES, Spans

RUN_WINDOWS = 64
"""Number of overlapping windows whose spectra are computed at a time."""

LEVEL_DB = -30.0
"""RMS, relative to full scale, to which every window is scaled. Resemblyzer's input is power, not its logarithm, so level changes its
vector; it was trained on speech at this level (audio_norm_target_dBFS). CAM++ hears level only below the floor of its logarithm."""
SILENT_DB = -80.0
"""RMS below which a window counts as digital silence; rounding to 16 bits removes that much."""
QUIET_DB = 30.0
"""In a reference, a window counts as a pause if half its frames are this far below the loudest window."""


@dataclass(frozen=True)
class Embeddings:
    """The windows of one recording and their vectors, without digital silence."""

    spans: Spans
    vectors: NDArray[np.float32]
    """Vectors of length 1, shaped (windows, numbers)."""
    medians_db: NDArray[np.float64]
    """Median level of each window's frames in the lowest quarter of the bands, up to 0.6 kHz, which holds most of a voice and little of a
    noise; in dB relative to an arbitrary reference."""

    def __getitem__(self, which: NDArray[np.bool_]) -> "Embeddings":
        return Embeddings(self.spans[which], self.vectors[which], self.medians_db[which])


def embed_windows(blocks: Iterator[Signal], spans: Spans, encoder: Encoder, batch_windows: int) -> tuple[Embeddings, NDArray[np.bool_]]:
    """Computes the vectors of windows, sorted by start, with `batch_windows` windows per call of the network. Returns those without
    digital silence, and which they are.

    `blocks` are the recording from its start, 16 kHz mono, in [-1, 1); they are read up to the end of the last window.
    """
    vectors = np.zeros((len(spans), ENCODERS[encoder.name].numbers), np.float32)
    levels_db, medians_db = np.full(len(spans), -np.inf), np.full(len(spans), -np.inf)
    batch = np.zeros((min(batch_windows, len(spans)), WINDOW_FRAMES, encoder.bands), np.float32)
    waiting: list[int] = []
    for number, (signal, spectra) in enumerate(_pieces(blocks, spans, encoder)):
        low = spectra[:, : encoder.bands // 4].sum(axis=1)
        levels_db[number], medians_db[number] = _db(np.mean(signal * signal)), _db(np.median(low))
        leveled = spectra * np.float32(10 ** ((LEVEL_DB - max(levels_db[number], SILENT_DB)) / 10))
        if len(spectra) < WINDOW_FRAMES:  # not padded: padding would change the vector
            vectors[number] = encoder.vectors(leveled[None])[0]
            continue
        batch[len(waiting)] = leveled
        waiting.append(number)
        if len(waiting) == batch_windows:
            vectors[waiting], waiting = encoder.vectors(batch), []
    if waiting:
        vectors[waiting] = encoder.vectors(batch[: len(waiting)])
    audible = (levels_db >= SILENT_DB) & vectors.any(axis=1)
    return Embeddings(spans, vectors, medians_db)[audible], audible


def without_pauses(embeddings: Embeddings) -> Embeddings:
    """Returns the windows with speech in at least half of their frames, for a recording that contains only speech."""
    return embeddings[embeddings.medians_db >= np.max(embeddings.medians_db, initial=-np.inf) - QUIET_DB]


def _pieces(blocks: Iterator[Signal], spans: Spans, encoder: Encoder) -> Iterator[tuple[Signal, Mel]]:
    """Yields the samples and spectra of each window."""
    runs = list(_runs(spans))
    # the first spectrum of a window covers MARGIN samples before it
    ranges = [(int(run[0, 0]) * FRAME - MARGIN, (int(run[-1, 1]) - 1) * FRAME + MARGIN) for run in runs]
    for run, signal in zip(runs, parts_of(blocks, ranges), strict=True):
        spectra = encoder.spectra(signal)
        for start, end in (run - run[0, 0]).tolist():
            yield signal[MARGIN + start * FRAME : MARGIN + end * FRAME], spectra[start:end]


def _runs(spans: Spans) -> Iterator[Spans]:
    """Splits windows into runs without gaps, of at most RUN_WINDOWS."""
    gaps = np.flatnonzero(spans[1:, 0] > spans[:-1, 1]) + 1
    for run in np.split(spans, gaps):
        for i in range(0, len(run), RUN_WINDOWS):
            yield run[i : i + RUN_WINDOWS]


def _db(power: float | np.floating) -> float:
    return float(10 * np.log10(power)) if power > 0 else -np.inf
