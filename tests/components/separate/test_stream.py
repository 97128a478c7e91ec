"""The stream gives the same samples at any length, whatever its blocks. test_spleeter.py compares them with Spleeter's."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.separate.network import Network, load_network
from components.separate.separate import Options, results
from components.shared.audio import Samples
from tests.components.separate.models import SMALL, in_blocks, sound, write_model


def streamed(samples: Samples, network: Network, options: Options, block: int = 7777) -> Samples:
    """Speech and accompaniment, shaped (2, samples, channels)."""
    return np.concatenate(list(results(in_blocks(samples, block), network, options, keep_other=True)), axis=1)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 60_000), st.integers(1, 30_000), st.integers(1, 5), st.booleans())
def test_blocks_and_batches_change_neither_length_nor_samples(
    network: Network, length: int, block: int, segments: int, stereo: bool
) -> None:
    samples = sound(length, 2, length)
    found, plain = (streamed(samples, network, Options(stereo, segments=n), size) for n, size in ((segments, block), (1, length)))
    assert found.shape == (2, length, 1 + stereo)
    assert np.max(np.abs(found - plain)) <= 1e-6


def test_a_recording_without_samples_gives_none(network: Network) -> None:
    assert list(results(iter([]), network, Options(), True)) == []
    assert list(results(iter([np.zeros((0, 2), np.float32)]), network, Options(), True)) == []


@pytest.mark.parametrize("channel", [0, 1])
def test_a_voice_beside_a_silent_channel_stays(network: Network, channel: int) -> None:
    alone = np.zeros((50_000, 2), np.float32)
    alone[:, channel] = sound(50_000, 1)[:, 0]
    speech, other = streamed(alone, network, Options())[:, :, 0]
    assert np.std(speech) > 0.05 * np.std(alone.mean(axis=1)), "the mean of the channels, as far as the mask of the one with sound lets it"
    assert np.std(speech + other) > 0.8 * np.std(alone.mean(axis=1))


def test_more_channels_than_the_network_has_are_refused(network: Network) -> None:
    with pytest.raises(ValueError, match="one or two channels, found 6"):
        list(results(iter([np.zeros((100, 6), np.float32)]), network, Options(), True))


def test_speech_and_accompaniment_are_the_mix_inside_the_band(tmp_path: Path) -> None:
    samples = sound(50_000, 2)
    extended = load_network(write_model(tmp_path, SMALL | {"mask_extension": "average"}))
    assert np.max(np.abs(streamed(samples, extended, Options(stereo=True)).sum(axis=0) - samples)) <= 1e-5


def test_above_the_band_both_are_silent(network: Network) -> None:
    assert network.config.band_hz == pytest.approx(11_025)
    both = streamed(sound(100_000, 1), network, Options())[:, 20_000:80_000, 0]
    powers = np.abs(np.fft.rfft(both * np.hanning(60_000))) ** 2
    border = round(network.config.band_hz / 44_100 * 60_000)
    assert np.all(powers[:, border + 600 :].mean(axis=1) < 1e-6 * powers[:, : border - 600].mean(axis=1))
