"""What is found in the mean of the channels goes from both, and from nothing else."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.separate.known import subtracted, without
from components.separate.network import Network
from components.separate.separate import Options, separate
from components.separate.tones import tones
from components.shared.audio import Samples
from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.steps import Prepared, Sound, Step, Stream
from tests.artifacts import write_flac, write_recordings

CODE = """
import sys
from pathlib import Path
from components.separate.known import without
from components.separate.sfx import sfx
from components.separate.tones import tones
source, effects = map(Path, sys.argv[1:])
recording, removed = without(source, (tones(), sfx(effects)), lambda _: None)
print(sum(map(len, recording)), *sorted({row.filter for row in removed}))
print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")))
"""


def noise(samples: int, channels: int, seed: int = 0) -> Samples:
    return (0.1 * np.random.default_rng(seed).standard_normal((samples, channels))).astype(np.float32)


def in_blocks(samples: Samples, size: int) -> Iterator[Samples]:
    return (samples[i : i + size] for i in range(0, len(samples), size))


def minus_a_tenth(size: int, held: int) -> Step:
    """A step that takes 0.1 from every sample, in blocks of its own size, and lags behind its input."""

    def run(stream: Stream) -> Stream:
        waiting = np.zeros(0)
        for block in stream:
            waiting = np.concatenate([waiting, block])
            while len(waiting) >= size + held:
                yield waiting[:size] - 0.1
                waiting = waiting[size:]
        yield waiting - 0.1

    return Step(lambda _: Prepared(run))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5000), st.integers(1, 2000), st.integers(1, 700), st.integers(0, 3000), st.integers(1, 2))
def test_each_channel_loses_what_the_mean_loses(length: int, block: int, size: int, held: int, channels: int) -> None:
    samples = noise(length, channels)
    filter_ = minus_a_tenth(size, held).prepare(Sound("", lambda: iter([]), length, ())).filter
    found = np.concatenate(list(subtracted(in_blocks(samples, block), filter_)))
    assert found.shape == samples.shape and found.dtype == np.float32
    assert np.allclose(found, samples - 0.1, atol=1e-6)


def test_where_nothing_is_removed_no_bit_changes() -> None:
    samples = noise(100_000, 2)
    assert np.array_equal(np.concatenate(list(subtracted(in_blocks(samples, 777), lambda stream: stream))), samples)


def test_what_the_analyses_read_is_told(tmp_path: Path) -> None:
    source, told = write_flac(tmp_path / "show.flac", noise(SAMPLE_RATE_HZ, 2)), []

    def prepare(sound: Sound) -> Prepared:
        assert (sound.recording, sound.samples) == ("show", SAMPLE_RATE_HZ)
        assert sum(map(len, sound.stream())) == SAMPLE_RATE_HZ
        return Prepared(lambda stream: stream)

    recording, removed = without(source, [Step(prepare, passes=1)], told.append)
    assert sum(told) == pytest.approx(1) and removed == ()
    assert sum(map(len, recording)) == SAMPLE_RATE_HZ


def test_memory_is_flat_in_the_length(tmp_path: Path) -> None:
    burst = np.random.default_rng(1).normal(0, 0.1, SAMPLE_RATE_HZ)
    write_recordings(tmp_path / "kit", {"burst": burst})
    peaks = []
    for seconds in (90, 270):
        sound = noise(seconds * SAMPLE_RATE_HZ, 1)[:, 0] / 10
        sound += 0.01 * np.sin(2 * np.pi * 6000 * np.arange(len(sound)) / SAMPLE_RATE_HZ)
        sound[10 * SAMPLE_RATE_HZ : 11 * SAMPLE_RATE_HZ] += burst
        command = [sys.executable, "-c", CODE, write_flac(tmp_path / "show.flac", sound), tmp_path / "kit"]
        found, kilobytes = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
        assert found == f"{len(sound)} sfx tones"
        peaks.append(int(kilobytes) / 1000)
    assert peaks[1] - peaks[0] < 0.25 * 180 * SAMPLE_RATE_HZ * 8 / 1e6, "a quarter of the sound itself"


@pytest.mark.parametrize("whistle", [0.0, 0.01])
def test_the_progress_of_a_recording_adds_up_to_its_length(tmp_path: Path, network: Network, whistle: float) -> None:
    sound = noise(25 * SAMPLE_RATE_HZ, 2) / 10
    sound += whistle * np.sin(2 * np.pi * 6000 * np.arange(len(sound)) / SAMPLE_RATE_HZ)[:, None].astype(np.float32)
    source, told = write_flac(tmp_path / "show.flac", sound), list[float]()
    found = separate(source, tmp_path / "speech.flac", None, network, Options(before=(tones(),)), told.append)
    assert len(found.removed) == (whistle > 0)
    assert sum(told) == pytest.approx(25) and min(told) >= 0
