"""Reads the layers of a network that Keras saved as HDF5, without Keras, and makes an ONNX graph of them.

A file holds a description of the layers as JSON, and their tensors. The reader knows a few kinds of layers with few settings, and refuses
others: nothing that a file names is run.
"""

import io
import json
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from components.shared.graph import Graph

Tensors = dict[str, NDArray[np.float32]]

GIVEN, FOUND = "patches", "classes"
"""Names of the input and the output of a network."""

_TENSORS = {
    "Conv2D": ("kernel", "bias"),
    "Dense": ("kernel", "bias"),
    "BatchNormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
}
"""Tensors of the kinds of layers that have any."""
_ONLY: dict[str, dict[str, Any]] = {
    "Reshape": {},
    "Conv2D": {"padding": "valid", "activation": "linear", "use_bias": True, "strides": [1, 1], "dilation_rate": [1, 1]},
    "BatchNormalization": {"axis": -1, "center": True, "scale": True},
    "Activation": {"activation": "relu"},
    "MaxPooling2D": {},
    "Flatten": {},
    "Dropout": {},
    "Dense": {"use_bias": True},
}
"""Kinds of layers that a network may have, and what their settings must be."""


@dataclass(frozen=True)
class Layer:
    """A layer of a network."""

    kind: str
    settings: dict[str, Any]
    tensors: Tensors


def read_layers(data: bytes) -> list[Layer]:
    """Returns the layers of a file in order. Raises ValueError if it holds other layers than this module knows."""
    with h5py.File(io.BytesIO(data)) as file:
        described = json.loads(file.attrs["model_config"])
        if described["class_name"] != "Sequential":
            raise ValueError(f"expected a network that is a sequence of layers, found {described['class_name']!r}")
        layers = described["config"]
        layers = layers if isinstance(layers, list) else layers["layers"]
        return [_layer(file, layer["class_name"], layer["config"]) for layer in layers]


def _layer(file: h5py.File, kind: str, settings: dict[str, Any]) -> Layer:
    if kind not in _ONLY:
        raise ValueError(f"expected layers of the kinds {', '.join(_ONLY)}, found {kind!r}")
    for name, expected in ({"data_format": "channels_last"} | _ONLY[kind]).items():
        if settings.get(name, expected) != expected:
            raise ValueError(f"expected a layer {kind} with {name} {expected!r}, found {settings[name]!r}")
    tensors: Tensors = {}
    group = file[f"model_weights/{settings['name']}"]
    group.visititems(lambda path, item: tensors.update(_tensor(path, item)) if isinstance(item, h5py.Dataset) else None)
    if set(tensors) != set(_TENSORS.get(kind, ())):
        raise ValueError(f"expected a layer {kind} with the tensors {_TENSORS.get(kind, ())}, found {tuple(tensors)}")
    return Layer(kind, settings, tensors)


def _tensor(path: str, item: h5py.Dataset) -> Tensors:
    return {path.rpartition("/")[2].removesuffix(":0"): np.asarray(item[:], np.float32)}


def network(layers: list[Layer], frames: int, bands: int, classes: int) -> bytes:
    """Returns a network as an ONNX file: probabilities shaped (patches, classes) of patches shaped (patches, frames, bands).

    Batch normalizations become part of the layers before them.
    """
    tensors: Tensors = {}
    graph = Graph(tensors)
    found = GIVEN
    for number, (layer, after) in enumerate(zip(layers, [*layers[1:], None], strict=True)):
        if layer.kind in ("Conv2D", "Dense"):
            kernel, bias = _folded(layer, after if after and after.kind == "BatchNormalization" else None)
            tensors |= {f"{number}.weight": kernel, f"{number}.bias": bias}
        found = _added(graph, found, f"{number}", layer)
    return graph.model(GIVEN, ["patches", frames, bands], found, ["patches", classes], FOUND)


def _added(graph: Graph, found: str, name: str, layer: Layer) -> str:
    """Adds a layer to a graph; returns its output. Images are shaped (patches, channels, frames, bands)."""
    match layer.kind:
        case "Reshape":
            return graph.add("Unsqueeze", found, graph.constant("channel", np.array([1])))
        case "Conv2D":
            return graph.convolution(found, name)
        case "Dense":
            dense = graph.add("Gemm", found, graph.weights(f"{name}.weight"), graph.weights(f"{name}.bias"), transB=1)
            return graph.add("Softmax", dense, axis=1) if layer.settings["activation"] == "softmax" else dense
        case "Activation":
            return graph.add("Relu", found)
        case "MaxPooling2D":
            pads = {"same": "SAME_UPPER", "valid": "VALID"}[layer.settings["padding"]]
            return graph.add("MaxPool", found, kernel_shape=layer.settings["pool_size"], strides=layer.settings["strides"], auto_pad=pads)
        case "Flatten":  # one place is left of each channel, so the order of the places is no matter
            return graph.add("Flatten", found)
    return found  # dropout does nothing after training; batch normalizations are in the layers before them


def _folded(layer: Layer, normalization: Layer | None) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The kernel, shaped (channels, channels before, ...), and the bias of a layer with the normalization after it."""
    kernel = np.moveaxis(layer.tensors["kernel"].astype(np.float64), (-1, -2), (0, 1))
    bias = layer.tensors["bias"].astype(np.float64)
    if normalization:
        gamma, beta, mean, variance = (normalization.tensors[name] for name in _TENSORS["BatchNormalization"])
        scale = gamma / np.sqrt(variance.astype(np.float64) + normalization.settings["epsilon"])
        kernel = kernel * scale.reshape(-1, *[1] * (kernel.ndim - 1))
        bias = (bias - mean) * scale + beta
    return kernel.astype(np.float32), bias.astype(np.float32)
