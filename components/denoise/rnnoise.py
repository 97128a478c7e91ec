"""RNNoise: a small recurrent network that turns down, 100 times a second, the bands in which it hears no speech.

It works at 48,000 Hz and is silent above 20 kHz; from 16 kHz on it takes some of the treble. What it gives comes 20 ms late,
which is taken back. The network and its library come with pyrnnoise; only the binding in it is loaded, since the
package itself imports a player and a plotting library, and rounds to 16 bits on the way.
"""

import ctypes
from collections.abc import Callable, Iterator
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.denoise.rate import DOWN, UP, resampled
from components.denoise.steps import Filter, Mono, Stream
from components.shared.audio import FULL_SCALE
from components.shared.task import StageError

FRAME = 480
"""Samples at RATE_HZ that the network takes at a time."""
LATE = 2 * FRAME
"""Samples by which it is late: the overlap of its windows, and a frame that it looks ahead."""


def rnnoise() -> Filter:
    """A filter that puts a stream through RNNoise."""

    def run(stream: Stream) -> Stream:
        taken = given = 0

        def counted() -> Stream:
            nonlocal taken
            for block in stream:
                taken += len(block)
                yield block

        for block in resampled(_denoised(resampled(counted(), UP, DOWN)), DOWN, UP):
            yield block[: taken - given]  # the last second was filled up; all before it has more to come
            given += min(len(block), taken - given)

    return run


def _denoised(stream: Stream) -> Stream:
    """Whole seconds at RATE_HZ through the network, every sound at its place."""
    process, end = load_rnnoise()
    try:
        skip = LATE
        for block in _and_then(stream, np.zeros(LATE)):
            done = np.concatenate([process(frame) for frame in block.reshape(-1, FRAME)])
            yield done[skip:]
            skip = 0
    finally:
        end()


def _and_then(stream: Stream, last: Mono) -> Iterator[Mono]:
    yield from stream
    yield last


def load_rnnoise() -> tuple[Callable[[Mono], NDArray[np.float64]], Callable[[], None]]:
    """What turns the next frame into what comes out of the network, and what ends it.

    Raises:
        StageError: pyrnnoise is not there, or not as its pin has it.
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
