"""Which vectors are of one voice, whatever the length of the speech."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.shared import voices
from components.shared.encoders import ENCODERS
from components.shared.voices import WINDOW_SECONDS, added, corrected, groups

CAMPPLUS = ENCODERS["campplus"]
NUMBERS = 192


def windows(who: np.ndarray, seed: int, apart: float = 1.0) -> np.ndarray:
    """Vectors of length 1 of one window each: a voice plus an error of the size that the encoder's facts state."""
    rng = np.random.default_rng(seed)
    of = np.random.default_rng(9).standard_normal((int(who.max(initial=0)) + 1, NUMBERS))
    found = apart * of[who] + np.sqrt(CAMPPLUS.spread) * rng.standard_normal((len(who), NUMBERS))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def said(who: np.ndarray, counts: np.ndarray, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Sums of so many windows of each voice, and their seconds."""
    owner = np.repeat(np.arange(len(who)), counts)
    return added(windows(who[owner], seed), owner), counts * WINDOW_SECONDS


def as_sets(labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist())}


@pytest.mark.parametrize(("one", "other"), [(1, 1), (1, 300), (4, 20), (300, 300)])
def test_the_similarity_of_one_voice_does_not_depend_on_how_long_it_speaks(one: int, other: int) -> None:
    sums, seconds = said(np.array([0] * 40 + [0] * 40), np.array([one] * 40 + [other] * 40))
    units = corrected(sums, seconds, CAMPPLUS)
    assert np.mean(units[:40] @ units[40:].T) == pytest.approx(1, abs=0.06)


def test_two_voices_are_not_similar_however_short() -> None:
    sums, seconds = said(np.repeat([0, 1], 40), np.array([1, 50] * 40))
    units = corrected(sums, seconds, CAMPPLUS)
    assert np.abs(np.mean(units[:40] @ units[40:].T)) < 0.15


def test_words_and_long_speeches_of_three_people_are_told_apart_in_any_order() -> None:
    who, counts = np.repeat([0, 1, 2], [30, 20, 10]), np.random.default_rng(2).integers(1, 30, 60)
    sums, seconds = said(who, counts)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(60)
        found = groups(sums[order], seconds[order], CAMPPLUS)
        assert {frozenset(order[list(g)].tolist()) for g in as_sets(found)} == as_sets(who)
        assert found[0] == 0, "numbered in order of appearance"
        assert all(found[i] <= found[:i].max(initial=-1) + 1 for i in range(60))


def by_definition(sums: np.ndarray, seconds: np.ndarray, similarity: float) -> set[frozenset[int]]:
    """Joins the two most similar groups, again and again."""
    parts = [[i] for i in range(len(sums))]
    while len(parts) > 1:
        units = corrected(np.array([sums[p].sum(axis=0) for p in parts]), np.array([seconds[p].sum() for p in parts]), CAMPPLUS)
        near = units @ units.T - 9 * np.eye(len(parts))
        i, j = sorted(divmod(int(np.argmax(near)), len(parts)))
        if near[i, j] < similarity:
            break
        parts[i] += parts.pop(j)
    return {frozenset(p) for p in parts}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 24), st.floats(0.1, 0.95))
def test_groups_are_those_of_joining_the_most_similar_two_again_and_again(seed: int, count: int, similarity: float) -> None:
    rng = np.random.default_rng(seed)
    sums, seconds = said(rng.integers(0, 4, count), rng.integers(1, 9, count), seed)
    assert as_sets(groups(sums, seconds, CAMPPLUS, similarity)) == by_definition(sums, seconds, similarity)


def test_more_voices_than_a_block_holds_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voices, "BLOCK", 50)
    who, counts = np.random.default_rng(3).integers(0, 6, 400), np.random.default_rng(4).integers(2, 9, 400)
    assert as_sets(groups(*said(who, counts), CAMPPLUS)) == as_sets(who)


def test_nothing_is_no_group_and_a_vector_of_zeros_is_alone() -> None:
    assert len(groups(np.zeros((0, NUMBERS)), np.zeros(0), CAMPPLUS)) == 0
    sums, seconds = said(np.zeros(3, int), np.array([5, 5, 5]))
    sums[1] = 0
    assert as_sets(groups(sums, seconds, CAMPPLUS)) == {frozenset({0, 2}), frozenset({1})}


def test_many_voices_are_told_apart_and_their_clips_joined_in_bounded_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voices, "BLOCK", 16)
    monkeypatch.setattr(voices, "MOST_GROUPS", 20)
    who = np.random.default_rng(3).permutation(np.arange(150) % 60)
    sums, seconds = said(who, np.full(150, 9))
    assert as_sets(groups(sums, seconds, CAMPPLUS)) == as_sets(who)
    middle = sums[:70], seconds[:70]
    near = voices.similarities((sums, seconds), middle, CAMPPLUS)
    places, most = voices.nearest((sums, seconds), middle, CAMPPLUS)
    assert np.array_equal(places, near.argmax(axis=1)) and np.allclose(most, near.max(axis=1))
