"""Loads Spleeter's network and the variables of a checkpoint from the folder of a model."""

import json
import logging
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.shared.model import Model, read_model
from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.task import StageError

CHECKPOINT = "model"
"""Prefix of a checkpoint's files in Spleeter's releases. The file `checkpoint` is not read; it may name another path."""
SPEECH = ("vocals", "speech")
"""Names of the instrument that is speech. All others together are the accompaniment."""
CHANNELS = 2
"""Output channels of Spleeter's U-Net, whatever the configuration says."""
HALVINGS = 6
"""Number of times that the U-Net halves its input. Frames and bins must be multiples of 2 ** 6."""
OVERLAP = 4
"""Frames that cover a sample. Spleeter's window compensation is correct for this number only."""

Spectra = NDArray[np.float32]
Stft = NDArray[np.complex64]
"""Shaped (channels, frames, frame_length / 2 + 1)."""


@dataclass(frozen=True)
class Config:
    """A model's config.json."""

    instruments: tuple[str, ...]
    speech: int
    """Index of the speech among the instruments."""
    frame_length: int
    frame_step: int
    segment_frames: int
    """Frames of a segment. The network processes each segment on its own."""
    bins: int
    """Number of bins of a frame that the network processes, from the lowest."""
    extended: bool
    """Whether bins above these get the mean mask of those below; else they are silent in every result."""
    given: dict[str, Any]
    """The whole file, for Spleeter."""

    @property
    def band_hz(self) -> float:
        """Frequency above which the results are silent, or guessed if `extended`."""
        return self.bins * SAMPLE_RATE_HZ / self.frame_length


@dataclass(frozen=True)
class Network:
    """A model that is ready to run."""

    model: Model
    config: Config
    device: str
    """GPU or CPU."""
    compensation: float
    """Spleeter's factor for overlap-added frames."""
    mask: Callable[[Spectra], Spectra]
    """Takes magnitudes shaped (segments, segment_frames, bins, 2). Returns the mask of speech, shaped (frames, frame_length / 2 + 1, 2)."""


