"""Models of Spleeter with random weights, and Spleeter's own separation with them."""

import json
import logging
import os
from pathlib import Path
from typing import Any

import numpy as np

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

OFFICIAL: dict[str, Any] = {
    "mix_name": "mix",
    "instrument_list": ["vocals", "accompaniment"],
    "sample_rate": 44_100,
    "frame_length": 4096,
    "frame_step": 1024,
    "T": 512,
    "F": 1024,
    "n_channels": 2,
    "separation_exponent": 2,
    "mask_extension": "zeros",
    "model": {"type": "unet.unet", "params": {}},
}
"""Spleeter's 2stems; its 2stems-16kHz has F 1536."""

SMALL = OFFICIAL | {
    "frame_length": 1024,
    "frame_step": 256,
    "T": 64,
    "F": 256,
    "model": {"type": "unet.unet", "params": {"conv_n_filters": [4, 8, 8, 8, 8, 8]}},
}
"""The same network, small enough for many tests: a segment takes 0.37 s."""


def write_model(folder: Path, config: dict[str, Any] = SMALL, seed: int = 1) -> Path:
    """A model with the variables that Spleeter makes for a configuration, of random values that leave no mask constant."""
    from components.shared.model import describe

    with _silent():
        import tensorflow.compat.v1 as tf
        from spleeter.model import EstimatorSpecBuilder, InputProviderFactory

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    with _silent(), tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(seed)
        tf.train.create_global_step()  # Spleeter restores it too
        _ = EstimatorSpecBuilder(InputProviderFactory.get(config).get_input_dict_placeholders(), config).outputs
        session.run(tf.global_variables_initializer())
        rng = np.random.default_rng(seed)
        for variable in tf.global_variables():
            if "moving_variance" in variable.name or "gamma" in variable.name:
                variable.load(rng.uniform(0.5, 2, variable.shape.as_list()), session)
            elif "kernel" not in variable.name:
                variable.load(rng.normal(0, 0.1, variable.shape.as_list()), session)
        tf.train.Saver().save(session, str(folder / "model"), write_meta_graph=False)
    describe(folder, "random", "spleeter", "CC0-1.0", "random numbers", "2026-01-01T00:00:00Z")
    return folder


def whole_file(folder: Path, waveform: np.ndarray) -> dict[str, np.ndarray]:
    """What Spleeter's Separator makes of a waveform shaped (samples, channels), with the model in a folder."""
    from spleeter.model import provider
    from spleeter.separator import Separator

    class Here(provider.ModelProvider):
        """Downloads nothing: Spleeter's own provider needs packages that the stage does without."""

        def download(self, name: str, path: str) -> None:
            raise FileNotFoundError(path)

    provider.ModelProvider.default = classmethod(lambda _: Here())
    with _silent():
        separator = Separator(str(folder / "config.json"), multiprocess=False)
        separator._params["model_dir"] = str(folder)
        return separator.separate(waveform)


class _silent:  # noqa: N801
    def __enter__(self) -> None:
        logging.disable(logging.WARNING)

    def __exit__(self, *_: object) -> None:
        logging.disable(logging.NOTSET)
