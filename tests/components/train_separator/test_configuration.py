"""Which configurations of Spleeter are trained."""

import json
from pathlib import Path
from typing import Any

import pytest

from components.shared.task import StageError
from components.train_separator.configuration import KEYS, instruments, named, of_model
from tests.components.train_separator.conftest import CONFIG


@pytest.mark.parametrize("name", ["2stems", "2stems-16kHz", "4stems", "5stems-16kHz", "musdb"])
def test_spleeter_s_own_are_known_by_name_without_what_concerns_its_training_alone(name: str) -> None:
    config = named(name)
    assert set(config) == set(KEYS)
    assert instruments(config)["vocals"] == "speech"


def test_the_text_of_a_configuration_is_one() -> None:
    assert named(json.dumps(CONFIG)) == CONFIG


def test_a_name_that_is_none_is_answered_with_those_that_are() -> None:
    with pytest.raises(StageError, match=r"expected one of 2stems, 2stems-16kHz, .* found '3stems'"):
        named("3stems")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"T": 100}, "multiples of 64"),
        ({"T": 8192}, "T up to 4096"),
        ({"F": 320}, "at most half"),
        ({"frame_length": 600, "frame_step": 150}, "power of two"),
        ({"frame_step": 256}, "four frame_steps"),
        ({"sample_rate": 16000}, "sample_rate 44100"),
        ({"instrument_list": ["vocals"]}, "another instrument"),
        ({"instrument_list": ["drums", "bass"]}, "another instrument"),
        ({"model": {"type": "blstm.blstm", "params": {}}}, "unet.unet"),
        ({"mask_extension": "ones"}, "zeros or average"),
    ],
)
def test_what_cannot_be_trained_is_said(change: dict[str, Any], message: str) -> None:
    with pytest.raises(StageError, match=message):
        named(json.dumps(CONFIG | change))


@pytest.mark.parametrize("text", ["{", "{}", '{"T": 1}', "{[]}"])
def test_what_is_no_configuration_is_refused(text: str) -> None:
    with pytest.raises(StageError, match="expected a Spleeter configuration in parameter configuration"):
        named(text)


def test_a_folder_without_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="found none: choose another model"):
        of_model(tmp_path)
