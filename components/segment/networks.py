"""Loads the features and networks of inaSpeechSegmenter, with weights from this environment only."""

import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.segment.segment import PatchClassifier, Segmenter
from components.segment.windows import FRAME, HOP, PATCH_FRAMES, STEP, Signal, frames_in
from components.shared.files import pinned_network

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
"""Costs of a change and of a frame without energy, from the package's _energy_activity."""
CPU_BATCH, GPU_BATCH = 32, 512
"""Patches per call. On two cores larger batches are slower, because they exceed the caches; not measured on a GPU."""


def load_segmenter(engine: str, detect_gender: bool, folder: Path = FOLDER) -> Segmenter:
    """Loads the package's features and networks. Raises StageError if a network's file is missing or is not the pinned one."""
    for name, sha256 in SHA256.items():
        pinned_network(folder / name, sha256)
    with _quiet_import():
        import keras
        import tensorflow as tf
        from inaSpeechSegmenter import segmenter as package
        from inaSpeechSegmenter import sidekit_mfcc as sidekit
        from inaSpeechSegmenter.viterbi_utils import diag_trans_exp, log_trans_exp

        gpus = tf.config.list_physical_devices("GPU")
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, True)
        tf.config.experimental.enable_op_determinism()

    def network(kind: Any) -> PatchClassifier:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the files predate Keras's current way to declare input layers
            model = keras.models.load_model(folder / kind.model_fname, compile=False)
        transition = diag_trans_exp(kind.viterbi_arg, len(kind.outlabels))
        return PatchClassifier(kind.outlabels, kind.nmel, transition, _predictor(tf, model, kind.nmel, GPU_BATCH if gpus else CPU_BATCH))

    def log_energies(signal: Signal) -> NDArray[np.float32]:
        framed = sidekit.pre_emphasis(sidekit.framing(_frame_more(signal), FRAME, HOP).copy(), 0.97)[: frames_in(len(signal))]
        with np.errstate(divide="ignore"):
            return np.log((framed**2).sum(axis=1))

    def log_mel(signal: Signal) -> NDArray[np.float32]:
        with np.errstate(divide="ignore"):
            return sidekit.mfcc(_frame_more(signal), get_mspec=True)[3][: frames_in(len(signal))]

    def patches(mel: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
        with np.errstate(divide="ignore", invalid="ignore"):
            found, finite = package._get_patches(np.ascontiguousarray(mel), PATCH_FRAMES, STEP)
        fill = PATCH_FRAMES // (2 * STEP)  # copies of the first and the last patch, for the labels at the ends
        count = (len(mel) - PATCH_FRAMES) // STEP + 1
        return found[fill : fill + count], finite[fill : fill + count]

    content = network({"smn": package.SpeechMusicNoise, "sm": package.SpeechMusic}[engine])
    gender = network(package.Gender) if detect_gender else None
    energy_transition = log_trans_exp(ENERGY_SWITCH, cost0=ENERGY_QUIET)
    return Segmenter(log_energies, log_mel, patches, ENERGY_RATIO, energy_transition, content, gender)


def _frame_more(signal: Signal) -> Signal:
    """Appends zeros for one frame: the package fails on a signal of a single frame."""
    return np.pad(signal, (0, HOP))


def _predictor(tf: Any, model: Any, bands: int, size: int) -> Callable[[NDArray[np.floating]], NDArray[np.float32]]:
    kind = tf.TensorSpec((None, PATCH_FRAMES, bands, 1), tf.float32)
    call = tf.function(lambda x: model(x, training=False), input_signature=[kind])

    def predict(patches: NDArray[np.floating]) -> NDArray[np.float32]:
        batches = [patches[i : i + size, :, :, None].astype(np.float32) for i in range(0, len(patches), size)]
        return np.concatenate([call(batch).numpy() for batch in batches])

    return predict


@contextmanager
def _quiet_import() -> Iterator[None]:
    """Keeps TensorFlow's start-up messages out of the log, and its imports from reading and writing files in HOME.

    The messages come from C++ before any setting is read, so stderr itself is redirected; after an error they are shown.
    """
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    sys.modules["matplotlib"] = None  # type: ignore[assignment]  # Keras does without it; it would list the system's fonts into HOME
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryFile() as messages:
        os.environ["KERAS_HOME"] = home
        os.dup2(messages.fileno(), 2)
        try:
            yield
        except Exception:
            messages.seek(0)
            os.write(stderr, messages.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            del sys.modules["matplotlib"]
