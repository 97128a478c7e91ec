"""Loads Spleeter's network and the variables of a checkpoint from the folder of a model."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.separate.checkpoint import CheckpointError, Tensors, read_tensors
from components.separate.masks import network
from components.separate.unet import CHANNELS, HALVINGS, Unet, shapes, unet_of
from components.shared.inference import on_device
from components.shared.model import Model, read_model
from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.task import StageError
from components.shared.threads import cpu_threads

CHECKPOINT = "model"
"""Prefix of a checkpoint's files in Spleeter's releases. The file `checkpoint` is not read; it may name another path."""
INDEX, DATA = f"{CHECKPOINT}.index", f"{CHECKPOINT}.data-00000-of-00001"
SPEECH = ("vocals", "speech")
"""Names of the instrument that is speech. All others together are the accompaniment."""
GPU, GPU_WINDOWS = "the GPU", 2
"""Windows at a time on a GPU: one in the network, one in the transforms before and after it."""
MOST_THREADS = 4
"""CPU threads unless told otherwise. Each holds 0.2 GB, and a container sees all cores of its machine."""
OVERLAP = 4
"""Frames that cover a sample. Spleeter's window compensation is correct for this number only."""

Spectra = NDArray[np.float32]
Stft = NDArray[np.complex64]
"""Shaped (channels, frames, frame_length / 2 + 1)."""


@dataclass(frozen=True)
class Config:
    """A model's config.json."""

    instruments: tuple[str, ...]
    speech: int
    """Index of the speech among the instruments."""
    frame_length: int
    frame_step: int
    segment_frames: int
    """Frames of a segment. The network processes each segment on its own."""
    bins: int
    """Number of bins of a frame that the network processes, from the lowest."""
    extended: bool
    """Whether bins above these get the mean mask of those below; else they are silent in every result."""
    unet: Unet

    @property
    def band_hz(self) -> float:
        """Frequency above which the results are silent, or guessed if `extended`."""
        return self.bins * SAMPLE_RATE_HZ / self.frame_length


@dataclass(frozen=True)
class Network:
    """A model that is ready to run."""

    model: Model
    config: Config
    device: str
    """The GPU or the CPU, in words."""
    windows: int
    """Windows to process at a time."""
    mask: Callable[[Spectra], Spectra]
    """Takes magnitudes shaped (segments, 2, segment_frames, bins). Returns the share of speech, shaped like them."""


def read_config(path: Path) -> Config:
    """Reads a config.json. Raises StageError unless it is Spleeter's and streaming gives Spleeter's own result."""

    def wrong(what: str, found: object) -> StageError:
        return StageError(f"expected {what} in {path}, found {found!r}: choose a model made for Spleeter's U-Net at {SAMPLE_RATE_HZ} Hz")

    try:
        given = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise StageError(f"expected Spleeter's configuration of a model in {path}, found {error}: fetch and push the model again") from None

    def taken(name: str, what: str, right: Callable[[Any], bool], source: Any = given) -> Any:
        value = source.get(name) if isinstance(source, dict) else None
        if not right(value):
            raise wrong(f"{what} as {name}", value)
        return value

    def number(least: int, most: int, step: int = 1) -> Callable[[Any], bool]:
        return lambda value: type(value) is int and least <= value <= most and value % step == 0

    instruments = taken("instrument_list", "two or more names, one of them vocals or speech,", _are_instruments)
    length = taken("frame_length", "a power of two", lambda v: type(v) is int and 256 <= v <= 65_536 and v & (v - 1) == 0)
    taken("sample_rate", f"{SAMPLE_RATE_HZ}", lambda v: v == SAMPLE_RATE_HZ)
    taken("n_channels", f"{CHANNELS}", lambda v: v == CHANNELS)
    taken("mix_name", "a name", _is_name)
    taken("separation_exponent", "a number above 0 and up to 10", lambda v: type(v) in (int, float) and 0 < v <= 10)
    taken("type", "unet.unet or unet.softmax_unet", lambda v: v in ("unet.unet", "unet.softmax_unet"), given.get("model"))
    taken("params", "the network's parameters, conv_n_filters with six numbers if with any,", _are_parameters, given.get("model"))
    speech = next(i for i, name in enumerate(instruments) if name in SPEECH)
    return Config(
        instruments=tuple(instruments),
        speech=speech,
        frame_length=length,
        frame_step=taken("frame_step", f"a quarter of the frame_length, {length // OVERLAP},", lambda v: v == length // OVERLAP),
        segment_frames=taken("T", "a multiple of 64 up to 4096", number(64, 4096, 2**HALVINGS)),
        bins=taken("F", f"a multiple of 64 up to {length // 2}", number(64, length // 2, 2**HALVINGS)),
        extended=taken("mask_extension", "zeros or average", lambda v: v in ("zeros", "average")) == "average",
        unet=unet_of(given["model"], len(instruments), speech, given["separation_exponent"]),
    )


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_]*", value) is not None


def _are_instruments(value: Any) -> bool:
    names = isinstance(value, list) and len(value) >= 2 and all(_is_name(v) for v in value) and len(set(value)) == len(value)
    return names and sum(name in SPEECH for name in value) == 1


def _are_parameters(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    filters = value.get("conv_n_filters", [1] * HALVINGS)
    return isinstance(filters, list) and len(filters) == HALVINGS and all(type(n) is int and 1 <= n <= 4096 for n in filters)


def load_network(folder: Path, threads: int = 0) -> Network:
    """Loads a model of kind spleeter, on a GPU if ONNX Runtime finds one, else on `threads` CPU threads, 0 for one per core up to
    MOST_THREADS.

    Raises StageError if a file is missing or differs from `model.json`, if the configuration is unsuitable, or if the variables do not
    fit it.
    """
    model = read_model(folder, "spleeter")
    for name in ("config.json", INDEX, DATA):
        if name not in model.files:
            raise StageError(f"expected a file {name} in the model {model.name} in {folder}, found {', '.join(model.files)}")
    config = read_config(folder / "config.json")
    graph = network(config.unet, _tensors(folder, model, config), config.segment_frames, config.bins)
    threads = cpu_threads(threads, MOST_THREADS)
    mask, device = on_device(graph, "magnitudes", threads, turn=1)
    return Network(model, config, device, GPU_WINDOWS if device == GPU else threads, mask)


def _tensors(folder: Path, model: Model, config: Config) -> Tensors:
    """Reads the variables of a model's networks. Raises StageError if the checkpoint is damaged or belongs to another configuration."""
    wanted = shapes(config.unet)
    try:
        tensors = read_tensors(folder / INDEX, folder / DATA, wanted.__contains__)
    except CheckpointError as error:
        raise StageError(
            f"expected a checkpoint of {model.name} in {folder / CHECKPOINT}.*, found {error}: fetch and push the model again"
        ) from None
    found = {name: list(tensor.shape) for name, tensor in tensors.items()}
    wrong = [f"{name} {found.get(name, 'missing')} for {list(shape)}" for name, shape in wanted.items() if found.get(name) != list(shape)]
    if wrong:
        shown = f"{len(wrong)} of {len(wanted)} others ({', '.join(wrong[:3])})"
        raise StageError(
            f"expected the variables of the network that config.json describes in the checkpoint of {model.name} in {folder}, "
            f"found {shown}: choose a model whose configuration and checkpoint belong together"
        )
    return tensors
