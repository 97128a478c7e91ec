"""Files of Keras are read without running anything that they name."""

import io
import json

import h5py
import numpy as np
import onnxruntime
import pytest

from components.segment.keras import FOUND, GIVEN, network, read_layers

CONV = {"name": "c", "padding": "valid", "activation": "linear", "use_bias": True, "strides": [1, 1], "dilation_rate": [1, 1]}
NORMALIZATION = {"name": "b", "axis": -1, "center": True, "scale": True, "epsilon": 0.001}
POOL = {"name": "p", "pool_size": [2, 2], "strides": [2, 2], "padding": "same"}
LAYERS = [
    ("Reshape", {"name": "r"}),
    ("Conv2D", CONV),
    ("BatchNormalization", NORMALIZATION),
    ("Activation", {"name": "a", "activation": "relu"}),
    ("MaxPooling2D", POOL),
    ("Flatten", {"name": "f"}),
    ("Dropout", {"name": "o"}),
    ("Dense", {"name": "d", "use_bias": True, "activation": "softmax"}),
]
RNG = np.random.default_rng(0)
TENSORS = {
    "c": {"kernel": RNG.standard_normal((3, 2, 1, 4)), "bias": RNG.standard_normal(4)},
    "b": {"gamma": RNG.random(4), "beta": RNG.random(4), "moving_mean": RNG.random(4), "moving_variance": RNG.random(4)},
    "d": {"kernel": RNG.standard_normal((4, 3)), "bias": RNG.standard_normal(3)},
}


def saved(layers, kind="Sequential", tensors=TENSORS):
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        described = [{"class_name": name, "config": settings} for name, settings in layers]
        file.attrs["model_config"] = json.dumps({"class_name": kind, "config": {"layers": described}})
        for _, settings in layers:
            group = file.create_group(f"model_weights/{settings['name']}/{settings['name']}_1")
            for name, values in tensors.get(settings["name"], {}).items():
                group[f"{name}:0"] = values.astype(np.float32)
    return data.getvalue()


def computed(patch):
    """What these layers are, step by step, for one patch shaped (4, 3)."""
    c, b, d = (TENSORS[name] for name in "cbd")
    image = np.array([[np.tensordot(patch[i : i + 3, j : j + 2], c["kernel"][:, :, 0], 2) for j in range(2)] for i in range(2)]) + c["bias"]
    image = (image - b["moving_mean"]) / np.sqrt(b["moving_variance"] + 0.001) * b["gamma"] + b["beta"]
    scores = np.maximum(image, 0).max(axis=(0, 1)) @ d["kernel"] + d["bias"]
    return np.exp(scores) / np.exp(scores).sum()


def test_layers_compute_what_keras_documents():
    session = onnxruntime.InferenceSession(network(read_layers(saved(LAYERS)), 4, 3, 3), providers=["CPUExecutionProvider"])
    patches = RNG.standard_normal((5, 4, 3)).astype(np.float32)
    found = session.run([FOUND], {GIVEN: patches})[0]
    np.testing.assert_allclose(found, [computed(p) for p in patches.astype(np.float64)], atol=1e-6)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([("Lambda", {"name": "l", "function": "os.system"})], "expected layers of the kinds Reshape, .* found 'Lambda'"),
        ([("Conv2D", CONV | {"padding": "same"})], "expected a layer Conv2D with padding 'valid', found 'same'"),
        ([("Activation", {"name": "a", "activation": "elu"})], "expected a layer Activation with activation 'relu', found 'elu'"),
        ([("Flatten", {"name": "f", "data_format": "channels_first"})], "data_format 'channels_last', found 'channels_first'"),
        ([("Dense", {"name": "b", "use_bias": True})], "expected a layer Dense with the tensors"),
    ],
)
def test_another_layer_is_refused(layers, message):
    with pytest.raises(ValueError, match=message):
        read_layers(saved(layers))


def test_another_kind_of_network_is_refused():
    with pytest.raises(ValueError, match="expected a network that is a sequence of layers, found 'Functional'"):
        read_layers(saved(LAYERS, kind="Functional"))
