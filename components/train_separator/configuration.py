"""Reads and checks the configurations of Spleeter models, before a training reads any data.

`separate` has checks of its own (network.py): stages do not import each other, and two users are too few for components/shared.
"""

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.task import StageError
from components.train_separator.sounds import CHANNELS, SPEECH

Config = Mapping[str, Any]

KEYS = (
    "mix_name",
    "instrument_list",
    "sample_rate",
    "frame_length",
    "frame_step",
    "T",
    "F",
    "n_channels",
    "separation_exponent",
    "mask_extension",
    "model",
)
"""Keys that define how a model separates. The other keys of Spleeter's configurations describe how it was trained."""

SPEECH_NAMES = ("vocals", SPEECH)
NETWORKS = ("unet.unet", "unet.softmax_unet")
_HALVED = 64
"""The U-Net halves a window's frames and bins six times."""
_LAYERS = 6
_MAX_FRAMES = 4096


def stem_of(instrument: str) -> str:
    """Returns the name in a window of a model's instrument."""
    return SPEECH if instrument in SPEECH_NAMES else instrument


def instruments(config: Config) -> dict[str, str]:
    """Returns the name in a window of each of the model's instruments."""
    return {name: stem_of(name) for name in config["instrument_list"]}


def named(configuration: str) -> Config:
    """Returns Spleeter's configuration of this name, or parses a JSON text. Raises StageError if it is unknown or unsuitable."""
    if configuration.lstrip().startswith("{"):
        return parsed(configuration, "parameter configuration")
    folder = files("spleeter.resources")
    names = sorted(f.name.removesuffix(".json") for f in folder.iterdir() if f.name.endswith(".json"))
    if configuration not in names:
        raise StageError(
            f"parameter configuration: expected one of {', '.join(names)} or the text of a config.json, found {configuration!r}"
        )
    return parsed((folder / f"{configuration}.json").read_text(encoding="utf-8"), configuration)


def of_model(folder: Path) -> Config:
    """Returns the configuration of the model in a folder."""
    path = folder / "config.json"
    if not path.is_file():
        raise StageError(f"expected Spleeter's configuration in {path}, found none: choose another model to start from")
    return parsed(path.read_text(encoding="utf-8"), str(path))


def parsed(text: str, where: str) -> Config:
    """Parses a configuration and keeps KEYS. Raises StageError with everything that is unsuitable."""
    try:
        found = json.loads(text)
        config = {key: found[key] for key in KEYS}
        faults = _faults(config)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StageError(f"expected a Spleeter configuration in {where}, found something else ({error!r}): choose another one") from None
    if faults:
        raise StageError(f"expected {'; '.join(faults)} in {where}: correct it")
    return config


def _faults(config: Config) -> list[str]:
    wanted = {
        f"sample_rate {SAMPLE_RATE_HZ}": config["sample_rate"] == SAMPLE_RATE_HZ,
        f"n_channels {CHANNELS}": config["n_channels"] == CHANNELS,
        "a power of two from 256 to 65536 as frame_length": config["frame_length"] in [2**power for power in range(8, 17)],
        "a frame_length of four frame_steps": config["frame_length"] == 4 * config["frame_step"] > 0,
        f"T and F as multiples of {_HALVED}, T up to {_MAX_FRAMES}": 0 < config["T"] <= _MAX_FRAMES
        and config["F"] > 0
        and config["T"] % _HALVED == config["F"] % _HALVED == 0,
        "F of at most half the frame_length": config["F"] <= config["frame_length"] // 2,
        f"one of {', '.join(SPEECH_NAMES)} and another instrument": sum(i in SPEECH_NAMES for i in config["instrument_list"]) == 1
        and len(set(config["instrument_list"])) == len(config["instrument_list"]) > 1,
        "mask_extension zeros or average": config["mask_extension"] in ("zeros", "average"),
        "a separation_exponent above 0": config["separation_exponent"] > 0,
        f"a model of type {' or '.join(NETWORKS)}": config["model"]["type"] in NETWORKS,
        f"conv_n_filters of {_LAYERS} numbers": len(config["model"]["params"].get("conv_n_filters", range(_LAYERS))) == _LAYERS,
    }
    return [what for what, holds in wanted.items() if not holds]
