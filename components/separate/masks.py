"""Spleeter's U-Nets and the mask that they give, as an ONNX graph with the numbers of a checkpoint.

The graph's input `magnitudes` is float32, shaped (segments, 2, frames, bins), and so is its output `mask`: the share of speech.

A transposed convolution becomes a convolution for each of its phases, which are the even and odd frames of even and odd bins. They add
up the same products, faster than ONNX Runtime's own operation, and each is activated and normalized before they are interleaved. The
last two layers keep their phases as channels up to the end: ONNX Runtime takes as long for one output channel as for 16.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from components.separate.checkpoint import Tensors
from components.separate.unet import CHANNELS, HALVINGS, NORMALIZATION, Names, Unet
from components.shared.graph import Graph

SMALLEST = 1e-10
"""Spleeter adds it to the sum of all instruments before it divides by it."""
_VARIANCE = 1e-3
"""Keras adds it to a variance that it divides by."""
_LEAK = 0.2
_TAPS = (([3, 1], (1, 0)), ([4, 2, 0], (1, 1)))
"""For even and odd outputs of a transposed convolution: the places of its kernel that reach them, and the padding before and after."""

Kernel = NDArray[np.float32]
"""Shaped (frames, bins, inputs, outputs) in a checkpoint, with the last two exchanged if transposed; in ONNX (outputs, inputs, frames,
bins)."""
Places = NDArray[np.int64]
"""Places in a kernel along one dimension, -1 for none."""


def network(unet: Unet, tensors: Tensors, frames: int, bins: int) -> bytes:
    """Returns the networks of all instruments, and the mask of speech, as an ONNX file."""
    graph = Graph(tensors)
    logits = [_Instrument(graph, unet, tensors, Names(number)).logits("magnitudes") for number in range(unet.instruments)]
    shares = _softmax(graph, logits) if unet.softmax else [_sigmoid(graph, logit) for logit in logits]
    powers = [_power(graph, graph.add("Mul", share, "magnitudes"), unet.exponent) for share in shares]
    total = graph.add("Add", graph.add("Sum", *powers), graph.constant("smallest", np.array(SMALLEST, np.float32)))
    own = graph.add("Add", powers[unet.speech], graph.constant("smallest_share", np.array(SMALLEST / unet.instruments, np.float32)))
    shape = ("segments", CHANNELS, frames, bins)
    return graph.model("magnitudes", shape, graph.add("Div", own, total), shape, "mask")


def _softmax(graph: Graph, logits: Sequence[str]) -> list[str]:
    highest = graph.add("Max", *logits)
    powers = [graph.add("Exp", graph.add("Sub", logit, highest)) for logit in logits]
    total = graph.add("Sum", *powers)
    return [graph.add("Div", power, total) for power in powers]


def _sigmoid(graph: Graph, logit: str) -> str:
    """ONNX Runtime's own is exact to 1e-7 of 1: too little where all instruments have small shares, which are then divided."""
    one = graph.constant("one", np.array(1, np.float32))
    return graph.add("Div", one, graph.add("Add", one, graph.add("Exp", graph.add("Neg", logit))))


def _power(graph: Graph, values: str, exponent: float) -> str:
    if exponent == 2:
        return graph.add("Mul", values, values)
    return graph.add("Pow", values, graph.constant("exponent", np.array(exponent, np.float32)))


