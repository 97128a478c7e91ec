"""Resemblyzer's voice encoder as a function of arrays."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

TURN_WINDOWS = 16
"""Windows per call on one CPU thread. PyTorch's own threads synchronize at each of 160 steps by spinning; on two busy cores that
took 12 times the CPU time (67 ms per window instead of 5.4) and 5 times as long."""


@dataclass(frozen=True)
class Encoder:
    """Resemblyzer's network on a device."""

    vectors: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    """d-vectors of length 1, shaped (windows, 256), of spectra shaped (windows, frames, 40)."""
    where: str
    """Description of the device."""


def device_of(cuda: Any) -> str:
    """Returns cuda if torch finds a GPU, else cpu."""
    return "cuda" if cuda.is_available() else "cpu"


def load_encoder(threads: int) -> Encoder:
    """Loads Resemblyzer's pretrained network, on a GPU if there is one, else on this many CPU threads; 0 for one per core."""
    import torch
    from resemblyzer import VoiceEncoder

    torch.backends.cudnn.allow_tf32 = False  # its 10-bit precision would give other vectors than a CPU
    torch.backends.cudnn.deterministic = True
    device = device_of(torch.cuda)
    network = VoiceEncoder(device, verbose=False).eval()

    def encode(spectra: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            return network(torch.from_numpy(spectra).to(device)).cpu().numpy()  # type: ignore[no-any-return]

    if device == "cuda":
        return Encoder(encode, f"the GPU {torch.cuda.get_device_name()}")
    workers = threads or len(os.sched_getaffinity(0))
    torch.set_num_threads(1)
    pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))

    def encode_in_parallel(spectra: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.concatenate(list(pool.map(encode, np.split(spectra, range(TURN_WINDOWS, len(spectra), TURN_WINDOWS)))))

    return Encoder(encode_in_parallel, f"the CPU, {workers} thread{'s' * (workers > 1)}")
