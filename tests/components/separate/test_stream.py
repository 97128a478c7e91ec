"""The stream gives what Spleeter's whole-file path gives, at any length, whatever its blocks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peer import OFFICIAL, SMALL, whole_file, write_model

from components.separate.network import Network, load_network
from components.separate.separate import Options, results
from components.shared.audio import Samples, decode
from tests.places import DATA

MUSIC = sorted((DATA / "music").glob("*.*"))
SEGMENT = SMALL["T"] * SMALL["frame_step"]


def sound(samples: int, channels: int, seed: int = 0) -> Samples:
    """Tones that come and go over noise, another mixture in each channel."""
    rng = np.random.default_rng(seed)
    time = np.arange(samples) / 44_100
    tones = np.sum([np.sin(2 * np.pi * f * time) * np.sin(2 * np.pi * f / 300 * time) for f in (220, 340, 1250, 5100)], axis=0)
    return (0.05 * tones[:, None] * rng.uniform(0.5, 1, channels) + 0.05 * rng.standard_normal((samples, channels))).astype(np.float32)


def in_blocks(samples: Samples, size: int = 7777) -> Iterator[Samples]:
    return (samples[i : i + size] for i in range(0, len(samples), size))


def streamed(samples: Samples, network: Network, options: Options, block: int = 7777) -> Samples:
    """Speech and accompaniment, shaped (2, samples, channels)."""
    return np.concatenate(list(results(in_blocks(samples, block), network, options, keep_other=True)), axis=1)


def difference(samples: Samples, folder: Path, network: Network) -> float:
    """Highest difference between Spleeter's samples and ours, stereo and mono, of both stems."""
    theirs = whole_file(folder, samples)
    speech = theirs.pop(network.config.instruments[network.config.speech])
    both = np.stack([speech, np.sum(list(theirs.values()), axis=0)])
    assert np.std(speech) > 0.1 * np.std(samples) and np.std(both[1]) > 0.1 * np.std(samples)  # no mask is constant or nothing
    stereo, mono = (streamed(samples, network, Options(stereo=stereo)) for stereo in (True, False))
    assert stereo.shape == (2, len(samples), 2) and mono.shape == (2, len(samples), 1)
    return float(max(np.max(np.abs(stereo - both)), np.max(np.abs(mono - both.mean(axis=2, keepdims=True)))))


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("length", [1, 300, 3 * SEGMENT - 255, 100_001])
def test_it_gives_spleeter_s_own_samples(folder: Path, network: Network, length: int, channels: int) -> None:
    assert difference(sound(length, channels), folder, network) <= 1e-5


@pytest.mark.parametrize(
    "changes",
    [
        {"separation_exponent": 1, "instrument_list": ["accompaniment", "speech"]},
        pytest.param({"instrument_list": ["vocals", "drums", "bass", "other"], "mask_extension": "average"}, marks=pytest.mark.slow),
        pytest.param(
            {
                "instrument_list": ["vocals", "piano", "drums", "bass", "other"],
                "model": {"type": "unet.softmax_unet", "params": {"conv_n_filters": [4, 8, 8, 8, 8, 8], "conv_activation": "ELU"}},
            },
            marks=pytest.mark.slow,
        ),
    ],
)
def test_any_configuration_of_spleeter_s_u_net_gives_its_samples(tmp_path: Path, changes: dict[str, Any]) -> None:
    folder = write_model(tmp_path, SMALL | changes)
    assert difference(sound(40_000, 2), folder, load_network(folder)) <= 1e-5


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Spleeter's 2stems-16kHz, with random weights."""
    return write_model(tmp_path_factory.mktemp("official"), OFFICIAL | {"F": 1536})


def test_the_official_size_gives_spleeter_s_samples(official: Path) -> None:
    assert difference(sound(20 * 44_100 + 17, 2), official, load_network(official)) <= 1e-4


@pytest.mark.skipif(not MUSIC, reason=f"no recordings at {DATA}")
@pytest.mark.parametrize("channels", [1, 2])
def test_a_minute_of_real_music_gives_spleeter_s_samples(official: Path, channels: int) -> None:
    network = load_network(official)
    minute = np.concatenate([b for path in MUSIC[4:7] for b in decode(path, 44_100, channels)])[: 60 * 44_100 + 123]
    assert len(minute) > 60 * 44_100
    assert difference(minute, official, network) <= 1e-4


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