class _Instrument(NamedTuple):
    """Adds the U-Net of an instrument to a graph."""

    graph: Graph
    unet: Unet
    tensors: Tensors
    names: Names

    def logits(self, magnitudes: str) -> str:
        """Returns what becomes the instrument's share."""
        *skipped, deepest = self._halved(magnitudes)
        phases = self._doubled([deepest], 0)
        for layer, skip in enumerate(reversed(skipped[1:]), start=1):
            phases = self._doubled([skip, self._interleaved(self.graph.add("Concat", *phases, axis=1), 2)], layer)
        return self._last(self._last_doubled(skipped[0], phases))

    def _halved(self, values: str) -> list[str]:
        """Adds the convolutions; returns what each gives, before it is normalized."""
        found = []
        for layer in range(HALVINGS):
            if layer:
                values = self._activated(self._normalized(values, layer - 1), self.unet.activation)
            name = self.names.convolution(layer)
            kernel = self.tensors[f"{name}/kernel"].transpose(3, 2, 0, 1)
            values = self._convolved([values], name, [kernel], self.tensors[f"{name}/bias"], strides=[2, 2], pads=[1, 1, 2, 2])
            found.append(values)
        return found

    def _doubled(self, given: Sequence[str], layer: int) -> list[str]:
        """Adds a transposed convolution of inputs that have as many channels each; returns its four phases."""
        name = self.names.transposed(layer)
        kernel, bias, phases = self.tensors[f"{name}/kernel"], self.tensors[f"{name}/bias"], []
        for row, (rows, above) in enumerate(_TAPS):
            for column, (columns, beside) in enumerate(_TAPS):
                kernels = np.split(kernel[rows][:, columns].transpose(2, 3, 0, 1), len(given), axis=1)
                pads = [above[0], beside[0], above[1], beside[1]]
                phase = self._convolved(given, f"{name}/{row}{column}", kernels, bias, pads=pads)
                phases.append(self._normalized(self._activated(phase, self.unet.up_activation), HALVINGS + layer))
        return phases

    def _last_doubled(self, skip: str, phases: Sequence[str]) -> str:
        """Adds the last transposed convolution, of the first convolution's output and the phases of what it joins; returns 16 phases as
        channels: four for the frames, and as many for the bins, of what becomes four times as large."""
        layer = HALVINGS - 1
        name = self.names.transposed(layer)
        of_skip, of_phases = np.split(self.tensors[f"{name}/kernel"], 2, axis=3)
        bias = np.repeat(self.tensors[f"{name}/bias"], 16)
        wide = _of_phases(of_skip, _BESIDE_SKIP, _BESIDE_SKIP)
        total = self._convolved([skip], f"{name}/skip", [wide], bias, strides=[2, 2], pads=[1, 1, 1, 1])
        kernels = [_of_phases(of_phases, _BESIDE_PHASE[row], _BESIDE_PHASE[column]) for row, column in np.ndindex(2, 2)]
        total = self.graph.add("Add", total, self._convolved(phases, f"{name}/phases", kernels, None, pads=[1, 1, 1, 1]))
        return self._normalized(self._activated(total, self.unet.up_activation), HALVINGS + layer, copies=16)

    def _last(self, phases: str) -> str:
        """Adds the last convolution (4 x 4, dilation 2), of 16 phases; returns its output without phases."""
        name = self.names.convolution(HALVINGS)
        padded = np.pad(self.tensors[f"{name}/kernel"][:, :, 0], ((0, 1), (0, 1), (0, 0)))
        taps = padded[_BESIDE_LAST][:, :, :, _BESIDE_LAST]  # tap, input phase and output phase of the frames, of the bins; channel
        kernel = taps.transpose(2, 5, 6, 1, 4, 0, 3).reshape(16 * CHANNELS, 16, 3, 3)
        bias = np.tile(self.tensors[f"{name}/bias"], 16)
        return self._interleaved(self._convolved([phases], name, [kernel], bias, pads=[1, 1, 1, 1]), 4)

    def _convolved(self, given: Sequence[str], name: str, kernels: Sequence[Kernel], bias: Kernel | None, **attributes: Any) -> str:
        """Adds the sum of a convolution of each input, and a bias."""
        total, biases = "", [] if bias is None else [self.graph.constant(f"{name}/bias", bias)]
        for number, (values, kernel) in enumerate(zip(given, kernels, strict=True)):
            weights = self.graph.constant(f"{name}/kernel{number}", kernel)
            one = self.graph.add("Conv", values, weights, *biases, **attributes)
            total, biases = self.graph.add("Add", total, one) if total else one, []
        return total

    def _activated(self, values: str, activation: str) -> str:
        return self.graph.add(activation, values, **({"alpha": _LEAK} if activation == "LeakyRelu" else {}))

    def _normalized(self, values: str, layer: int, copies: int = 1) -> str:
        """Adds a batch normalization with the means and variances of the training; one channel may have several copies."""
        name = self.names.normalization(layer)
        parts = [self.graph.constant(f"{name}/{part}", np.repeat(self.tensors[f"{name}/{part}"], copies)) for part in NORMALIZATION]
        return self.graph.add("BatchNormalization", values, *parts, epsilon=_VARIANCE)

    def _interleaved(self, values: str, step: int) -> str:
        """Puts phases, which are the slower part of the channels, in each other's gaps."""
        return self.graph.add("DepthToSpace", values, blocksize=step, mode="DCR")


def _of_phases(kernel: Kernel, rows: Places, columns: Places) -> Kernel:
    """Returns a kernel in ONNX's order whose outputs are the 16 phases of a transposed convolution's output; places are (taps, phases)."""
    padded = np.pad(kernel[:, :, 0], ((0, 1), (0, 1), (0, 0)))  # the last row and column are what the place -1 means
    taps = padded[rows][:, :, columns].transpose(1, 3, 4, 0, 2)
    return taps.reshape(16, kernel.shape[3], len(rows), len(columns))


def _within(places: Places, size: int) -> Places:
    return np.where((places >= 0) & (places < size), places, -1)


_PHASES = np.arange(4)
_BESIDE_SKIP = _within(_PHASES + 1 - 2 * np.arange(-1, 3)[:, None], 5)
"""Of the last transposed convolution: the place in its kernel for each tap on an input of half the size, and each phase of the output."""
_BESIDE_PHASE = [_within(_PHASES + 1 - 2 * np.arange(phase - 2, phase + 3, 2)[:, None], 5) for phase in range(2)]
"""The same for taps on an input's even samples, and on its odd ones."""
_TWICE = _PHASES[:, None] - _PHASES + 3 + 4 * np.arange(-1, 2)[:, None, None]
_BESIDE_LAST = np.where(_TWICE % 2 == 0, _within(_TWICE // 2, 4), -1)
"""Of the last convolution: the place in its kernel for each tap on an input in phases, each of these, and each phase of the output."""
