"""Records what Spleeter makes of some sounds, for the test of `separate`, which has no TensorFlow.

    PYTHONPATH=. .venvs/train_separator/bin/python recipes/separate/recorded.py >tests/components/separate/recorded.json

The models have random weights, which are made again where they are needed; the last one is the bundled model. Every STRIDE-th sample
of a sound's stems is recorded, and the levels of the stems.
"""

import json
import logging
import os
import sys
import tempfile
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from components.separate.checkpoint import read_tensors
from components.shared.audio import Samples, decode
from tests.components.separate.models import OFFICIAL, SMALL, sound, write, write_model
from tests.places import ROOT, SAMPLE

STRIDE = 1009
SEGMENT = SMALL["T"] * SMALL["frame_step"]
BUNDLED = ROOT / "bundled" / "models" / "speech-2stems-small"


class Case(NamedTuple):
    """A model and a sound."""

    config: dict[str, Any] | None
    """None is the bundled model."""
    samples: int
    channels: int = 2

    def model(self, folder: Path) -> Path:
        """Writes the model. The bundled one gets the number of steps, which Spleeter asks for."""
        if self.config:
            return write_model(folder, self.config)
        tensors = read_tensors(BUNDLED / "model.index", BUNDLED / "model.data-00000-of-00001")
        return write(folder, json.loads((BUNDLED / "config.json").read_text()), tensors)

    def waveform(self) -> Samples:
        """Speech over music for the bundled model, noise and tones for others; shaped (samples, channels)."""
        if self.config:
            return sound(self.samples, self.channels)
        return np.concatenate(list(islice(decode(SAMPLE / "episode-1.opus", 44_100, 2), 2)))[: self.samples]


def _with(filters: dict[str, Any], **changes: Any) -> dict[str, Any]:
    model = SMALL["model"]
    return SMALL | {"model": {"type": changes.pop("type", model["type"]), "params": model["params"] | filters}} | changes


CASES = {
    "a sample": Case(SMALL, 1),
    "less than a frame": Case(SMALL, 300, 1),
    "segments": Case(SMALL, 3 * SEGMENT - 255),
    "mono": Case(SMALL, 100_001, 1),
    "stereo": Case(SMALL, 100_001),
    "speech last, exponent 1": Case(_with({"conv_activation": "ReLU"}, separation_exponent=1, instrument_list=["music", "speech"]), 40_000),
    "four, extended": Case(
        _with({"deconv_activation": "LeakyReLU"}, mask_extension="average", instrument_list=["vocals", "drums", "bass", "other"]), 40_000
    ),
    "five, softmax": Case(
        _with(
            {"conv_activation": "ELU", "deconv_activation": "ELU"},
            type="unet.softmax_unet",
            separation_exponent=1.5,
            instrument_list=["vocals", "piano", "drums", "bass", "other"],
        ),
        40_000,
    ),
    "odd filters": Case(_with({"conv_n_filters": [3, 5, 17, 16, 20, 33]}), 40_000),
    "official size": Case(OFFICIAL | {"F": 1536}, 20 * 44_100 + 17),
    "bundled": Case(None, 15 * 44_100),
}


def stems(separated: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    """Returns the speech and the sum of everything else, shaped (2, samples, channels)."""
    (speech,) = (separated[name] for name in ("vocals", "speech") if name in separated)
    others = [separated[name] for name in separated if name not in ("vocals", "speech")]
    return np.stack([speech, np.sum(others, axis=0)])


def whole_file(folder: Path, waveform: Samples) -> dict[str, NDArray[np.float32]]:
    """Returns what Spleeter's Separator makes of a waveform shaped (samples, channels), with the model in a folder."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    logging.disable(logging.WARNING)
    from spleeter.model import provider
    from spleeter.separator import Separator

    class Here(provider.ModelProvider):
        """Downloads nothing: Spleeter's own provider needs packages that the stage does without."""

        def download(self, name: str, path: str) -> None:
            raise FileNotFoundError(path)

    provider.ModelProvider.default = classmethod(lambda _: Here())
    separator = Separator(str(folder / "config.json"), multiprocess=False)
    separator._params["model_dir"] = str(folder)
    found = separator.separate(waveform)
    logging.disable(logging.NOTSET)
    return found


def recorded(case: Case) -> dict[str, Any]:
    """Returns the samples and levels to record."""
    with tempfile.TemporaryDirectory() as folder:
        found = stems(whole_file(case.model(Path(folder)), case.waveform()))
    return {"rms": np.std(found, axis=(1, 2)).tolist(), "samples": np.round(found[:, ::STRIDE], 7).tolist()}


if __name__ == "__main__":
    json.dump({name: recorded(case) for name, case in CASES.items()}, sys.stdout)
    print()
