"""The scores of Microsoft's own code, window by window."""

import numpy as np
import pytest

from components.shared import dnsmos, dnsmos_network
from components.shared.dnsmos import RATE_HZ, Dnsmos, load_dnsmos, window_starts
from components.shared.dnsmos_network import GRID, WINDOW
from components.shared.task import StageError
from tests.components.tag_quality.peer import package
from tests.components.tag_quality.sounds import speech_like


@pytest.fixture(scope="module")
def network() -> Dnsmos:
    return load_dnsmos()


def theirs(sound: np.ndarray) -> list[float]:
    """The scores of Microsoft's package."""
    found = package()(sound, RATE_HZ, False)
    return [found["sig_mos"], found["bak_mos"], found["ovrl_mos"]]


@pytest.mark.parametrize("seconds", [9.01, 9.5, 11.3, 14.0])
def test_the_scores_are_those_of_microsoft_s_package(network: Dnsmos, seconds: float) -> None:
    sound = speech_like(seconds, RATE_HZ).astype(np.float32)
    assert network.score(sound) == pytest.approx(theirs(sound), abs=1e-4)


@pytest.mark.parametrize("frames", [1, 2, 71, 400, 511, 513, 883, 885, 889])
def test_a_short_sound_is_repeated_to_one_window(network: Dnsmos, frames: int) -> None:
    sound = speech_like(frames / 100, RATE_HZ).astype(np.float32)
    assert network.score(sound) == pytest.approx(theirs(np.resize(sound, WINDOW)), abs=1e-4)


def test_less_than_a_frame_at_the_end_of_a_short_sound_is_ignored(network: Dnsmos) -> None:
    sound = speech_like(2.0, RATE_HZ).astype(np.float32)
    assert network.score(np.append(sound, np.full(159, 0.5, np.float32))) == network.score(sound)


@pytest.mark.parametrize("hop", [GRID * 3, 16_000, 7_777])
def test_windows_that_share_their_work_are_those_of_the_whole_network(network: Dnsmos, monkeypatch: pytest.MonkeyPatch, hop: int) -> None:
    sound = speech_like(11.4, RATE_HZ).astype(np.float32) + np.linspace(0, 0.02, round(11.4 * RATE_HZ), dtype=np.float32)
    starts = range(0, len(sound) - WINDOW, hop)
    alone = np.concatenate([network.network.outputs(sound[start : start + WINDOW], [0]) for start in starts])
    monkeypatch.setattr(dnsmos_network, "CHUNK_COLUMNS", 17)
    assert network.network.outputs(sound, starts) == pytest.approx(alone, abs=1e-5)


@pytest.mark.parametrize(("seconds", "windows"), [(9.01, 1), (10.5, 1), (11.0, 2), (15.0, 6)])
def test_windows_are_counted_by_whole_seconds(seconds: float, windows: int) -> None:
    assert list(window_starts(round(seconds * RATE_HZ), RATE_HZ)) == [n * RATE_HZ for n in range(windows)]


@pytest.mark.parametrize("seconds", [9.01, 9.2, 20.0])
def test_no_window_of_a_short_hop_reaches_beyond_the_sound(seconds: float) -> None:
    samples = round(seconds * RATE_HZ)
    assert window_starts(samples, RATE_HZ // 10)[-1] + WINDOW <= samples


def test_a_longer_hop_hears_fewer_windows_of_the_same_seconds() -> None:
    assert [start / RATE_HZ for start in window_starts(20 * RATE_HZ, 3 * RATE_HZ)] == [0, 3, 6, 9]


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
