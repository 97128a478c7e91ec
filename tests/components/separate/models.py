"""Models of Spleeter with random weights, and sound for them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.separate.unet import HALVINGS, NORMALIZATION, Names, shapes, unet_of
from components.shared.audio import Samples
from components.shared.model import describe
from tests.components.separate.bundle import write_checkpoint

OFFICIAL: dict[str, Any] = {
    "mix_name": "mix",
    "instrument_list": ["vocals", "accompaniment"],
    "sample_rate": 44_100,
    "frame_length": 4096,
    "frame_step": 1024,
    "T": 512,
    "F": 1024,
    "n_channels": 2,
    "separation_exponent": 2,
    "mask_extension": "zeros",
    "model": {"type": "unet.unet", "params": {}},
}
"""Spleeter's 2stems; its 2stems-16kHz has F 1536."""

SMALL = OFFICIAL | {
    "frame_length": 1024,
    "frame_step": 256,
    "T": 64,
    "F": 256,
    "model": {"type": "unet.unet", "params": {"conv_n_filters": [4, 8, 8, 8, 8, 8]}},
}
"""The same network, small enough for many tests: a segment is 0.37 s of sound."""


def write_model(folder: Path, config: dict[str, Any] = SMALL, seed: int = 1) -> Path:
    """A model with all variables that Spleeter makes for a configuration, of random values that leave no mask constant."""
    rng, tensors = np.random.default_rng(seed), {}
    instruments = len(config["instrument_list"])
    unet = unet_of(config["model"], instruments, 0, config["separation_exponent"])
    unused = [Names(number).normalization(HALVINGS - 1) for number in range(instruments)]
    wanted = shapes(unet) | {f"{name}/{part}": (unet.filters[-1],) for name in unused for part in NORMALIZATION}
    for name, shape in sorted(wanted.items()):
        if name.endswith("kernel"):
            bound = np.sqrt(6 / np.prod(shape[:2]) / shape[3 if "transpose" in name else 2])
            values = rng.uniform(-bound, bound, shape)
        elif name.endswith(("gamma", "moving_variance")):
            values = rng.uniform(0.5, 2, shape)
        else:
            values = rng.normal(0, 0.1, shape)
        tensors[name] = values.astype(np.float32)
    return write(folder, config, tensors)


def write(folder: Path, config: dict[str, Any], tensors: Mapping[str, NDArray[np.float32]]) -> Path:
    """A model with these variables, and with what Spleeter's own program asks for beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "checkpoint").write_text('model_checkpoint_path: "model"\n')
    write_checkpoint(folder / "model", {**tensors, "global_step": np.array(1, np.int64)})
    describe(folder, "random", "spleeter", "CC0-1.0", "random numbers", "2026-01-01T00:00:00Z")
    return folder


def sound(samples: int, channels: int, seed: int = 0) -> Samples:
    """Tones that come and go over noise, another mixture in each channel."""
    rng = np.random.default_rng(seed)
    time = np.arange(samples) / 44_100
    tones = np.sum([np.sin(2 * np.pi * f * time) * np.sin(2 * np.pi * f / 300 * time) for f in (220, 340, 1250, 5100)], axis=0)
    return (0.05 * tones[:, None] * rng.uniform(0.5, 1, channels) + 0.05 * rng.standard_normal((samples, channels))).astype(np.float32)


def in_blocks(samples: Samples, size: int = 7777) -> Iterator[Samples]:
    return (samples[i : i + size] for i in range(0, len(samples), size))
