"""Resemblyzer's voice encoder as a function of arrays."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

TURN_WINDOWS = 16
"""Windows that one CPU thread hears at a time. PyTorch's own threads meet at each of 160 steps, spinning: on two cores that others keep
busy that took 12 times the work (67 ms of a processor a window, not 5.4), and 5 times as long."""


@dataclass(frozen=True)
class Encoder:
    """What voices are encode with."""

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

    torch.backends.cudnn.allow_tf32 = False  # its 10 bits would make other voices on a GPU than on a processor
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
