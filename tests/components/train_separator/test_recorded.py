"""The figures that the test of `separate` compares with are still those of Spleeter, which only this environment has."""

import json

import numpy as np

from recipes.separate.recorded import CASES, recorded
from tests.places import ROOT


def test_spleeter_gives_what_is_recorded() -> None:
    wanted = json.loads((ROOT / "tests" / "components" / "separate" / "recorded.json").read_text())["five, softmax"]
    found = recorded(CASES["five, softmax"])
    assert np.allclose(found["samples"], wanted["samples"], rtol=0, atol=1e-6)
    assert np.allclose(found["rms"], wanted["rms"], rtol=1e-5)
