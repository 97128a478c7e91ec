"""`rnnoise`: RNNoise, a small recurrent network that attenuates the bands without speech, in frames of 10 ms.

It runs at 48,000 Hz, removes everything above 20 kHz and attenuates the treble from 16 kHz on. Its delay of 20 ms is corrected. The
network and its library come with pyrnnoise. Only the binding is loaded from it, because the package imports a player and a plotting
library, and rounds to 16 bits.
"""

import ctypes
from collections.abc import Callable
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.denoise.rate import DOWN, UP, resampled
from components.shared.audio import FULL_SCALE
from components.shared.steps import Filter, Mono, Stream
from components.shared.task import StageError

FRAME = 480
"""Samples at RATE_HZ per call of the network."""
LATE = 2 * FRAME
"""Delay in samples: the overlap of its windows, and one frame of look-ahead."""


def rnnoise() -> Filter:
    """Returns a filter that applies RNNoise to a stream."""

    def run(stream: Stream) -> Stream:
        taken = given = 0

        def counted() -> Stream:
            nonlocal taken
            for block in stream:
                taken += len(block)
                yield block

        for block in resampled(_denoised(resampled(counted(), UP, DOWN)), DOWN, UP):
            yield block[: taken - given]  # without the padding of the last second
            given += min(len(block), taken - given)

    return run


def _denoised(stream: Stream) -> Stream:
    """Applies the network to whole seconds at RATE_HZ and corrects its delay."""
    process, end = load_rnnoise()
    try:
        skip = LATE
        for block in chain(stream, [np.zeros(LATE)]):
            done = np.concatenate([process(frame) for frame in block.reshape(-1, FRAME)])
            yield done[skip:]
            skip = 0
    finally:
        end()


def load_rnnoise() -> tuple[Callable[[Mono], NDArray[np.float64]], Callable[[], None]]:
    """Loads the network, for one stream. Returns a function that denoises the next frame, and one that frees the network.

    Raises StageError if pyrnnoise is missing, or not the pinned version.
    """
    package = find_spec("pyrnnoise")
    path = Path(package.origin).parent / "rnnoise.py" if package and package.origin else Path("pyrnnoise")
    spec = spec_from_file_location("rnnoise_binding", path)
    if not (path.is_file() and spec and spec.loader):
        raise StageError(f"expected RNNoise in {path}, found none: install this stage again from its pins (requirements.txt)")
    binding: Any = module_from_spec(spec)
    spec.loader.exec_module(binding)
    state = binding.create()

    def process(frame: Mono) -> NDArray[np.float64]:
        samples = (frame * FULL_SCALE).astype(np.float32)
        pointer = samples.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        binding.lib.rnnoise_process_frame(state, pointer, pointer)
        return samples.astype(np.float64) / FULL_SCALE

    return process, lambda: binding.destroy(state)
