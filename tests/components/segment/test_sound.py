"""A recording at 16 kHz is what ffmpeg makes of it."""

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from components.segment.sound import resampled, signal_of
from components.segment.windows import RATE_HZ
from components.shared.audio import decode
from components.shared.rows import SAMPLE_RATE_HZ

STEP = 1 / 32_768
"""From one 16-bit sample to the next."""
EDGE = 50
"""Samples at each end that differ: ffmpeg mirrors the sound there."""


def sweep(seconds, hz=20_000):
    """From 0 Hz to `hz`, so that a part of it is above what 16 kHz holds, over noise."""
    t = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return 0.4 * np.sin(np.pi * hz / seconds * t**2) + 0.01 * np.random.default_rng(0).standard_normal(len(t))


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("seconds", [0.003, 1.0, 21.3217])
def test_it_is_what_ffmpeg_gives(tmp_path, seconds, channels):
    path = tmp_path / "a.flac"
    soundfile.write(path, np.stack([sweep(seconds, hz) for hz in (20_000, 15_000)[:channels]], axis=1), SAMPLE_RATE_HZ, "PCM_16")
    found, expected = np.concatenate(list(signal_of(path))), np.concatenate(list(decode(path, RATE_HZ)))[:, 0]
    assert abs(len(found) - len(expected)) <= 1
    inner = slice(EDGE, min(len(found), len(expected)) - EDGE)
    np.testing.assert_allclose(found[inner], expected[inner], atol=1.5 * STEP)


@settings(deadline=None, max_examples=40)
@given(samples=st.integers(0, 20_000), block=st.integers(1, 5000))
def test_blocks_change_no_sample(samples, block):
    sound = sweep(1.0)[:samples].astype(np.float32)
    pieces = [np.zeros(0, np.float32), *resampled(sound[i : i + block] for i in range(0, samples, block))]
    whole = [np.zeros(0, np.float32), *resampled(iter([sound]))]
    np.testing.assert_allclose(np.concatenate(pieces), np.concatenate(whole), atol=1.5 * STEP)
    assert sum(map(len, pieces)) == -(-samples * RATE_HZ // SAMPLE_RATE_HZ)
