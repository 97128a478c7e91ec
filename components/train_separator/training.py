"""Spleeter's own graph, loss and optimizer, for training and validation."""

import json
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from components.shared.task import StageError, one_line
from components.shared.training import Batch, Values
from components.train_separator.configuration import Config, instruments
from components.train_separator.sounds import MIX, Stereo, Window

Magnitudes = NDArray[np.float32]

CHECKPOINT = "model"


def spectrum(sound: Stereo, config: Config) -> NDArray[np.complex64]:
    """Returns Spleeter's STFT of a sound of `window_frames`, shaped (T, frame_length / 2 + 1, 2)."""
    length, step = config["frame_length"], config["frame_step"]
    views = np.lib.stride_tricks.sliding_window_view(sound, length, axis=0)[::step]  # (T, 2, length)
    return fft.rfft(views * hann(length), axis=-1).transpose(0, 2, 1)


def hann(length: int) -> NDArray[np.float32]:
    """Returns the periodic Hann window of Spleeter's STFT."""
    return np.hanning(length + 1)[:-1].astype(np.float32)


def magnitudes(sound: Stereo, config: Config) -> Magnitudes:
    """Returns the network's input for a sound of `window_frames`, shaped (T, F, 2)."""
    return np.abs(spectrum(sound, config)[:, : config["F"]]).astype(np.float32)


def window_frames(config: Config) -> int:
    """Returns the number of samples that T frames of the STFT cover."""
    return int(config["frame_length"] + (config["T"] - 1) * config["frame_step"])


def example(window: Window, config: Config) -> Batch:
    """Returns the magnitudes of a mixture and of its stems by Spleeter's names, <instrument>_spectrogram."""
    names = {config["mix_name"]: MIX} | instruments(config)
    return {f"{name}_spectrogram": magnitudes(window[stem], config) for name, stem in names.items()}


@dataclass(frozen=True)
class Graph:
    """Spleeter's training graph and a session with its variables."""

    session: Any
    inputs: dict[str, Any]
    """Magnitudes by Spleeter's names, shaped (windows, T, F, 2)."""
    estimates: dict[str, Any]
    """Estimated magnitudes by instrument, of the same shape."""
    loss: Any
    train: Any
    """One step of Adam."""
    learning_rate: Any
    variables: dict[str, Any]
    """All variables by name, including Adam's moments and the number of steps, so that a training can resume."""
    network: frozenset[str]
    """Names of the network's own variables, which Spleeter loads."""
    weights: Any
    """Saver of the network's own variables."""

    def train_on(self, batch: Batch, learning_rate: float) -> float:
        """Runs one step of the optimizer and returns the loss before it."""
        feed = {self.inputs[name]: value for name, value in batch.items()} | {self.learning_rate: learning_rate}
        loss, _ = self.session.run([self.loss, self.train], feed)
        return float(loss)

    def loss_on(self, batch: Batch) -> float:
        """Returns the loss without a step."""
        return float(self.session.run(self.loss, {self.inputs[name]: value for name, value in batch.items()}))

    def estimate(self, mixture: Magnitudes, config: Config) -> dict[str, Magnitudes]:
        """Returns the magnitudes of one window, shaped (T, F, 2), by instrument."""
        found = self.session.run(self.estimates, {self.inputs[f"{config['mix_name']}_spectrogram"]: mixture[None]})
        return {name: value[0] for name, value in found.items()}

    def values(self) -> Values:
        """Returns the values of all variables."""
        return self.session.run(self.variables)

    def load(self, values: Values) -> None:
        """Sets variables by name."""
        initializers = {self.variables[name].initializer: value for name, value in values.items()}
        self.session.run([*initializers], {initializer.inputs[1]: value for initializer, value in initializers.items()})


def build(config: Config, seed: int, threads: int = 0) -> Graph:
    """Builds the graph with random weights, on a GPU if TensorFlow finds one."""
    with _quiet():
        import tensorflow.compat.v1 as tf
        from spleeter.model import EstimatorSpecBuilder

        tf.disable_eager_execution()  # otherwise a Saver treats the graph's variables as eager ones
        with tf.Graph().as_default():
            tf.set_random_seed(seed)
            tf.train.create_global_step()
            shape = (None, config["T"], config["F"], config["n_channels"])
            names = [f"{name}_spectrogram" for name in (config["mix_name"], *config["instrument_list"])]
            inputs = {name: tf.placeholder(tf.float32, shape, name) for name in names}
            rate = tf.placeholder(tf.float32, (), "learning_rate")
            builder = EstimatorSpecBuilder({names[0]: inputs[names[0]]}, {**config, "learning_rate": rate})
            spec = builder.build_train_model({name: inputs[name] for name in names[1:]})
            network = [*tf.trainable_variables(), *(v for v in tf.global_variables() if "/moving_" in v.name)]
            weights = tf.train.Saver(network, max_to_keep=1)
            options = tf.ConfigProto(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=1)
            options.gpu_options.allow_growth = True
            session = tf.Session(config=options)
            session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
            variables = {v.op.name: v for v in tf.global_variables()}
    estimates = {name: builder.model_outputs[f"{name}_spectrogram"] for name in config["instrument_list"]}
    own = frozenset(v.op.name for v in network)
    return Graph(session, inputs, estimates, spec.loss, spec.train_op, rate, variables, own, weights)


def load_model(graph: Graph, folder: Path) -> None:
    """Loads a model's checkpoint. Raises StageError if its variables do not fit the model's configuration."""
    import tensorflow as tf

    try:
        reader = tf.train.load_checkpoint(str(folder / CHECKPOINT))
        shapes = reader.get_variable_to_shape_map()
        wanted = {name: graph.variables[name].shape.as_list() for name in graph.network}
        wrong = sorted(name for name, shape in wanted.items() if shapes.get(name) != shape)
        if wrong:
            raise ValueError(f"{len(wrong)} of {len(wanted)} missing or of another shape, {wrong[0]} first")
        graph.load({name: reader.get_tensor(name) for name in wanted})
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        raise StageError(
            f"expected the variables of the network of {folder / 'config.json'} in {folder / CHECKPOINT}.*, found {one_line(error)}: "
            "choose a model whose configuration and checkpoint belong together"
        ) from None


def save_model(graph: Graph, config: Config, folder: Path) -> None:
    """Writes a model in Spleeter's format: the configuration and a checkpoint of the network's own variables."""
    folder.mkdir(parents=True, exist_ok=True)
    graph.weights.save(graph.session, str(folder / CHECKPOINT), write_meta_graph=False)
    (folder / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    # replaces TensorFlow's file, which contains the absolute path of this folder
    (folder / "checkpoint").write_text(f'model_checkpoint_path: "{CHECKPOINT}"\nall_model_checkpoint_paths: "{CHECKPOINT}"\n')


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
