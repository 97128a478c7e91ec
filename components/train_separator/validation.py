"""Measures how well a model separates the speech of held-out windows."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from components.shared.distortion import si_sdr
from components.shared.task import StageError
from components.train_separator.configuration import Config, instruments
from components.train_separator.sounds import MIX, SPEECH, Stereo
from components.train_separator.sources import WindowSource
from components.train_separator.training import Graph, Magnitudes, hann, spectrum

AUDIBLE_RMS = 1e-3
"""Minimum RMS of the speech and of everything else in a window used for validation."""
_TRIED = 100
"""Windows tried per window needed."""
EPSILON = 1e-10
"""Spleeter's EstimatorSpecBuilder.EPSILON."""
COMPENSATION = 2 / 3
"""Spleeter's EstimatorSpecBuilder.WINDOW_COMPENSATION_FACTOR."""


class Excerpt(NamedTuple):
    """A window for validation."""

    mix: Stereo
    speech: NDArray[np.float32]
    """Mean of the channels of the speech."""


def excerpts(source: WindowSource, wanted: int) -> list[Excerpt]:
    """Returns the first windows of a source with speech and something else. Raises StageError if there are too few."""

    def audible() -> Iterator[Excerpt]:
        for index in range(_TRIED * wanted):
            window = source.window(index)
            others = np.sum([sound for name, sound in window.items() if name not in (MIX, SPEECH)], axis=0)
            if min(_rms(window[SPEECH]), _rms(others)) > AUDIBLE_RMS:
                yield Excerpt(window[MIX], window[SPEECH].mean(axis=1))

    found = list(islice(audible(), wanted))
    if len(found) < wanted:
        raise StageError(
            f"expected {wanted} held-out windows with speech and something else, found {len(found)} in {_TRIED * wanted}: "
            "hold out other audio, or set fewer validation_windows"
        )
    return found


def mean_si_sdr(graph: Graph, config: Config, excerpts: Sequence[Excerpt]) -> float:
    """Returns the mean SI-SDR in dB of the speech that the model separates from the windows."""
    return float(np.mean([si_sdr(_inside(separated(graph, config, e.mix), config), _inside(e.speech, config)) for e in excerpts]))


def mean_si_sdr_of_mixtures(config: Config, excerpts: Sequence[Excerpt]) -> float:
    """Returns the mean SI-SDR in dB of the unprocessed mixtures, which a model must exceed."""
    return float(np.mean([si_sdr(_inside(e.mix.mean(axis=1), config), _inside(e.speech, config)) for e in excerpts]))


def separated(graph: Graph, config: Config, mix: Stereo) -> NDArray[np.float32]:
    """Separates the speech of one window (mean of the channels). Its first and last frame_length samples lack frames."""
    stft = spectrum(mix, config)
    estimates = graph.estimate(np.abs(stft[:, : config["F"]]).astype(np.float32), config)
    speech = next(name for name, stem in instruments(config).items() if stem == SPEECH)
    frames = fft.irfft((mask(estimates, speech, config) * stft).mean(axis=2), axis=1) * hann(config["frame_length"])
    out = np.zeros(len(mix), np.float32)
    for number, frame in enumerate(frames):
        out[number * config["frame_step"] :][: len(frame)] += frame
    return out * np.float32(COMPENSATION)


def mask(estimates: dict[str, Magnitudes], instrument: str, config: Config) -> Magnitudes:
    """Returns Spleeter's mask of an instrument, shaped (T, frame_length / 2 + 1, 2)."""
    powers = {name: estimate ** config["separation_exponent"] for name, estimate in estimates.items()}
    inside = (powers[instrument] + EPSILON / len(powers)) / (sum(powers.values()) + EPSILON)
    missing = config["frame_length"] // 2 + 1 - config["F"]
    above = inside.mean(axis=1, keepdims=True) if config["mask_extension"] == "average" else np.zeros_like(inside[:, :1])
    return np.concatenate([inside, np.repeat(above, missing, axis=1)], axis=1)


def _inside(sound: NDArray[np.float32], config: Config) -> NDArray[np.float32]:
    return sound[config["frame_length"] : len(sound) - config["frame_length"]]


def _rms(sound: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(sound))))
