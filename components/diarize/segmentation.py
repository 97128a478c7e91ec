"""Hears who speaks when in windows of 10 s: pyannote's segmentation-3.0 as an ONNX graph.

Plaquet and Bredin, Powerset multi-class cross entropy loss for neural speaker diarization, Interspeech 2023. The network tells up to
three speakers of a window apart, two of them at the same time. Their order means nothing from one window to the next.
"""

import numpy as np
from numpy.typing import NDArray

from components.shared.graph import Graph, Tensors
from components.shared.mel import RATE_HZ

WINDOW_SAMPLES = 10 * RATE_HZ
STEP_SAMPLES = 270
"""Samples from one frame of the result to the next."""
FIRST_SAMPLE = 495
"""Middle of the samples that the first frame hears: its filters reach 991 samples in all."""
FRAMES = 589
"""Frames of a window."""
SPEAKERS = 3
CLASSES = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], np.float32)
"""Which speakers each class of the network says, shaped (7, SPEAKERS)."""

_LAYERS = 4
_TAPS, _FILTER_STEP = 251, 10
_LOWEST_HZ, _NARROWEST_HZ = 50.0, 50.0
"""Least lower edge and width of a filter."""
_SLOPE = 0.01
"""What a leaky ReLU leaves of negative numbers."""

Filters = NDArray[np.float32]


def segmentation(tensors: Tensors) -> bytes:
    """The network. Its input `signal` is 16 kHz mono, float32, shaped (windows, samples); its output `classes`, shaped
    (windows, frames, 7), is the probability of each of CLASSES."""
    graph = Graph(tensors)
    channel = graph.constant("channel", np.array([1]))
    sound = graph.instance_normalized(graph.add("Unsqueeze", "signal", channel), "sincnet.wav_norm1d")
    name = "sincnet.conv1d.0.filterbank"
    filters = band_filters(*(tensors[f"{name}.{part}"].reshape(-1) for part in ("low_hz_", "band_hz_")))
    sound = graph.add("Abs", graph.add("Conv", sound, graph.constant("filters", filters[:, None]), strides=[_FILTER_STEP]))
    for number in range(3):
        if number:
            sound = graph.convolution(sound, f"sincnet.conv1d.{number}")
        pooled = graph.add("MaxPool", sound, kernel_shape=[3], strides=[3])
        sound = graph.add("LeakyRelu", graph.instance_normalized(pooled, f"sincnet.norm1d.{number}"), alpha=_SLOPE)
    steps = graph.add("Transpose", sound, perm=[2, 0, 1])
    for layer in range(_LAYERS):
        steps = graph.lstm(steps, "lstm", layer, ("", "_reverse"))
    for name in ("linear.0", "linear.1"):
        steps = graph.add("LeakyRelu", graph.linear(steps, name), alpha=_SLOPE)
    classes = graph.add("Softmax", graph.linear(steps, "classifier"), axis=-1)
    shape: list[str | int] = ["windows", "frames", len(CLASSES)]
    return graph.model("signal", ["windows", "samples"], graph.add("Transpose", classes, perm=[1, 0, 2]), shape, "classes")


def band_filters(low_hz: NDArray[np.floating], band_hz: NDArray[np.floating]) -> Filters:
    """Band-pass filters from their edges: a cosine and a sine part for each, shaped (2 * filters, 251).

    SincNet (Ravanelli and Bengio, Speaker recognition from raw waveform with SincNet, 2018) with the sine parts of Pariente and
    others (Filterbank design for end-to-end speech separation, 2020).
    """
    low = _LOWEST_HZ + np.abs(low_hz.astype(np.float64))
    high = np.clip(low + _NARROWEST_HZ + np.abs(band_hz.astype(np.float64)), _LOWEST_HZ, RATE_HZ / 2)
    width = (high - low)[:, None]
    before = np.arange(-(_TAPS // 2), 0) * 2 * np.pi / RATE_HZ
    window = np.hamming(_TAPS)[: _TAPS // 2] / (before / 2)
    lower, upper = np.outer(low, before), np.outer(high, before)
    even, odd = (np.sin(upper) - np.sin(lower)) * window, (np.cos(lower) - np.cos(upper)) * window
    cosine = np.concatenate([even, 2 * width, even[:, ::-1]], axis=1)
    sine = np.concatenate([odd, 0 * width, -odd[:, ::-1]], axis=1)
    return (np.concatenate([cosine, sine]) / np.concatenate([2 * width, 2 * width])).astype(np.float32)
