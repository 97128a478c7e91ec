"""A model that cannot be used is an error that says so, before any audio is read."""

import json
from pathlib import Path
from typing import Any

import pytest

from components.separate.__main__ import main
from components.separate.network import load_network, read_config
from components.shared.model import describe
from components.shared.task import StageError
from tests.components.separate.models import OFFICIAL, SMALL


def refused(model: Path, **changes: Any) -> str:
    """What the stage says at its start, where there is no recording to read."""
    settings = {"remove_tones": True, "batch_segments": 1, "threads": 0} | changes
    nowhere = model / "nowhere"
    with pytest.raises(StageError) as error:
        main(nowhere, model, nowhere, nowhere, nowhere, nowhere, keep_accompaniment=False, stereo=False, **settings)
    message = str(error.value)
    assert "\n" not in message
    return message


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """A model to break."""
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def described(folder: Path, kind: str = "spleeter") -> None:
    describe(folder, "broken", kind, "CC0-1.0", "random numbers", "2026-01-01T00:00:00Z")


def test_a_missing_model(tmp_path: Path) -> None:
    assert "found no model.json" in refused(tmp_path / "none")


def test_a_model_of_another_kind(copy: Path) -> None:
    described(copy, kind="ina")
    assert "expected a model of kind spleeter" in refused(copy)


@pytest.mark.parametrize("name", ["model.data-00000-of-00001", "model.index", "config.json"])
def test_a_truncated_file(copy: Path, name: str) -> None:
    (copy / name).write_bytes((copy / name).read_bytes()[:-1])
    assert f"in {copy / name}" in refused(copy)


def test_a_file_with_another_hash(copy: Path) -> None:
    data = bytearray((copy / "model.data-00000-of-00001").read_bytes())
    data[1000] ^= 1
    (copy / "model.data-00000-of-00001").write_bytes(data)
    assert "sha256" in refused(copy)


@pytest.mark.parametrize("name", ["model.data-00000-of-00001", "model.index", "config.json"])
def test_a_model_without_one_of_spleeter_s_files(copy: Path, name: str) -> None:
    (copy / name).unlink()
    described(copy)
    assert f"expected a file {name} in the model broken" in refused(copy)


@pytest.mark.parametrize("name", ["model.data-00000-of-00001", "model.index"])
def test_a_checkpoint_that_was_broken_before_it_was_described(copy: Path, name: str) -> None:
    (copy / name).write_bytes((copy / name).read_bytes()[:100])
    described(copy)
    assert "expected a checkpoint of broken" in refused(copy)


def test_a_checkpoint_that_names_another_place_is_read_from_its_own(copy: Path) -> None:
    (copy / "checkpoint").write_text('model_checkpoint_path: "/elsewhere/model"\n')
    described(copy)
    assert load_network(copy).model.name == "broken"


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"instrument_list": ["vocals", "drums", "bass"]}, "missing for"),
        ({"model": {"type": "unet.unet", "params": {}}}, "conv2d/kernel [5, 5, 2, 4] for [5, 5, 2, 16]"),
    ],
)
def test_variables_that_do_not_fit_the_configuration(copy: Path, changes: dict[str, Any], found: str) -> None:
    (copy / "config.json").write_text(json.dumps(SMALL | changes))
    described(copy)
    message = refused(copy)
    assert "expected the variables of the network that config.json describes" in message
    assert found in message


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"sample_rate": 22_050}, "44100 as sample_rate"),
        ({"n_channels": 1}, "2 as n_channels"),
        ({"frame_length": 4000}, "a power of two as frame_length"),
        ({"frame_step": 2048}, "a quarter of the frame_length, 1024, as frame_step"),
        ({"T": 500}, "a multiple of 64 up to 4096 as T"),
        ({"F": 2112}, "a multiple of 64 up to 2048 as F"),
        ({"F": "1024"}, "a multiple of 64 up to 2048 as F"),
        ({"mask_extension": "none"}, "zeros or average as mask_extension"),
        ({"separation_exponent": 0}, "as separation_exponent"),
        ({"instrument_list": ["vocals"]}, "as instrument_list"),
        ({"instrument_list": ["drums", "bass"]}, "as instrument_list"),
        ({"instrument_list": ["vocals", "speech"]}, "as instrument_list"),
        ({"instrument_list": ["vocals", "../x"]}, "as instrument_list"),
        ({"model": {"type": "blstm.blstm", "params": {}}}, "unet.unet or unet.softmax_unet as type"),
        ({"model": {"type": "unet.unet"}}, "as params"),
        ({"model": {"type": "unet.unet", "params": {"conv_n_filters": [1, 2]}}}, "as params"),
        ({"model": None}, "as type"),
        ({"mix_name": ""}, "as mix_name"),
    ],
)
def test_a_configuration_that_does_not_suit(tmp_path: Path, changes: dict[str, Any], what: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(OFFICIAL | changes))
    with pytest.raises(StageError) as error:
        read_config(path)
    assert what in str(error.value)
    assert f"in {path}, found " in str(error.value)


@pytest.mark.parametrize("text", ["", "[]", "[1]", "null", "{", '{"T": 512}'])
def test_a_configuration_that_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(StageError, match=r"config\.json"):
        read_config(path)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"batch_segments": 0}, "batch_segments"),
        ({"threads": -1}, "threads"),
    ],
)
def test_numbers_out_of_range(folder: Path, changes: dict[str, Any], what: str) -> None:
    assert f"parameter separate_{what}: expected" in refused(folder, **changes)
