"""Resemblyzer's voice encoder as a function of arrays."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Encoder:
    """What voices are heard with."""

    vectors: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    """d-vectors of length 1, shaped (windows, 256), of spectra shaped (windows, frames, 40)."""
    where: str
    """What it runs on, for a person."""


def device_of(cuda: Any) -> str:
    """cuda where torch's `cuda` finds a GPU, else cpu."""
    return "cuda" if cuda.is_available() else "cpu"


def load_encoder(threads: int) -> Encoder:
    """Resemblyzer's pretrained network, on a GPU where there is one; on so many CPU threads, 0 for one a core."""
    import torch
    from resemblyzer import VoiceEncoder

    torch.set_num_threads(threads or len(os.sched_getaffinity(0)))
    torch.backends.cudnn.allow_tf32 = False  # its 10 bits would make other voices on a GPU than on a processor
    torch.backends.cudnn.deterministic = True
    device = device_of(torch.cuda)
    network = VoiceEncoder(device, verbose=False).eval()

    def vectors(spectra: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            found: NDArray[np.float32] = network(torch.from_numpy(spectra).to(device)).cpu().numpy()
        return found

    where = f"the GPU {torch.cuda.get_device_name()}" if device == "cuda" else f"the CPU, {torch.get_num_threads()} threads"
    return Encoder(vectors, where)
