"""Trains a Spleeter model with Spleeter's own graph, loss and optimizer, and measures it as it will be used.

TensorFlow and Spleeter are imported where they are needed.
"""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from components.train_separator.mixing import Stems, Stereo

Config = Mapping[str, Any]
Batch = dict[str, NDArray[np.float32]]

CHECKPOINT = "model"


def magnitudes(sound: Stereo, config: Config) -> NDArray[np.float32]:
    """The magnitudes of T frames of the STFT that Spleeter's network sees, shaped (T, F, 2)."""
    length, step, frames, bins = (config[k] for k in ("frame_length", "frame_step", "T", "F"))
    window = np.hanning(length + 1)[:-1].astype(np.float32)
    needed = window_frames(config)
    assert len(sound) == needed, f"expected {needed} frames of sound, found {len(sound)}"
    views = np.lib.stride_tricks.sliding_window_view(sound, length, axis=0)[::step][:frames]  # (T, 2, length)
    return np.abs(fft.rfft(views * window, axis=-1)[:, :, :bins]).transpose(0, 2, 1).astype(np.float32)


def window_frames(config: Config) -> int:
    """Length of the sound that T frames of its STFT cover."""
    return int(config["frame_length"] + (config["T"] - 1) * config["frame_step"])


def example(stems: Stems, config: Config) -> Batch:
    """What Spleeter's training takes: the magnitudes of the mixture and of its two stems, under Spleeter's names."""
    speech, accompaniment = config["instrument_list"]
    sounds = {config["mix_name"]: stems.mix, speech: stems.speech, accompaniment: stems.accompaniment}
    return {f"{name}_spectrogram": magnitudes(sound, config) for name, sound in sounds.items()}


def batched(examples: Iterable[Batch], size: int) -> Iterator[Batch]:
    """Examples stacked, `size` at a time; a rest that fills no batch is left out."""
    found: list[Batch] = []
    for one in examples:
        found.append(one)
        if len(found) == size:
            yield {name: np.stack([e[name] for e in found]) for name in found[0]}
            found = []


@dataclass
class Graph:
    """Spleeter's training graph and a session with its variables."""

    session: Any
    inputs: dict[str, Any]
    loss: Any
    step: Any
    learning_rate: Any
    train: Any
    saver: Any
    """Of everything: what a training needs to go on."""
    weights: Any
    """Saves the network's own variables alone: what Spleeter loads."""

    def train_on(self, batch: Batch, learning_rate: float) -> float:
        """One step of the optimizer; returns the loss before it."""
        feed = {self.inputs[name]: value for name, value in batch.items()} | {self.learning_rate: learning_rate}
        loss, _ = self.session.run([self.loss, self.train], feed)
        return float(loss)

    def loss_on(self, batch: Batch) -> float:
        """The loss without a step."""
        return float(self.session.run(self.loss, {self.inputs[name]: value for name, value in batch.items()}))


def build(config: Config, seed: int, threads: int = 0) -> Graph:
    """Builds the graph with fresh weights."""
    import tensorflow as tf
    from spleeter.model import EstimatorSpecBuilder

    with tf.Graph().as_default():
        tf.compat.v1.set_random_seed(seed)
        step = tf.compat.v1.train.create_global_step()
        shape = (None, config["T"], config["F"], config["n_channels"])
        names = [f"{name}_spectrogram" for name in (config["mix_name"], *config["instrument_list"])]
        inputs = {name: tf.compat.v1.placeholder(tf.float32, shape, name) for name in names}
        rate = tf.compat.v1.placeholder(tf.float32, (), "learning_rate")
        features = {names[0]: inputs[names[0]]}
        labels = {name: inputs[name] for name in names[1:]}
        builder = EstimatorSpecBuilder(features, {**config, "learning_rate": rate})
        spec = builder.build_train_model(labels)
        network = [v for v in tf.compat.v1.trainable_variables()]
        moments = [v for v in tf.compat.v1.global_variables() if "moving_" in v.name]
        saver = tf.compat.v1.train.Saver(max_to_keep=1)
        weights = tf.compat.v1.train.Saver([*network, *moments], max_to_keep=1)
        options = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=1)
        session = tf.compat.v1.Session(config=options)
        session.run([tf.compat.v1.global_variables_initializer(), tf.compat.v1.local_variables_initializer()])
    return Graph(session, inputs, spec.loss, step, rate, spec.train_op, saver, weights)


def save_model(graph: Graph, config: Config, folder: Path) -> None:
    """Writes a model as Spleeter has it: the configuration, and a checkpoint of the network's variables alone."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with graph.session.graph.as_default():  # else TensorFlow takes its variables for eager ones
        graph.weights.save(graph.session, str(folder / CHECKPOINT), write_meta_graph=False)
    (folder / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    # TensorFlow writes where the checkpoint lay while it was made
    (folder / "checkpoint").write_text(f'model_checkpoint_path: "{CHECKPOINT}"\nall_model_checkpoint_paths: "{CHECKPOINT}"\n')
