"""Which clips are one voice, and clips relative to their voices."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.shared.rows import Clip
from components.shared.windows import Windows, WindowsWriter
from components.tag_tone.voices import clip_vectors, standardized, voices


def near(direction: int, spread: float, count: int, seed: int) -> np.ndarray:
    """Vectors of length 1 around an axis."""
    found = np.eye(256)[direction] + spread / 16 * np.random.default_rng(seed).standard_normal((count, 256))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_voices_are_told_apart_whatever_the_order() -> None:
    vectors = np.concatenate([near(0, 0.5, 20, 1), near(1, 0.5, 15, 2), near(2, 0.5, 3, 3)])
    truth = np.repeat([0, 1, 2], [20, 15, 3])
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(truth))
        found = voices(vectors[order], ["male"] * len(truth), 0.6)
        assert len(set(found)) == 3
        assert all(len(set(found[truth[order] == t])) == 1 for t in range(3))
        assert found[0] == 0


def test_one_voice_has_one_gender() -> None:
    assert list(voices(near(0, 0.1, 4, 1), ["male", "female", "male", "female"], 0.6)) == [0, 1, 0, 1]


def test_clips_without_windows_are_one_voice_a_gender() -> None:
    vectors = np.concatenate([near(0, 0.1, 2, 1), np.zeros((3, 256))])
    assert list(voices(vectors, ["male", "male", "male", "female", "female"], 0.6)) == [0, 0, 1, 2, 2]
    assert list(voices(np.zeros((0, 256)), [], 0.6)) == []


def test_a_clip_has_the_windows_that_lie_in_it(tmp_path: Path) -> None:
    starts = np.arange(0, 8, 0.4)
    axis = (starts >= 4).astype(int)
    with WindowsWriter(tmp_path) as file:
        file.write("a", Windows(starts, starts + 1.6, np.eye(256, dtype=np.float32)[axis], "resemblyzer"))
        file.write("b", Windows(starts[:1], starts[:1] + 1.6, np.eye(256, dtype=np.float32)[2:3], "resemblyzer"))
    spans = [("a", 0.0, 4.2), ("a", 5.0, 9.0), ("b", 0.1, 0.5), ("b", 3.0, 4.0), ("c", 0.0, 1.0)]
    found, voice_by = clip_vectors(tmp_path, [Clip(f"{r}-{a}", r, a, b, "", False) for r, a, b in spans])
    assert voice_by == "resemblyzer"
    assert found[:3] == pytest.approx(np.eye(256)[:3])
    assert not found[3:].any()


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
