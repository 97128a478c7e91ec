"""The scores of Microsoft's own code, window by window."""

import numpy as np
import pytest

from components.shared import dnsmos
from components.shared.dnsmos import RATE_HZ, WINDOW, Dnsmos, load_dnsmos, windows_of
from components.shared.task import StageError
from tests.components.tag_quality.peer import package
from tests.components.tag_quality.sounds import speech_like


@pytest.fixture(scope="module")
def network() -> Dnsmos:
    return load_dnsmos()


@pytest.mark.parametrize("seconds", [0.7, 4.0, 9.5, 11.3])
def test_the_scores_are_those_of_microsoft_s_package(network: Dnsmos, seconds: float) -> None:
    sound = speech_like(seconds, RATE_HZ).astype(np.float32)
    theirs = package()(sound, RATE_HZ, False)
    assert network.score(sound) == pytest.approx([theirs["sig_mos"], theirs["bak_mos"], theirs["ovrl_mos"]], abs=1e-4)


@pytest.mark.parametrize(("seconds", "windows"), [(0.3, 1), (4.0, 7), (5.0, 1), (9.01, 1), (10.5, 1), (11.0, 2), (15.0, 6)])
def test_windows_are_counted_by_whole_seconds_and_short_sounds_doubled(seconds: float, windows: int) -> None:
    found = list(windows_of(np.arange(round(seconds * RATE_HZ), dtype=np.float32), RATE_HZ))
    assert len(found) == windows
    assert all(len(w) == WINDOW for w in found)
    assert found[-1][0] == (windows - 1) * RATE_HZ % round(seconds * RATE_HZ)


def test_a_longer_hop_hears_fewer_windows_of_the_same_seconds() -> None:
    sound = np.arange(20 * RATE_HZ, dtype=np.float32)
    assert [w[0] / RATE_HZ for w in windows_of(sound, 3 * RATE_HZ)] == [0, 3, 6, 9]


def test_noise_costs_background_and_overall(network: Dnsmos) -> None:
    clean = speech_like(9.1, RATE_HZ)
    noisy = clean + 0.03 * np.random.default_rng(1).standard_normal(len(clean))
    before, after = network.score(clean), network.score(np.clip(noisy, -1, 1))
    assert after.bak < before.bak - 0.3
    assert after.ovrl < before.ovrl


def test_another_network_than_the_numbers_are_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    other = dnsmos.network_path().with_name("model_v8.onnx")
    monkeypatch.setattr(dnsmos, "network_path", lambda: other)
    with pytest.raises(StageError, match="found another: install this stage again"):
        load_dnsmos()
