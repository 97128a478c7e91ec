"""The network of DNSMOS in parts, so that what is heard twice is computed once.

Convolutions turn the frames of a window into columns of 64 features, one for 8 frames. The window's features are the greatest
of its columns, and a small layer makes scores of them. A column sees 44 frames. So only the columns at the edges of a window
depend on where the window lies, because the convolutions see silence beyond them: all others are the same in every window whose
start is a multiple of GRID samples away.

The first four convolutions take 98 % of the time. They make an image of each frame and NEAR frames on both sides. So in a sound that
repeats after a whole number of frames, the images of one period are those of all.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

FRAME, FRAME_HOP = 320, 160
"""Samples of a frame, and from one frame to the next."""
COLUMN_FRAMES = 8
GRID = COLUMN_FRAMES * FRAME_HOP
"""Samples from one column to the next: 80 ms."""
WINDOW_FRAMES, WINDOW_COLUMNS = 900, 112
WINDOW = FRAME_HOP * WINDOW_FRAMES + FRAME_HOP
"""Window of the network in samples, 9.01 s."""
LEFT, RIGHT = 3, 2
"""Columns that see beyond the left and the right edge of a window."""
LEFT_FRAMES, RIGHT_START = 42, WINDOW_FRAMES - 44
"""Frames of a window that the columns at its left edge see, and the first one from which those at its right edge are computed."""
CHUNK_COLUMNS = 64
"""Columns computed at once: each needs 0.7 MB."""
NEAR = 4
"""Frames on each side of a frame that its image sees."""

Sound = NDArray[np.float32]
Frames = NDArray[np.float32]
Images = NDArray[np.float32]
"""What the first convolutions make of frames, shaped (1, 32, frames, 161)."""
Columns = NDArray[np.float32]
"""Features, shaped (columns, 64)."""

_FIRST, _LAST = "mos_estimator_logpow/concat:0", "push_transpose_out_0"
"""Names in Microsoft's file of the frames, and of the columns before the maximum over frequency."""
_IMAGES = "images"
Value = tuple[str, list[str | int]]
"""Name and shape of an input or output."""
_DENSE = [f"mos_estimator_logpow/dense{n}/{{}}/ReadVariableOp/resource:0" for n in ("", "_1", "_3")]