def read_config(path: Path) -> Config:
    """Reads a config.json. Raises StageError unless it is Spleeter's and streaming gives Spleeter's own result."""

    def wrong(what: str, found: object) -> StageError:
        return StageError(f"expected {what} in {path}, found {found!r}: choose a model made for Spleeter's U-Net at {SAMPLE_RATE_HZ} Hz")

    try:
        given = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise StageError(f"expected Spleeter's configuration of a model in {path}, found {error}: fetch and push the model again") from None

    def taken(name: str, what: str, right: Callable[[Any], bool], source: Any = given) -> Any:
        value = source.get(name) if isinstance(source, dict) else None
        if not right(value):
            raise wrong(f"{what} as {name}", value)
        return value

    def number(least: int, most: int, step: int = 1) -> Callable[[Any], bool]:
        return lambda value: type(value) is int and least <= value <= most and value % step == 0

    instruments = taken("instrument_list", "two or more names, one of them vocals or speech,", _are_instruments)
    length = taken("frame_length", "a power of two", lambda v: type(v) is int and 256 <= v <= 65_536 and v & (v - 1) == 0)
    taken("sample_rate", f"{SAMPLE_RATE_HZ}", lambda v: v == SAMPLE_RATE_HZ)
    taken("n_channels", f"{CHANNELS}", lambda v: v == CHANNELS)
    taken("mix_name", "a name", _is_name)
    taken("separation_exponent", "a number above 0 and up to 10", lambda v: type(v) in (int, float) and 0 < v <= 10)
    taken("type", "unet.unet or unet.softmax_unet", lambda v: v in ("unet.unet", "unet.softmax_unet"), given.get("model"))
    taken("params", "the network's parameters, conv_n_filters with six numbers if with any,", _are_parameters, given.get("model"))
    return Config(
        instruments=tuple(instruments),
        speech=next(i for i, name in enumerate(instruments) if name in SPEECH),
        frame_length=length,
        frame_step=taken("frame_step", f"a quarter of the frame_length, {length // OVERLAP},", lambda v: v == length // OVERLAP),
        segment_frames=taken("T", "a multiple of 64 up to 4096", number(64, 4096, 2**HALVINGS)),
        bins=taken("F", f"a multiple of 64 up to {length // 2}", number(64, length // 2, 2**HALVINGS)),
        extended=taken("mask_extension", "zeros or average", lambda v: v in ("zeros", "average")) == "average",
        given=given,
    )


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_]*", value) is not None


def _are_instruments(value: Any) -> bool:
    names = isinstance(value, list) and len(value) >= 2 and all(_is_name(v) for v in value) and len(set(value)) == len(value)
    return names and sum(name in SPEECH for name in value) == 1


def _are_parameters(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    filters = value.get("conv_n_filters", [1] * HALVINGS)
    return isinstance(filters, list) and len(filters) == HALVINGS and all(type(n) is int and 1 <= n <= 4096 for n in filters)


def load_network(folder: Path, threads: int = 0) -> Network:
    """Loads a model of kind spleeter, on a GPU if TensorFlow finds one, else on `threads` CPU threads, 0 for one per core.

    Raises StageError if a file is missing or differs from `model.json`, if the configuration is unsuitable, or if the variables do not
    fit it.
    """
    model = read_model(folder, "spleeter")
    for name in ("config.json", f"{CHECKPOINT}.index", f"{CHECKPOINT}.data-00000-of-00001"):
        if name not in model.files:
            raise StageError(f"expected a file {name} in the model {model.name} in {folder}, found {', '.join(model.files)}")
    config = read_config(folder / "config.json")
    with _quiet():
        import tensorflow.compat.v1 as tf
        from spleeter.model import EstimatorSpecBuilder
        from spleeter.model.functions import unet

        gpus = tf.config.list_physical_devices("GPU")
        if gpus:
            tf.config.experimental.enable_op_determinism()
        graph = tf.Graph()
        with graph.as_default():
            magnitudes = tf.placeholder(tf.float32, (None, config.segment_frames, config.bins, CHANNELS))
            mix = config.given["mix_name"]
            frames = tf.reshape(magnitudes, (-1, config.bins, CHANNELS))  # stands in for the STFT; masks use only its length
            builder = EstimatorSpecBuilder({f"{mix}_spectrogram": magnitudes, f"{mix}_stft": frames}, config.given)
            layer, unet.Conv2DTranspose = unet.Conv2DTranspose, _transposed_convolution(tf)
            try:
                wanted = builder.masks[config.instruments[config.speech]]
            finally:
                unet.Conv2DTranspose = layer
            saver = tf.train.Saver()
            _check_variables(tf, folder, model, {v.op.name: v.shape.as_list() for v in tf.global_variables()})
            options = tf.ConfigProto(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads)
            options.gpu_options.allow_growth = True
            session = tf.Session(config=options)
            try:
                saver.restore(session, str(folder / CHECKPOINT))
            except tf.errors.OpError as error:
                raise _unreadable(folder, model, error) from None

    def mask(given: Spectra) -> Spectra:
        return session.run(wanted, {magnitudes: given})

    return Network(model, config, "GPU" if gpus else "CPU", EstimatorSpecBuilder.WINDOW_COMPENSATION_FACTOR, mask)


def _transposed_convolution(tf: Any) -> Any:
    """Returns Keras's layer for Spleeter's U-Net (5 x 5, stride 2), twice as fast if it has a single output channel.

    For one channel TensorFlow's layer takes a fifth of the network's time for a hundredth of its work. A 3 x 3 convolution computes the
    same sums: it gives four output samples per input sample. Even rows use the kernel's rows 3 and 1, odd rows use 4, 2 and 0, and
    likewise for columns.
    """
    rows = [[3, 1, 5], [4, 2, 0]]  # 5 is a row of zeros

    class Conv2DTranspose(tf.keras.layers.Conv2DTranspose):
        def call(self, inputs: Any) -> Any:
            if self.filters > 1:
                return super().call(inputs)
            kernel = tf.pad(self.kernel, ((0, 1), (0, 1), (0, 0), (0, 0)))
            kernel = tf.transpose(tf.gather(tf.gather(kernel, rows, axis=0), rows, axis=2), (1, 3, 5, 0, 2, 4))
            sums = tf.nn.conv2d(inputs, tf.reshape(kernel, (3, 3, inputs.shape[3], 4)), strides=1, padding="SAME")
            return tf.nn.depth_to_space(sums, 2) + self.bias

    return Conv2DTranspose


def _check_variables(tf: Any, folder: Path, model: Model, wanted: dict[str, list[int]]) -> None:
    try:
        found = tf.train.load_checkpoint(str(folder / CHECKPOINT)).get_variable_to_shape_map()
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        raise _unreadable(folder, model, error) from None
    wrong = [f"{name} {found.get(name, 'missing')} for {shape}" for name, shape in wanted.items() if found.get(name) != shape]
    if wrong:
        shown = f"{len(wrong)} of {len(wanted)} others ({', '.join(wrong[:3])})"
        raise StageError(
            f"expected the variables of the network that config.json describes in the checkpoint of {model.name} in {folder}, "
            f"found {shown}: choose a model whose configuration and checkpoint belong together"
        )


def _unreadable(folder: Path, model: Model, error: Exception) -> StageError:
    detail = str(error).splitlines()[0] if str(error) else type(error).__name__
    return StageError(f"expected a checkpoint of {model.name} in {folder / CHECKPOINT}.*, found {detail}: fetch and push the model again")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps TensorFlow's messages out of the log, and keeps Keras from writing a file into HOME."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    logging.disable(logging.WARNING)
    try:
        with tempfile.TemporaryDirectory() as home:
            os.environ["KERAS_HOME"] = home
            yield
    finally:
        logging.disable(logging.NOTSET)
