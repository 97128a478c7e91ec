"""Networks with random numbers, and two voices of the bundled sample, apart and together."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from components.shared.audio import decode, to_pcm16
from components.shared.encoders import ENCODERS
from components.shared.model import describe
from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.voicefilter import BINS, CONFIG, GRAPH, KIND, LAYERS, Config, Network, onnx_graph
from tests.places import ROOT, SAMPLE

TINY = Config(Network(2, 2, (2, 2, 2, 2, 1, 1, 1, 1), 8, True, 16), "campplus")


def random_tensors(config: Config, seed: int, scale: float = 1.0) -> dict[str, NDArray[Any]]:
    """Tensors of a network that was never trained, by PyTorch's names."""
    rng, network, numbers = np.random.default_rng(seed), config.network, ENCODERS[config.voice_by].numbers
    shapes: dict[str, tuple[int, ...]] = {}
    widths = [1, *[network.channels] * (len(LAYERS) - 1), network.last_channels]
    for number, ((frames, bins, _), before, after) in enumerate(zip(LAYERS, widths, widths[1:], strict=False)):
        shapes[f"convolutions.{number}.weight"] = (after, before, frames, bins)
        shapes |= {f"norms.{number}.{name}": (after,) for name in ("weight", "bias", "running_mean")}
    heard, state, ways = network.last_channels * network.columns + numbers, network.lstm, 1 + network.bidirectional
    for way in ("", "_reverse")[:ways]:
        shapes |= {f"lstm.weight_ih_l0{way}": (4 * state, heard), f"lstm.weight_hh_l0{way}": (4 * state, state)}
        shapes |= {f"lstm.bias_ih_l0{way}": (4 * state,), f"lstm.bias_hh_l0{way}": (4 * state,)}
    for number, (before, after) in enumerate(((ways * state, network.dense), (network.dense, BINS))):
        shapes |= {f"dense.{number}.weight": (after, before), f"dense.{number}.bias": (after,)}
    found = {name: (scale * rng.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32) for name, shape in shapes.items()}
    return found | {f"norms.{n}.running_var": np.ones(width, np.float32) for n, width in enumerate(widths[1:])}


def write_model(folder: Path, seed: int = 0, scale: float = 1.0, config: Config = TINY) -> Path:
    """A model with random numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / GRAPH).write_bytes(onnx_graph(random_tensors(config, seed, scale), config))
    (folder / CONFIG).write_text(config.to_text())
    describe(folder, "random", KIND, "CC0-1.0", "a test", "2026-01-01T00:00:00+00:00")
    return folder


@pytest.fixture(scope="session")
def utterances() -> dict[str, NDArray[np.float32]]:
    """The longest utterances of the host and of a guest, 44.1 kHz mono, RMS 0.1, of the same length."""
    truth = json.loads((ROOT / "tests" / "sample" / "truth" / "episode-1.json").read_text())["utterances"]
    sound = np.concatenate([block[:, 0] for block in decode(SAMPLE / "episode-1.opus", SAMPLE_RATE_HZ)])
    found: dict[str, NDArray[np.float32]] = {}
    for spoken in sorted(truth, key=lambda u: u["start"] - u["end"]):
        part = sound[round(spoken["start"] * SAMPLE_RATE_HZ) : round(spoken["end"] * SAMPLE_RATE_HZ)]
        found.setdefault(spoken["speaker"], part / np.float32(10 * np.sqrt(np.mean(part**2))))
    names = list(found)[:2]
    length = min(len(found[name]) for name in names)
    return dict(zip(("host", "guest"), (found[name][:length] for name in names), strict=True))


@pytest.fixture(scope="session")
def overlapped(utterances: dict[str, NDArray[np.float32]]) -> tuple[NDArray[np.int16], int, int]:
    """The host alone, the host with the guest over him, and the host alone: samples shaped (samples, 1), and where the guest speaks."""
    host, guest = utterances["host"], utterances["guest"]
    start, stop = len(host) // 3, len(host) // 3 + min(2 * SAMPLE_RATE_HZ, len(host) // 3)
    mixture = 0.5 * host
    mixture[start:stop] += 0.5 * guest[start:stop]
    return to_pcm16(mixture)[:, None], start, stop
