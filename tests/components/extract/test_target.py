"""Whose voice is wanted, and where others speak over it."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.extract.target import LEAST_SECONDS, MOST_SECONDS, overlaps, target_of
from components.shared.rows import SAMPLE_RATE_HZ, Turn, span
from components.shared.voices import Voice
from components.shared.windows import Windows

VECTORS = np.eye(4, 192, dtype=np.float32)


def turn(start: float, end: float, voice: int) -> Turn:
    return Turn("a", start, end, voice)


def windows(*voices: int) -> Windows:
    """A window of 1.6 s for each voice, one after the other; voice n has vector n."""
    starts = 1.6 * np.arange(len(voices))
    return Windows(starts, starts + 1.6, np.array(voices), VECTORS[list(voices)], "campplus")


def test_without_a_reference_the_host_is_wanted_who_speaks_most() -> None:
    target = target_of(windows(0, 1, 1, 2), None)
    assert target and target.voice == 1 and np.allclose(target.vector, VECTORS[1])


def test_with_a_reference_the_voice_like_it_is_wanted_and_nobody_if_none_is() -> None:
    target = target_of(windows(0, 1, 1, 2), Voice(30 * VECTORS[2].astype(float), 48.0))
    assert target and target.voice == 2 and np.allclose(target.vector, VECTORS[2])
    assert target_of(windows(0, 1, 1, 2), Voice(30 * VECTORS[3].astype(float), 48.0)) is None


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([turn(0, 5, 0), turn(2, 4, 1)], [(2.0, 4.0)]),
        ([turn(0, 5, 0), turn(2, 4, -1)], [(2.0, 4.0)]),
        ([turn(0, 5, 0), turn(1, 3, 1), turn(2, 4, 2)], [(1.0, 4.0)]),
        ([turn(0, 5, 0), turn(4.7, 9, 1)], []),
        ([turn(0, 5, 1), turn(2, 4, 2)], []),
        ([turn(0, 24, 0), turn(2, 23, 1)], [(2.0, 9.0), (9.0, 16.0), (16.0, 23.0)]),
    ],
    ids=["another voice", "an unknown voice", "two others", "too short", "two others alone", "long"],
)
def test_stretches_are_where_another_speaks_over_the_wanted_voice(turns: list[Turn], expected: list[tuple[float, float]]) -> None:
    assert [(a / SAMPLE_RATE_HZ, b / SAMPLE_RATE_HZ) for a, b in overlaps(turns, 0)] == expected


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 2500), st.integers(-1, 2)), max_size=30))
def test_stretches_are_in_order_and_lie_where_both_speak(given_turns: list[tuple[int, int, int]]) -> None:
    turns = sorted((turn(a / 100, (a + length) / 100, voice) for a, length, voice in given_turns), key=lambda t: t.start)
    found = overlaps(turns, 0)
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(found))
    for start, stop in found:
        assert LEAST_SECONDS / 2 <= (stop - start) / SAMPLE_RATE_HZ <= MOST_SECONDS + 1e-4
        for edge in (start, (start + stop) // 2, stop - 1):
            speaking = {t.voice for t in turns if span(t)[0] <= edge < span(t)[1]}
            assert 0 in speaking and len(speaking) > 1
