"""Loads the networks of inaSpeechSegmenter into ONNX Runtime, with weights from this environment only."""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from components.segment.answers import PatchClassifier
from components.segment.features import features
from components.segment.segment import Segmenter
from components.segment.windows import PATCH_FRAMES
from components.shared.files import pinned_network
from components.shared.inference import on_device

FOLDER = Path(sys.prefix) / "models" / "inaSpeechSegmenter"
SHA256 = {
    "keras_speech_music_cnn.hdf5": "14379ba71352d8981bc24a15c069c84cf6f78ff2ffe7377d43b32465ebd06e01",
    "keras_speech_music_noise_cnn.hdf5": "f04b5e3c86fa2e81666d106b0867350fe7858c7bd006c2a74c27b5b45507e7d8",
    "keras_male_female_cnn.hdf5": "2ed3714bdbda7f1ed115b3077ff285ccbb23279df7a3bab6969ee98b6019736f",
}
"""Hashes of the files in the wheel of inaSpeechSegmenter 0.6.8, which models.txt pins."""

ENERGY_RATIO = 0.03
"""Default of the package's Segmenter."""
ENERGY_SWITCH, ENERGY_QUIET = 150, -5
"""Exponent of the cost of a change, and the logarithm for a frame without energy, from the package's _energy_activity."""


class Network(NamedTuple):
    """What the package knows about a network beside its file."""

    file: str
    classes: tuple[str, ...]
    bands: int
    switch: int
    """A change of class is as probable as 10 to the power of minus this."""


CONTENT = {
    "smn": Network("keras_speech_music_noise_cnn.hdf5", ("speech", "music", "noise"), 21, 80),
    "sm": Network("keras_speech_music_cnn.hdf5", ("speech", "music"), 21, 150),
}
GENDER = Network("keras_male_female_cnn.hdf5", ("female", "male"), 24, 80)


def load_segmenter(engine: str, detect_gender: bool, folder: Path = FOLDER) -> Segmenter:
    """Loads the networks on a GPU if there is one, else on a CPU. Raises StageError if a network's file is missing or is not the pinned
    one."""
    files = {name: pinned_network(folder / name, sha256) for name, sha256 in SHA256.items()}
    energy = switches(2, ENERGY_SWITCH)
    energy[0, 0] = ENERGY_QUIET
    gender = classifier(GENDER, files) if detect_gender else None
    return Segmenter(features, ENERGY_RATIO, energy, classifier(CONTENT[engine], files), gender)


def classifier(network: Network, files: dict[str, bytes]) -> PatchClassifier:
    """Loads a network from the contents of its file. Raises ValueError if it has other layers than it should."""
    from components.segment import keras  # imports onnx, which takes a second

    model = keras.network(keras.read_layers(files[network.file]), PATCH_FRAMES, network.bands, len(network.classes))
    predict, _ = on_device(model, keras.GIVEN, threads=0)
    return PatchClassifier(network.classes, network.bands, switches(len(network.classes), network.switch), predict)


def switches(classes: int, exponent: float) -> NDArray[np.float64]:
    """Log-probabilities from each class to each: 0 for no change, 10 to the power of -exponent for a change."""
    return np.where(np.eye(classes, dtype=bool), 0.0, -exponent * np.log(10))
