"""VoiceFilter as `train_voicefilter` makes it and `extract` uses it: its spectra, its configuration and its ONNX graph.

Wang and others, VoiceFilter: Targeted Voice Separation by Speaker-Conditioned Spectrogram Masking, Interspeech 2019: from the magnitudes
of a mixture and the vector of a voice, convolutions, an LSTM and two dense layers compute a mask, the share of each magnitude that is
that voice. This module is here for two stages, since a model is worth nothing unless both compute the same spectra.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.shared.encoders import ENCODERS
from components.shared.mel import RATE_HZ, Signal
from components.shared.task import StageError

BINS = 601
"""Frequencies of a spectrum, 13.3 Hz apart, up to 8 kHz."""
COMPRESSION = 0.3
"""The network gets magnitudes to this power: a voice has a wide range of them."""
FLOOR = 1e-4
"""What is added to magnitudes before the power, whose slope at 0 has no bound."""
LEVEL = 0.05
"""RMS to which the network's input is scaled."""
KIND = "voicefilter"
"""Kind of these models in the store."""
GRAPH, CONFIG = "voicefilter.onnx", "config.json"
"""Files of a model."""

Spectrum = NDArray[np.complex64]
"""Shaped (frames, bins)."""
Magnitudes = NDArray[np.float32]
"""Shaped (frames, BINS)."""
Mask = NDArray[np.float32]
"""0 to 1, shaped (frames, BINS)."""


@dataclass(frozen=True)
class Stft:
    """A short-time Fourier transform: frame n has its middle at sample n * hop, with silence around the signal."""

    window: int
    hop: int
    fft: int

    def frames(self, samples: int) -> int:
        """Number of frames of a signal."""
        return samples // self.hop + 1

    def spectrum(self, signal: NDArray[np.floating]) -> Spectrum:
        """Returns the spectrum of a signal shaped (samples,)."""
        before = self.window // 2
        count = self.frames(len(signal))
        padded = np.zeros((count - 1) * self.hop + self.window, np.float32)
        shown = signal[: len(padded) - before]
        padded[before : before + len(shown)] = shown
        views = np.lib.stride_tricks.sliding_window_view(padded, self.window)[:: self.hop]
        return np.fft.rfft(views * self._taper(), self.fft).astype(np.complex64)

    def signal(self, spectrum: Spectrum, samples: int) -> Signal:
        """Returns the signal of a spectrum: the exact inverse of `spectrum`."""
        before, taper = self.window // 2, self._taper()
        pieces = np.fft.irfft(spectrum, self.fft)[:, : self.window] * taper
        length = max((len(spectrum) - 1) * self.hop + self.window, before + samples)
        total, weights = np.zeros(length), np.zeros(length)
        for number, piece in enumerate(pieces):
            place = slice(number * self.hop, number * self.hop + self.window)
            total[place] += piece
            weights[place] += taper * taper
        return (total / np.maximum(weights, 1e-6))[before : before + samples].astype(np.float32)

    def _taper(self) -> NDArray[np.float64]:
        """A periodic Hann window, shifted by half a sample so that no weight is 0."""
        return np.sin(np.pi * (np.arange(self.window) + 0.5) / self.window) ** 2


STFT = Stft(400, 160, 1200)
"""The paper's at 16 kHz: windows of 25 ms every 10 ms."""


@dataclass(frozen=True)
class Network:
    """The size of a network. Convolutions keep the number of frames."""

    channels: int
    """Channels of all convolutions but the last one."""
    last_channels: int
    strides: tuple[int, ...]
    """Step of each of the eight convolutions over frequencies; 1 keeps their number."""
    lstm: int
    """Numbers of the state of the LSTM, in each direction."""
    bidirectional: bool
    dense: int
    """Numbers of the first dense layer; the second one has BINS."""

    @property
    def columns(self) -> int:
        """Frequencies that are left after the convolutions."""
        count = BINS
        for stride in self.strides:
            count = (count - 1) // stride + 1
        return count


LAYERS = ((1, 7, 1), (7, 1, 1), (5, 5, 1), (5, 5, 2), (5, 5, 4), (5, 5, 8), (5, 5, 16), (1, 1, 1))
"""Frames and frequencies that each convolution sees, and the dilation of the frames."""
NETWORKS = {
    "small": Network(16, 8, (4, 2, 2, 2, 1, 1, 1, 1), 256, True, 256),
    "full": Network(64, 8, (1, 1, 1, 1, 1, 1, 1, 1), 400, False, 600),
}
"""`full` is the paper's network. `small` is trained on a CPU: it sees fewer frequencies after the first convolutions."""


