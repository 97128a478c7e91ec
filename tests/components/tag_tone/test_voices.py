"""Clips relative to their voices."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.shared.tone.voices import by_gender, standardized


def test_clips_without_a_voice_are_one_voice_a_gender() -> None:
    found = by_gender(np.array([0, 1, -1, -1, -1]), ["male", "male", "male", "female", "male"])
    assert found[:2].tolist() == [0, 1] and len(set(found.tolist())) == 4
    assert found[2] == found[4] != found[3]
    assert by_gender(np.zeros(0, int), []).tolist() == []


@given(st.integers(1, 6), st.integers(2, 30), st.integers(0, 1000))
def test_relative_to_its_voice_a_clip_does_not_tell_the_voice(count: int, clips: int, seed: int) -> None:
    values = np.random.default_rng(seed).standard_normal((clips, count))
    both = np.concatenate([values, 3 * values + 100])
    found = standardized(both, np.repeat([0, 1], clips), ["male"] * clips + ["female"] * clips, None)
    assert np.all(np.abs(found) <= 4)
    one, other = found[:clips], found[clips:]
    assert one.mean(axis=0) == pytest.approx(np.zeros(count), abs=1e-6)
    assert other.mean(axis=0) == pytest.approx(np.zeros(count), abs=1e-6)


def test_a_voice_of_one_clip_is_compared_with_the_others_of_its_gender() -> None:
    values = np.array([[100.0], [102.0], [98.0], [100.0], [130.0], [200.0], [201.0]])
    found = standardized(values, np.array([0, 0, 0, 0, 1, 2, 2]), ["male"] * 5 + ["female"] * 2, np.array([2.0]))
    assert found[4, 0] > 1
    assert np.all(np.abs(found[5:]) < 1)


def test_a_voice_that_is_always_the_same_is_not_blown_up() -> None:
    found = standardized(np.array([[1.0], [1.01], [0.99], [1.0]]), np.zeros(4, int), ["male"] * 4, np.array([1.0]))
    assert np.all(np.abs(found) < 0.05)
