"""The network of DNSMOS in two parts, so that overlapping windows share their work.

Convolutions turn the frames of a window into columns of 64 features, one for 8 frames. The window's features are the greatest
of its columns, and a small layer makes scores of them. A column sees 44 frames. So only the columns at the edges of a window
depend on where the window lies, because the convolutions see silence beyond them: all others are the same in every window whose
start is a multiple of GRID samples away.
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

Sound = NDArray[np.float32]
Frames = NDArray[np.float32]
Columns = NDArray[np.float32]
"""Features, shaped (columns, 64)."""

_FIRST, _LAST = "mos_estimator_logpow/concat:0", "push_transpose_out_0"
"""Names in Microsoft's file of the frames, and of the columns before the maximum over frequency."""
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
        session: Any = onnxruntime.InferenceSession(_convolutions(model), options, providers=["CPUExecutionProvider"])
        self._convolve: Callable[[Frames], NDArray[np.float32]] = lambda frames: session.run(None, {_FIRST: frames})[0]
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
                left = self._convolve(frames[None, first : first + LEFT_FRAMES])[0, :LEFT]
            if begin + WINDOW_COLUMNS < len(columns):
                right = self._convolve(frames[None, first + RIGHT_START : first + WINDOW_FRAMES])[0, -RIGHT:]
            features.append(np.concatenate([left, own[LEFT:-RIGHT], right]).max(axis=0))
        return np.stack(features)

    def _columns(self, frames: Frames) -> Columns:
        """Returns the columns of frames, computed in chunks. Each chunk also takes the frames beside it that its columns need."""
        total, parts = len(frames) // COLUMN_FRAMES, []
        for start in range(0, total, CHUNK_COLUMNS):
            first, stop = max(0, start - LEFT), min(start + CHUNK_COLUMNS, total)
            end = len(frames) if stop == total else (stop + LEFT) * COLUMN_FRAMES
            parts.append(self._convolve(frames[None, first * COLUMN_FRAMES : end])[0, start - first : stop - first])
        return np.concatenate(parts)


def _frames(sound: Sound) -> Frames:
    """Returns a view of the frames of a sound, shaped (frames, FRAME)."""
    return np.lib.stride_tricks.sliding_window_view(sound, FRAME)[::FRAME_HOP]


def _convolutions(model: Any) -> bytes:
    """Returns the part of the network from frames to columns, for any number of frames."""
    from onnx import TensorProto, helper

    names = [node.output[0] for node in model.graph.node]
    nodes = model.graph.node[names.index(_FIRST) + 1 : names.index(_LAST) + 1]
    nodes.append(helper.make_node("ReduceMax", [_LAST], ["columns"], axes=[2], keepdims=0))
    used = {name for node in nodes for name in node.input}
    frames = helper.make_tensor_value_info(_FIRST, TensorProto.FLOAT, ["windows", "frames", FRAME])
    columns = helper.make_tensor_value_info("columns", TensorProto.FLOAT, ["windows", "columns", 64])
    graph = helper.make_graph(nodes, "columns", [frames], [columns], [i for i in model.graph.initializer if i.name in used])
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version).SerializeToString()