@dataclass(frozen=True)
class Config:
    """What config.json of a model holds."""

    network: Network
    voice_by: str
    """The encoder of the voice vectors."""

    def to_text(self) -> str:
        facts = {"bins": BINS, "rate_hz": RATE_HZ, **asdict(STFT)}
        return json.dumps({**asdict(self), "spectrum": facts}, indent=1, sort_keys=True) + "\n"


def read_config(folder: Path) -> Config:
    """Reads the configuration of a model. Raises StageError if it is not one of this version of VoiceFilter."""
    path = folder / CONFIG
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        sizes: dict[str, Any] = {f.name: found["network"][f.name] for f in fields(Network)}
        network = Network(**sizes | {"strides": tuple(sizes["strides"])})
        config = Config(network, found["voice_by"])
        fits = json.loads(config.to_text()) == found and config.voice_by in ENCODERS
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StageError(f"expected the configuration of a VoiceFilter in {path}, found something else ({error!r}): {_ADVICE}") from None
    if not fits:
        raise StageError(
            f"expected a VoiceFilter of spectra of {BINS} frequencies with vectors of {', '.join(ENCODERS)} in {path}: {_ADVICE}"
        )
    return config


_ADVICE = "choose a model that train_voicefilter made"


def level_of(mixture: NDArray[np.floating]) -> float:
    """Returns the factor that brings a mixture to LEVEL; 1 for silence."""
    rms = float(np.sqrt(np.mean(np.square(mixture, dtype=np.float64)))) if len(mixture) else 0.0
    return LEVEL / rms if rms > 1e-6 else 1.0


def onnx_graph(tensors: Mapping[str, NDArray[Any]], config: Config) -> bytes:
    """Returns the network as an ONNX file, from PyTorch's tensors by name.

    Its inputs are `magnitudes`, float32, shaped (1, frames, BINS), and `voice`, a vector of length 1, shaped (1, numbers). Its output
    `mask` is shaped like `magnitudes`.
    """
    from components.shared.graph import Graph  # imports onnx, which takes a second

    graph, network, numbers = Graph(tensors), config.network, ENCODERS[config.voice_by].numbers
    floor, power = graph.constant("floor", np.array(FLOOR, np.float32)), graph.constant("power", np.array(COMPRESSION, np.float32))
    sound = graph.add("Pow", graph.add("Add", "magnitudes", floor), power)
    sound = graph.add("Unsqueeze", sound, graph.constant("channel", np.array([1])))
    for number, ((frames, bins, dilation), stride) in enumerate(zip(LAYERS, network.strides, strict=True)):
        before = [dilation * (frames // 2), bins // 2]
        sound = graph.convolution(sound, f"convolutions.{number}", dilations=[dilation, 1], strides=[1, stride], pads=[*before, *before])
        sound = graph.add("Relu", graph.normalized(sound, f"norms.{number}"))
    columns = graph.constant("columns", np.array([0, 0, network.last_channels * network.columns]))
    steps = graph.add("Reshape", graph.add("Transpose", sound, perm=[0, 2, 1, 3]), columns)
    scaled = graph.add("Mul", "voice", graph.constant("scale", np.array(np.sqrt(numbers), np.float32)))
    shape = graph.add("Concat", graph.add("Shape", steps, start=0, end=2), graph.constant("numbers", np.array([numbers])), axis=0)
    voice = graph.add("Expand", graph.add("Unsqueeze", scaled, graph.constant("every_frame", np.array([1]))), shape)
    steps = graph.add("Transpose", graph.add("Concat", steps, voice, axis=2), perm=[1, 0, 2])
    steps = graph.lstm(steps, "lstm", 0, ("", "_reverse") if network.bidirectional else ("",))
    steps = graph.add("Relu", graph.add("Transpose", steps, perm=[1, 0, 2]))
    steps = graph.add("Relu", graph.linear(steps, "dense.0"))
    mask = graph.add("Sigmoid", graph.linear(steps, "dense.1"))
    shape_of: list[str | int] = ["batch", "frames", BINS]
    return graph.model("magnitudes", shape_of, mask, shape_of, "mask", {"voice": ["batch", numbers]})
