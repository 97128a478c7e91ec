"""Both voice networks as ONNX graphs with the numbers of their checkpoints.

A graph's input `spectra` is the power in mel bands of windows of one length, float32, shaped (windows, frames, bands). Its output
`vectors` has length 1, float32, shaped (windows, numbers).
"""

import numpy as np
from onnx import TensorProto

from components.shared.graph import Graph, Tensors
from components.shared.voice_mel import KALDI_BANDS, SLANEY_BANDS

CAMPPLUS_MOST_FRAMES = 200
"""Longest window. CAM++ adds to the mean of the window that of each 100 steps (2 s) in it; up to 2 s these are the same."""
CAMPPLUS_BLOCKS = ((12, 1), (24, 2), (16, 2))
"""Layers of each dense block, and their dilation."""
RESEMBLYZER_LAYERS = 3

_FLOOR = float(np.finfo(np.float32).eps)
"""Least power of a band, so that silence has a logarithm; Kaldi's."""


def resemblyzer(tensors: Tensors) -> bytes:
    """Resemblyzer's encoder (Wan and others, Generalized end-to-end loss for speaker verification, ICASSP 2018): an LSTM of three
    layers, whose last state becomes a vector of numbers that are not negative."""
    graph = Graph(tensors)
    steps = graph.add("Transpose", "spectra", perm=[1, 0, 2])
    for layer in range(RESEMBLYZER_LAYERS):
        steps = graph.lstm(steps, "lstm", layer)
    state = graph.add("Gather", steps, graph.constant("last", np.array(-1)), axis=0)
    linear = graph.add("Gemm", state, graph.weights("linear.weight"), graph.weights("linear.bias"), transB=1)
    return _model(graph, graph.add("Relu", linear), SLANEY_BANDS)


def campplus(tensors: Tensors) -> bytes:
    """CAM++ (Wang and others, CAM++: a fast and efficient network for speaker verification using context-aware masking, Interspeech
    2023): two-dimensional convolutions, then dense blocks of time-delay layers, each masked by the mean of its window."""
    graph = Graph(tensors)
    logarithms = graph.add("Log", graph.add("Max", "spectra", graph.constant("floor", np.array(_FLOOR, np.float32))))
    centered = graph.add("Sub", logarithms, graph.add("ReduceMean", logarithms, axes=[1]))
    image = graph.add("Unsqueeze", graph.add("Transpose", centered, perm=[0, 2, 1]), graph.constant("channel", np.array([1])))
    sound = _head(graph, image)
    sound = graph.convolution(sound, "xvector.tdnn.linear", strides=[2], pads=[2, 2])
    sound = graph.add("Relu", graph.normalized(sound, "xvector.tdnn.nonlinear.batchnorm"))
    for number, (layers, dilation) in enumerate(CAMPPLUS_BLOCKS, start=1):
        for layer in range(1, layers + 1):
            heard = _masked(graph, sound, f"xvector.block{number}.tdnnd{layer}", dilation)
            sound = graph.add("Concat", sound, heard, axis=1)
        sound = _activated(graph, sound, f"xvector.transit{number}.nonlinear.batchnorm")
        sound = graph.convolution(sound, f"xvector.transit{number}.linear")
    sound = _activated(graph, sound, "xvector.out_nonlinear.batchnorm")
    vectors = graph.convolution(_statistics(graph, sound), "xvector.dense.linear")
    vectors = graph.add("Flatten", graph.normalized(vectors, "xvector.dense.nonlinear.batchnorm"))
    return _model(graph, vectors, KALDI_BANDS)


def _model(graph: Graph, vectors: str, bands: int) -> bytes:
    """Scales vectors to length 1; returns the network."""
    return graph.model("spectra", ["windows", "frames", bands], graph.unit(vectors), ["windows", "numbers"], "vectors")


def _head(graph: Graph, image: str) -> str:
    """Convolutions over bands and time, shaped (windows, 1, 80, frames) before and (windows, 320, frames) after: an eighth of the bands
    in 32 channels."""
    wide = {"pads": [1, 1, 1, 1]}
    image = graph.add("Relu", graph.normalized(graph.convolution(image, "head.conv1", **wide), "head.bn1"))
    for block, halves in (("layer1.0", True), ("layer1.1", False), ("layer2.0", True), ("layer2.1", False)):
        name, strides = f"head.{block}", [2 if halves else 1, 1]
        inner = graph.normalized(graph.convolution(image, f"{name}.conv1", strides=strides, **wide), f"{name}.bn1")
        inner = graph.normalized(graph.convolution(graph.add("Relu", inner), f"{name}.conv2", **wide), f"{name}.bn2")
        if halves:
            image = graph.normalized(graph.convolution(image, f"{name}.shortcut.0", strides=strides), f"{name}.shortcut.1")
        image = graph.add("Relu", graph.add("Add", inner, image))
    image = graph.convolution(image, "head.conv2", strides=[2, 1], **wide)
    image = graph.add("Relu", graph.normalized(image, "head.bn2"))
    return graph.add("Reshape", image, graph.constant("columns", np.array([0, 32 * KALDI_BANDS // 8, -1])))


def _masked(graph: Graph, sound: str, name: str, dilation: int) -> str:
    """Adds a time-delay layer. A mask, computed from the mean over the window, weights its channels."""
    inner = graph.convolution(_activated(graph, sound, f"{name}.nonlinear1.batchnorm"), f"{name}.linear1")
    inner = _activated(graph, inner, f"{name}.nonlinear2.batchnorm")
    local = graph.convolution(inner, f"{name}.cam_layer.linear_local", dilations=[dilation], pads=[dilation, dilation])
    mean = graph.add("ReduceMean", inner, axes=[2])
    context = graph.add("Add", mean, mean)  # of the window, and of the part of 2 s: see CAMPPLUS_MOST_FRAMES
    context = graph.add("Relu", graph.convolution(context, f"{name}.cam_layer.linear1"))
    return graph.add("Mul", local, graph.add("Sigmoid", graph.convolution(context, f"{name}.cam_layer.linear2")))


def _activated(graph: Graph, sound: str, name: str) -> str:
    return graph.add("Relu", graph.normalized(sound, name))


def _statistics(graph: Graph, sound: str) -> str:
    """Mean and deviation over time, shaped (windows, 2 * channels, 1). As in PyTorch, the deviation is over one step less."""
    mean = graph.add("ReduceMean", sound, axes=[2])
    offsets = graph.add("Sub", sound, mean)
    squares = graph.add("ReduceSumSquare", offsets, axes=[2])
    steps = graph.add("Gather", graph.add("Shape", sound), graph.constant("time", np.array([2])), axis=0)
    fewer = graph.add("Sub", graph.add("Cast", steps, to=TensorProto.FLOAT), graph.constant("one", np.array(1, np.float32)))
    return graph.add("Concat", mean, graph.add("Sqrt", graph.add("Div", squares, fewer)), axis=1)
