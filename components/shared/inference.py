"""Runs a network in ONNX Runtime, on a GPU if there is one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.shared.threads import cpu_threads

TURN_WINDOWS = 8
"""Windows per call on one CPU thread. The threads share windows, not the work on a window, so their number changes no bit."""


def providers(available: list[str]) -> list[Any]:
    """Returns the providers to ask ONNX Runtime for: a GPU's, if this build has one, then the CPU's."""
    # TensorFloat-32 has 10 bits, which would give other vectors than a CPU.
    gpu = [("CUDAExecutionProvider", {"use_tf32": "0", "cudnn_conv_algo_search": "DEFAULT"})]
    return [*(gpu if "CUDAExecutionProvider" in available else []), "CPUExecutionProvider"]


def _session(model: bytes, threads: int) -> Any:
    """Loads a network on a GPU if there is one, else for this many CPU threads."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.enable_mem_pattern = False  # with it, each thread holds a third more memory, and is not faster
    options.log_severity_level = 3  # errors; without a GPU, a build for GPUs warns that it finds none
    asked = providers(onnxruntime.get_available_providers())
    if len(asked) > 1:
        onnxruntime.preload_dlls()  # CUDA's libraries, which are wheels
    return onnxruntime.InferenceSession(model, options, providers=asked)


def on_device(
    model: bytes, given: str, threads: int, turn: int = TURN_WINDOWS
) -> tuple[Callable[[NDArray[np.float32]], NDArray[np.float32]], str]:
    """Returns a network as a function of its input `given`, and the device's name. A CPU thread gets `turn` windows at a time."""
    session = _session(model, 1)

    def encode(windows: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(session.run(None, {given: windows})[0])

    if session.get_providers()[0] == "CUDAExecutionProvider":
        return encode, "the GPU"
    workers = cpu_threads(threads)
    pool = ThreadPoolExecutor(workers)

    def encode_in_parallel(windows: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.concatenate(list(pool.map(encode, np.split(windows, range(turn, len(windows), turn)))))

    return encode_in_parallel, f"the CPU, {workers} thread{'s' * (workers > 1)}"


def load_voicefilter(path: Path, threads: int) -> Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]:
    """Loads the graph of a VoiceFilter: a function of magnitudes, shaped (frames, bins), and a voice vector, which returns the mask."""
    session = _session(path.read_bytes(), cpu_threads(threads))

    def mask(magnitudes: NDArray[np.float32], voice: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(session.run(None, {"magnitudes": magnitudes[None], "voice": voice[None]})[0][0])

    return mask
