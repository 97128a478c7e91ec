"""The stage gives the samples that Spleeter's own program gives, which recipes/separate/recorded.py recorded."""

import json
from pathlib import Path

import numpy as np
import pytest

from components.separate.network import load_network
from components.separate.separate import Options, results
from recipes.separate.recorded import CASES, STRIDE
from tests.components.separate.models import in_blocks

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text())


@pytest.mark.parametrize("name", CASES)
def test_it_gives_spleeter_s_own_samples(name: str, tmp_path: Path) -> None:
    case, wanted = CASES[name], RECORDED[name]
    network, waveform = load_network(case.model(tmp_path)), case.waveform()
    for stereo in (True, False):
        found = np.concatenate(list(results(in_blocks(waveform), network, Options(stereo), keep_other=True)), axis=1)
        assert found.shape == (2, case.samples, 1 + stereo)
        spleeter = np.array(wanted["samples"])
        assert np.max(np.abs(found[:, ::STRIDE] - (spleeter if stereo else spleeter.mean(axis=2, keepdims=True)))) <= 1e-5
        if stereo:
            assert np.std(found, axis=(1, 2)) == pytest.approx(wanted["rms"], rel=1e-4)
