"""Windows of 10 s become one answer for the whole recording, whatever its length and blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.diarize.activity import activity, changes, frames_in, seconds
from components.diarize.segmentation import FIRST_SAMPLE, FRAMES, STEP_SAMPLES


def loud(windows):
    """A network that hears one speaker where the sample in the middle of a frame is 1, two where it is 2."""
    middles = windows[:, FIRST_SAMPLE + STEP_SAMPLES * np.arange(FRAMES)]
    classes = np.zeros((*middles.shape, 7), np.float32)
    for number, heard in enumerate((0, 1, 4)):
        classes[..., heard] = middles == number
    return classes


def heard(signal, block=16_000, spoken=None):
    frames = frames_in(len(signal))
    where = np.ones(frames, bool) if spoken is None else spoken
    return activity((signal[i : i + block] for i in range(0, len(signal), block)), len(signal), where, loud)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 40 * 16_000), st.sampled_from([997, 16_000, 10**7]), st.integers(0, 99))
def test_every_frame_is_heard_where_it_is(samples, block, seed):
    signal = np.repeat(np.random.default_rng(seed).integers(0, 3, samples // 3000 + 1), 3000)[:samples].astype(np.float32)
    found = heard(signal, block)
    expected = signal[FIRST_SAMPLE + STEP_SAMPLES * np.arange(frames_in(samples))]
    np.testing.assert_allclose(found.speech, expected > 0, atol=1e-6)
    np.testing.assert_allclose(found.overlap, expected == 2, atol=1e-6)


def test_windows_without_speech_are_not_heard():
    calls = []
    signal = np.ones(60 * 16_000, np.float32)
    spoken = np.zeros(frames_in(len(signal)), bool)
    spoken[3000:3010] = True
    found = activity(iter([signal]), len(signal), spoken, lambda windows: calls.append(len(windows)) or loud(windows))
    assert sum(calls) == 4
    assert found.speech[3000:3010].min() == 1 and found.speech[:2000].max() == 0


def test_a_change_is_in_the_middle_of_the_pause_between_two_speakers():
    speakers = np.zeros((FRAMES, 3))
    speakers[10:100, 1] = speakers[140:200, 2] = speakers[260:300, 2] = 0.9
    classes = np.zeros((FRAMES, 7), np.float32)
    classes[:, 1:4] = speakers
    classes[:, 0] = 1 - speakers.sum(axis=1)
    assert np.flatnonzero(changes(classes)).tolist() == [119]


def test_frames_begin_where_their_neighbors_end():
    times = seconds(np.arange(5))
    assert np.diff(times) == pytest.approx(STEP_SAMPLES / 16_000)
