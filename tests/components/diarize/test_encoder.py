"""The networks in ONNX Runtime give PyTorch's vectors, and their checkpoints are read without running anything."""

import collections
import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from components.shared.checkpoint import parse, read_checkpoint
from components.shared.encoders import ENCODERS
from components.shared.inference import providers
from components.shared.task import StageError
from components.shared.voice_encoder import CAMPPLUS, load_encoder
from recipes.speakers.recorded import SECONDS, SHOWN_FRAMES, signal

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text())
"""What recipes/speakers/recorded.py wrote."""
FLOOR = 1.2e-7
"""Kaldi raises weaker powers to this."""


def test_the_spectra_are_those_of_the_package_that_the_network_was_trained_with(encoder):
    spectra = encoder.spectra(signal(SECONDS[0]))
    expected = np.array(RECORDED[encoder.name]["spectra"])
    np.testing.assert_allclose(np.maximum(spectra[list(SHOWN_FRAMES)], FLOOR), np.maximum(expected, FLOOR), rtol=1e-3)


@pytest.mark.parametrize(("number", "frames"), [(0, 160), (1, 90)])
def test_the_vectors_are_pytorch_s(encoder, number, frames):
    spectra = encoder.spectra(signal(SECONDS[number]))
    assert spectra.shape == (frames, encoder.bands)
    (vector,) = encoder.vectors(spectra[None])
    np.testing.assert_allclose(vector, RECORDED[encoder.name]["vectors"][number], atol=1e-4)


def test_the_vectors_of_an_encoder_have_its_length(encoder):
    assert encoder.vectors(np.ones((3, 40, encoder.bands), np.float32)).shape == (3, ENCODERS[encoder.name].numbers)


class Rebuilt:
    """Is pickled as a tensor of a checkpoint."""

    def __init__(self, shape=(2, 3), strides=(3, 1), function=("torch._utils", "_rebuild_tensor_v2")):
        self.shape, self.strides, self.function = shape, strides, function


class CheckpointPickler(pickle._Pickler):
    """Pickles Rebuilt as PyTorch pickles tensors, without PyTorch."""

    def save(self, thing, *rest):
        if not isinstance(thing, Rebuilt):
            super().save(thing, *rest)
            return
        self._named(*thing.function)
        self.write(pickle.MARK)
        self.write(pickle.MARK)
        super().save("storage")
        self._named("torch", "FloatStorage")
        for part in ("7", "cpu", 6):
            super().save(part)
        self.write(pickle.TUPLE + pickle.BINPERSID)
        for part in (0, thing.shape, thing.strides, False, collections.OrderedDict()):
            super().save(part)
        self.write(pickle.TUPLE + pickle.REDUCE)

    def _named(self, module, name):
        self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())


def pickled(thing):
    file = io.BytesIO()
    CheckpointPickler(file, 2).dump(thing)
    return file.getvalue()


def zipped(thing):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickled(thing))
        archive.writestr("archive/data/7", np.arange(6, dtype="<f4").tobytes())
    return file.getvalue()


def plain(thing, magic=0x1950A86A20F9469CFC6C):
    pickles = [pickled(part) for part in (magic, 1001, {"little_endian": True}, thing, ["7"])]
    return b"".join(pickles) + (6).to_bytes(8, "little") + np.arange(6, dtype="<f4").tobytes()


@pytest.mark.parametrize("form", [zipped, plain])
def test_a_checkpoint_of_either_form_becomes_arrays(form):
    found = parse(form({"step": 5, "state": collections.OrderedDict(weight=Rebuilt())}))
    assert found["step"] == 5
    np.testing.assert_array_equal(found["state"]["weight"], np.arange(6).reshape(2, 3))


@pytest.mark.parametrize("form", [zipped, plain])
@pytest.mark.parametrize("function", [("os", "system"), ("builtins", "eval"), ("torch._utils", "_rebuild_parameter"), ("torch", "load")])
def test_a_checkpoint_that_names_a_function_is_refused(form, function):
    with pytest.raises(pickle.UnpicklingError, match=f"names tensors alone, found {function[0]}.{function[1]}"):
        parse(form({"weight": Rebuilt(function=function)}))


def test_a_pickle_that_would_run_something_runs_nothing(tmp_path):
    class Harm:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    for data in (zipped(Harm()), plain(Harm())):
        with pytest.raises(pickle.UnpicklingError, match="names tensors alone"):
            parse(data)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("form", [zipped, plain])
@pytest.mark.parametrize("tensor", [{"strides": (1, 2)}, {"shape": (3, 3)}, {"shape": (2, 2)}])
def test_a_tensor_that_is_not_its_storage_in_order_is_refused(form, tensor):
    with pytest.raises((pickle.UnpicklingError, ValueError)):
        parse(form({"weight": Rebuilt(**tensor)}))


def test_a_file_that_is_no_checkpoint_is_refused():
    with pytest.raises(pickle.UnpicklingError, match="expected a checkpoint of PyTorch"):
        parse(plain({}, magic=1))


def test_a_network_that_is_missing_or_another_one_is_an_error_with_the_way_out(tmp_path):
    with pytest.raises(
        StageError, match=r"expected the network campplus_cn_en_common.pt with sha256 92f2.* found none: install this stage"
    ):
        load_encoder("campplus", 1, tmp_path)
    (tmp_path / CAMPPLUS).parent.mkdir(parents=True)
    (tmp_path / CAMPPLUS).write_bytes(b"other")
    with pytest.raises(StageError, match="found d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa: install"):
        read_checkpoint(tmp_path / CAMPPLUS, "92f2")


def test_a_gpu_is_used_where_there_is_one():
    assert providers(["CPUExecutionProvider"]) == ["CPUExecutionProvider"]
    (gpu, _), cpu = providers(["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"])
    assert (gpu, cpu) == ("CUDAExecutionProvider", "CPUExecutionProvider")
