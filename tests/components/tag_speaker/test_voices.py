"""Which clips are one voice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.tag_speaker.voices import similarities, voices_of


def units(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def by_definition(vectors: np.ndarray, seconds: np.ndarray, similarity: float) -> set[frozenset[int]]:
    """Joins the two groups with the greatest mean cosine, again and again."""
    groups = [[i] for i in range(len(vectors))]
    cosines = vectors @ vectors.T

    def mean(a: list[int], b: list[int]) -> float:
        weights = np.outer(seconds[a], seconds[b])
        return float((weights * cosines[np.ix_(a, b)]).sum() / weights.sum())

    while len(groups) > 1:
        best, i, j = max((mean(groups[i], groups[j]), i, j) for i in range(len(groups)) for j in range(i))
        if best < similarity:
            break
        groups[j] += groups.pop(i)
    return {frozenset(g) for g in groups}


def as_sets(labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist())}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 18), st.floats(0.1, 0.95))
def test_groups_are_those_of_average_linkage(seed: int, count: int, similarity: float) -> None:
    rng = np.random.default_rng(seed)
    centers = rng.random((4, 16)) ** 4
    vectors = units(centers[rng.integers(4, size=count)] + 0.3 * rng.random((count, 16)))
    seconds = rng.uniform(0.3, 15, count)
    assert as_sets(voices_of(vectors, seconds, similarity)) == by_definition(vectors, seconds, similarity)


def test_clips_that_are_the_same_are_one_voice_and_the_order_does_not_matter() -> None:
    vectors = units(np.repeat(np.eye(3, 8) + 0.1, [5, 4, 3], axis=0))
    order = np.random.default_rng(1).permutation(12)
    groups = as_sets(voices_of(vectors[order], np.ones(12), 0.9))
    assert {frozenset(order[list(g)].tolist()) for g in groups} == {frozenset(range(5)), frozenset(range(5, 9)), frozenset(range(9, 12))}


def test_no_clip_is_no_voice() -> None:
    assert len(voices_of(np.zeros((0, 256)), np.zeros(0), 0.5)) == 0


def test_a_noisy_clip_is_as_similar_as_the_voice_it_belongs_to() -> None:
    rng = np.random.default_rng(3)
    host, guest = units(rng.random((2, 256)) ** 8)
    clips = units(np.array([host + k * 0.012 * rng.random(256) for k in range(8)] + [guest + 0.02 * rng.random(256) for _ in range(3)]))
    found = similarities(clips, np.ones(11), host, 0.76)
    assert found[:8] == pytest.approx(found[0])
    assert float(clips[7] @ host) < found[7]
    assert found[8:].max() < 0.5 < 0.9 < found[:8].min()
