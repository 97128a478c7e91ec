"""Patches cover a signal, whatever blocks it comes in, and hold the sound at its place and pitch."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from components.shared.mel import FRAME, RATE_HZ
from components.tag_events.mel import BANDS, PATCH_FRAMES, log_mel, patches, patches_in


def noise(samples: int) -> np.ndarray:
    return np.random.default_rng(samples).normal(0, 0.1, samples).astype(np.float32)


def sine(frequency_hz: float, seconds: float) -> np.ndarray:
    return np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ).astype(np.float32)


@example(samples=20_161, hop=10, batch=1, block=1000)  # the rest is longer than a batch's patches, yet shorter than its frames
@given(st.integers(0, 5 * RATE_HZ), st.integers(10, PATCH_FRAMES), st.integers(1, 9), st.integers(1, 3 * RATE_HZ))
def test_patches_are_the_same_in_any_blocks_and_batches(samples: int, hop: int, batch: int, block: int) -> None:
    sound = noise(samples)
    whole = np.concatenate(list(patches([sound], hop, 1000)))
    found = list(patches((sound[i : i + block] for i in range(0, samples, block)), hop, batch))
    assert len(whole) == patches_in(samples, hop)
    assert all(len(p) <= batch for p in found)
    np.testing.assert_allclose(np.concatenate(found), whole, atol=2e-6)


@pytest.mark.parametrize("samples", [300, 15_000, 15_360, 15_361, 100_000])
def test_the_last_patch_holds_the_end_of_the_signal(samples: int) -> None:
    hop, sound = 48, np.zeros(samples, np.float32)
    sound[-200:] = 0.5
    found = np.concatenate(list(patches([sound], hop, 64)))
    assert found[-1].max() > found[-1].min() + 1
    assert (len(found) - 1) * hop * FRAME < samples


def test_a_tone_is_in_the_band_of_its_pitch_and_the_frames_of_its_time() -> None:
    sound = np.concatenate([np.zeros(RATE_HZ, np.float32), sine(440, 1), np.zeros(RATE_HZ, np.float32)])
    found = log_mel(sound)
    loud = np.flatnonzero(found.max(axis=1) > np.log(0.1))
    assert 97 <= loud[0] <= 100 and 198 <= loud[-1] <= 200
    pitches = [int(log_mel(sine(hz, 0.5))[10].argmax()) for hz in (150, 440, 1000, 3000, 7000)]
    assert pitches == sorted(set(pitches)) and pitches[0] < 3 and pitches[-1] > BANDS - 5


def test_silence_is_the_floor() -> None:
    np.testing.assert_allclose(log_mel(np.zeros(RATE_HZ, np.float32)), np.log(0.001))