class DnsmosNetwork:
    """Microsoft's network; `content` is its file. `threads` are CPU threads of ONNX Runtime, 0 for one per core."""

    def __init__(self, content: bytes, threads: int) -> None:
        import onnx
        import onnxruntime

        model = onnx.load_model_from_string(content)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads would burn a third more CPU time
        near, far = (onnxruntime.InferenceSession(part, options, providers=["CPUExecutionProvider"]) for part in _convolutions(model))
        self._images: Callable[[Frames], Images] = lambda frames: near.run(None, {_FIRST: frames[None]})[0]
        self._seen: Callable[[Images], Columns] = lambda images: far.run(None, {_IMAGES: images})[0][0]
        numbers = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        self._layers = [(numbers[name.format("MatMul")], numbers[name.format("BiasAdd")]) for name in _DENSE]

    def outputs(self, sound: Sound, starts: Sequence[int]) -> NDArray[np.float64]:
        """Returns the outputs of the network for windows of a sound that begin at these samples, shaped (windows, 3)."""
        values = np.empty((len(starts), len(self._layers[0][0])), np.float32)
        for offset in {start % GRID for start in starts}:
            mine = [i for i, start in enumerate(starts) if start % GRID == offset]
            first = min(starts[i] for i in mine)
            stop = max(starts[i] for i in mine) + WINDOW
            values[mine] = self._features(_frames(sound[first:stop]), [(starts[i] - first) // GRID for i in mine])
        return self._judged(values)

    def outputs_repeated(self, sound: Sound) -> NDArray[np.float64]:
        """Returns the outputs for one window that repeats a shorter sound of whole frames (FRAME_HOP samples each), shaped (1, 3)."""
        frames, period = _frames(np.resize(sound, WINDOW)), len(sound) // FRAME_HOP
        if period > WINDOW_FRAMES - 4 * NEAR:  # nothing repeats between the edges
            return self._judged(self._features(frames, [0]))
        edge = WINDOW_FRAMES - NEAR
        own = self._near(frames[: period + 2 * NEAR], period + NEAR)
        again = NEAR + np.arange(edge - NEAR) % period
        images = np.concatenate([own[:, :, :NEAR], own[:, :, again], self._images(frames[-2 * NEAR :])[:, :, NEAR:]], axis=2)
        return self._judged(self._seen(images).max(axis=0)[None])

    def _judged(self, values: Columns) -> NDArray[np.float64]:
        """Returns the outputs for the features of windows."""
        for number, (weights, bias) in enumerate(self._layers):
            values = (np.maximum(values, 0) if number else values) @ weights + bias
        return values.astype(np.float64)

    def _features(self, frames: Frames, begins: Sequence[int]) -> Columns:
        """Returns the features of windows that begin at these columns, the first one at 0, the last one ending with the frames."""
        columns, features = self._columns(frames), []
        for begin in begins:
            own, first = columns[begin : begin + WINDOW_COLUMNS], begin * COLUMN_FRAMES
            left, right = own[:LEFT], own[-RIGHT:]
            if begin:
                left = self._convolve(frames[first : first + LEFT_FRAMES])[:LEFT]
            if begin + WINDOW_COLUMNS < len(columns):
                right = self._convolve(frames[first + RIGHT_START : first + WINDOW_FRAMES])[-RIGHT:]
            features.append(np.concatenate([left, own[LEFT:-RIGHT], right]).max(axis=0))
        return np.stack(features)

    def _columns(self, frames: Frames) -> Columns:
        """Returns the columns of frames, computed in chunks. Each chunk also takes the frames beside it that its columns need."""
        total, parts = len(frames) // COLUMN_FRAMES, []
        for start in range(0, total, CHUNK_COLUMNS):
            first, stop = max(0, start - LEFT), min(start + CHUNK_COLUMNS, total)
            end = len(frames) if stop == total else (stop + LEFT) * COLUMN_FRAMES
            parts.append(self._convolve(frames[first * COLUMN_FRAMES : end])[start - first : stop - first])
        return np.concatenate(parts)

    def _near(self, frames: Frames, count: int) -> Images:
        """Returns the images of the first `count` frames, computed in chunks like the columns."""
        chunk, parts = CHUNK_COLUMNS * COLUMN_FRAMES, []
        for start in range(0, count, chunk):
            first, stop = max(0, start - NEAR), min(start + chunk, count)
            parts.append(self._images(frames[first : stop + NEAR])[:, :, start - first : stop - first])
        return np.concatenate(parts, axis=2)

    def _convolve(self, frames: Frames) -> Columns:
        return self._seen(self._images(frames))


def _frames(sound: Sound) -> Frames:
    """Returns a view of the frames of a sound, shaped (frames, FRAME)."""
    return np.lib.stride_tricks.sliding_window_view(sound, FRAME)[::FRAME_HOP]


def _convolutions(model: Any) -> tuple[bytes, bytes]:
    """Returns the parts of the network from frames to images and from images to columns, for any number of frames."""
    from onnx import helper

    names = [node.output[0] for node in model.graph.node]
    nodes = model.graph.node[names.index(_FIRST) + 1 : names.index(_LAST) + 1]
    pool = next(i for i, node in enumerate(nodes) if node.op_type == "MaxPool")
    nodes[pool - 1].output[0] = nodes[pool].input[0] = _IMAGES
    nodes.append(helper.make_node("ReduceMax", [_LAST], ["columns"], axes=[2], keepdims=0))
    images: list[str | int] = ["windows", 32, "frames", 161]
    return (
        _part(model, nodes[:pool], (_FIRST, ["windows", "frames", FRAME]), (_IMAGES, images)),
        _part(model, nodes[pool:], (_IMAGES, images), ("columns", ["windows", "columns", 64])),
    )


def _part(model: Any, nodes: Sequence[Any], given: Value, made: Value) -> bytes:
    """Returns some nodes of the network as a network with this input and output."""
    from onnx import TensorProto, helper

    used = {name for node in nodes for name in node.input}
    before, after = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (given, made))
    graph = helper.make_graph(nodes, made[0], [before], [after], [i for i in model.graph.initializer if i.name in used])
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version).SerializeToString()
