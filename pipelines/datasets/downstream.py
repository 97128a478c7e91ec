"""What a small model learns from a version's clips, judged on speech that no version holds.

The model predicts each frame of a log-mel spectrogram from the frames before it, linearly, fitted in closed form. Its score is the RMS
error of its predictions of the judging speech in dB. Noise, music and missing treble in the training clips hide how one frame of speech
follows from others, and raise it. It hears nothing of who speaks, of the words, of level, or of pauses longer than its context.
"""

import io
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy import linalg, signal, stats

from components.shared.mel import FRAME, RATE_HZ, frames_of, hann, slaney_edges_hz, slaney_filters

BANDS = 40
CONTEXT = 6
"""Frames before the predicted one that the model sees, 60 ms."""
RIDGE = 1e-3
"""Penalty of large weights, relative to the mean power of the input."""
FLOOR_DB = -60.0
"""Least power of a band, relative to the mean of the clip: what lies below is digital silence or rounding."""
SEEDS = 5
BUDGET_SECONDS = 600.0

Frames = NDArray[np.float64]
"""Logarithms of the power in bands, shaped (frames, BANDS)."""
Sound = NDArray[np.floating]


@dataclass(frozen=True)
class Scores:
    """The scores of models that were trained on different random choices of clips."""

    errors_db: tuple[float, ...]
    """RMS error in dB, one for each seed. Less is better."""
    train_seconds: float
    """Seconds of clips that each model was trained on."""

    @property
    def mean(self) -> float:
        return float(np.mean(self.errors_db))

    @property
    def margin(self) -> float:
        """Half the width of the 95 % interval of the mean over seeds (Student's t); infinite for one seed."""
        count = len(self.errors_db)
        return float(stats.t.ppf(0.975, count - 1) * np.std(self.errors_db, ddof=1) / math.sqrt(count)) if count > 1 else math.inf

    def as_json(self) -> dict[str, object]:
        """The scores for a JSON file."""
        return {"errors_db": list(self.errors_db), "mean": self.mean, "margin": self.margin, "train_seconds": self.train_seconds}


@dataclass(frozen=True)
class Moments:
    """Sums over frames that a model is fitted from; sums of two sets of clips are those of both."""

    count: int
    inputs: NDArray[np.float64]
    """Products of inputs, shaped (CONTEXT * BANDS + 1,) * 2."""
    both: NDArray[np.float64]
    """Products of inputs and targets, shaped (CONTEXT * BANDS + 1, BANDS)."""
    targets: NDArray[np.float64]
    """Products of targets, shaped (BANDS, BANDS)."""

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(self.count + other.count, self.inputs + other.inputs, self.both + other.both, self.targets + other.targets)


def log_mel(sound: Sound, rate_hz: int) -> Frames:
    """The log-mel frames of mono sound, shaped (samples,), relative to its mean power; every 10 ms."""
    divisor = math.gcd(rate_hz, RATE_HZ)
    narrow = signal.resample_poly(sound, RATE_HZ // divisor, rate_hz // divisor) if rate_hz != RATE_HZ else np.asarray(sound)
    if len(narrow) < FRAME * 4:
        return np.zeros((0, BANDS))
    spectra = np.fft.rfft(frames_of(np.asarray(narrow, np.float32)) * hann())
    bands = (spectra.real**2 + spectra.imag**2) @ slaney_filters(
        np.fft.rfftfreq(len(hann()), 1 / RATE_HZ), slaney_edges_hz(BANDS, 0, RATE_HZ / 2)
    )
    mean = float(np.mean(bands))
    return np.log(np.maximum(bands / mean, 10 ** (FLOOR_DB / 10))).astype(np.float64) if mean > 0 else np.zeros((0, BANDS))


def moments(frames: Frames) -> Moments:
    """The sums of one clip."""
    count = max(0, len(frames) - CONTEXT)
    before = [frames[CONTEXT - 1 - back : len(frames) - 1 - back] for back in range(CONTEXT)] if count else []
    seen = np.concatenate([*before, np.ones((count, 1))], axis=1) if count else np.zeros((0, CONTEXT * BANDS + 1))
    said = frames[CONTEXT:] if count else np.zeros((0, BANDS))
    return Moments(count, seen.T @ seen, seen.T @ said, said.T @ said)


def total(parts: Iterable[Moments]) -> Moments:
    """The sums of several clips."""
    found = moments(np.zeros((0, BANDS)))
    for part in parts:
        found += part
    return found


def error_db(train: Moments, judge: Moments) -> float:
    """RMS error in dB of a model of the training frames on the judging frames. Raises ValueError without frames."""
    if not train.count or not judge.count:
        raise ValueError(f"expected frames to train on and to judge, found {train.count} and {judge.count}")
    scale = float(np.mean(np.diag(train.inputs)))
    weights: NDArray[np.float64] = linalg.solve(train.inputs + RIDGE * scale * np.eye(len(train.inputs)), train.both, assume_a="pos")
    squares = np.trace(judge.targets) - 2 * np.sum(weights * judge.both) + np.sum(weights * (judge.inputs @ weights))
    return float(10 / math.log(10) * math.sqrt(max(0.0, squares) / (judge.count * BANDS)))


def scores(
    clips: Sequence[tuple[str, float]], read: Callable[[str], bytes], judge: Moments, budget_seconds: float, seeds: int = SEEDS
) -> Scores:
    """Trains and judges a model for each seed.

    Args:
        clips: Key of the sound and seconds of each kept clip.
        read: Reads a clip's sound from the store.
        judge: The sums of the judging speech.
        budget_seconds: Seconds of clips to train on: the first ones in a random order that reach them.
        seeds: Number of random orders.
    """
    found, used = [], 0.0
    for seed in range(seeds):
        train, used = total([]), 0.0
        for index in np.random.default_rng(seed).permutation(len(clips)):
            if used >= budget_seconds:
                break
            key, seconds = clips[index]
            train += moments(log_mel(*soundfile.read(io.BytesIO(read(key)), dtype="float32")))
            used += seconds
        found.append(error_db(train, judge))
    return Scores(tuple(found), used)


def judging(sounds: Iterable[tuple[Sound, int]]) -> Moments:
    """The sums of the judging speech: mono sounds with their rates in Hz."""
    return total(moments(log_mel(sound, rate_hz)) for sound, rate_hz in sounds)
