"""An ONNX graph that grows by one operation at a time, with the numbers of a checkpoint."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Tensors = Mapping[str, NDArray[Any]]
"""The tensors of a network by their names."""
_OPSET, _IR_VERSION = 17, 8
_EPSILON = 1e-5
"""What PyTorch adds to a variance that it divides by."""
_LSTM = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
"""Tensors of a layer of an LSTM."""


class Graph:
    """A graph under construction."""

    def __init__(self, tensors: Tensors) -> None:
        self._tensors = tensors
        self._model = onnx.ModelProto(ir_version=_IR_VERSION, opset_import=[helper.make_opsetid("", _OPSET)])
        self._graph = self._model.graph  # grows in place, so that no number is copied again
        self._graph.name = "network"
        self._constants: set[str] = set()

    def add(self, operation: str, *inputs: str, **attributes: Any) -> str:
        """Adds an operation with one output; returns the output's name."""
        name = f"{operation}_{len(self._graph.node)}"
        self._graph.node.append(helper.make_node(operation, inputs, [name], **attributes))
        return name

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """Adds numbers under a name, unless it has some already."""
        if name not in self._constants:
            self._constants.add(name)
            self._graph.initializer.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def weights(self, name: str) -> str:
        """Adds a tensor of the checkpoint."""
        return self.constant(name, self._tensors[name])

    def convolution(self, sound: str, name: str, **attributes: Any) -> str:
        """Adds a convolution, with its bias if the checkpoint has one."""
        bias = [self.weights(f"{name}.bias")] if f"{name}.bias" in self._tensors else []
        return self.add("Conv", sound, self.weights(f"{name}.weight"), *bias, **attributes)

    def normalized(self, sound: str, name: str) -> str:
        """Adds a batch normalization, with a scale of 1 and a bias of 0 if the checkpoint has none."""
        mean, variance = f"{name}.running_mean", f"{name}.running_var"
        count = len(self._tensors[mean])
        parts = [(f"{name}.weight", np.ones(count, np.float32)), (f"{name}.bias", np.zeros(count, np.float32))]
        scale = [self.constant(key, self._tensors.get(key, otherwise)) for key, otherwise in parts]
        return self.add("BatchNormalization", sound, *scale, self.weights(mean), self.weights(variance), epsilon=_EPSILON)

    def instance_normalized(self, sound: str, name: str) -> str:
        """Adds a normalization of every channel over time."""
        return self.add("InstanceNormalization", sound, self.weights(f"{name}.weight"), self.weights(f"{name}.bias"), epsilon=_EPSILON)

    def linear(self, features: str, name: str) -> str:
        """Adds a linear layer over the last dimension."""
        weights = self.constant(f"{name}.weight", self._tensors[f"{name}.weight"].T)
        return self.add("Add", self.add("MatMul", features, weights), self.weights(f"{name}.bias"))

    def unit(self, vectors: str) -> str:
        """Adds the scaling of vectors, shaped (windows, numbers), to length 1."""
        return self.add("LpNormalization", vectors, axis=1, p=2)

    def lstm(self, steps: str, name: str, layer: int, ways: Sequence[str] = ("",)) -> str:
        """Adds a layer of an LSTM. `steps` and its result are shaped (steps, batch, features).

        The `ways` are the endings of the names of the tensors of each direction: "" for forward, "_reverse" for backward.
        """
        parts = [[_gates(self._tensors[f"{name}.{kind}_l{layer}{way}"]) for way in ways] for kind in _LSTM]
        biases = np.stack([np.concatenate(pair) for pair in zip(*parts[2:], strict=True)])
        values = [np.stack(parts[0]), np.stack(parts[1]), biases]
        inputs = [self.constant(f"{name}{layer}_{i}", value) for i, value in enumerate(values)]
        size = values[1].shape[-1]
        every = self.add("LSTM", steps, *inputs, hidden_size=size, direction="bidirectional" if len(ways) == 2 else "forward")
        turned = self.add("Transpose", every, perm=[0, 2, 1, 3])
        return self.add("Reshape", turned, self.constant(f"{name}{layer}_shape", np.array([0, 0, size * len(ways)])))

    def model(
        self,
        given: str,
        given_shape: Sequence[str | int],
        result: str,
        result_shape: Sequence[str | int],
        name: str,
        also_given: Mapping[str, Sequence[str | int]] = MappingProxyType({}),
    ) -> bytes:
        """Returns an ONNX file with the input `given`, more inputs by name, and the output `name`, which is `result`. All are float32."""
        self._graph.node.append(helper.make_node("Identity", [result], [name]))
        for one, shape in {given: given_shape, **also_given}.items():
            self._graph.input.append(helper.make_tensor_value_info(one, TensorProto.FLOAT, list(shape)))
        self._graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(result_shape)))
        made = bytes(self._model.SerializeToString())
        onnx.checker.check_model(made)
        return made


def _gates(values: NDArray[Any]) -> NDArray[Any]:
    """Puts the gates of an LSTM, stacked, from PyTorch's order (input, forget, cell, output) into that of ONNX (input, output, forget,
    cell)."""
    given, forget, cell, output = np.split(values, 4)
    return np.concatenate([given, output, forget, cell])
