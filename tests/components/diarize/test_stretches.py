"""Stretches of one person and turns, from probabilities whose truth is known."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.diarize.activity import Activity, seconds
from components.diarize.stretches import NEAR_FRAMES, PAUSE_FRAMES, change_points, spoken, stretches, turns_of
from components.shared.rows import SAMPLE_RATE_HZ, Segment

FRAMES = 1000


def heard(*spans, overlap=(), change=()):
    """Speech in spans of frames, overlap likewise, and changes of speaker on which all windows agree."""
    speech, two, other = (np.zeros(FRAMES, np.float32) for _ in range(3))
    for a, b in spans:
        speech[a:b] = 0.9
    for a, b in overlap:
        two[a:b] = 0.9
    other[list(change)] = 1
    return Activity(speech, two, other)


def found(activity, where=None):
    return stretches(activity, np.ones(FRAMES, bool) if where is None else where).tolist()


def test_a_short_pause_does_not_end_a_stretch_and_a_long_one_does():
    assert found(heard((10, 100), (100 + PAUSE_FRAMES, 200))) == [[10, 200]]
    assert found(heard((10, 100), (101 + PAUSE_FRAMES, 200))) == [[10, 100], [101 + PAUSE_FRAMES, 200]]


def test_a_change_of_speaker_ends_a_stretch_also_in_a_short_pause():
    assert found(heard((10, 200), change=[120])) == [[10, 120], [121, 200]]
    assert found(heard((10, 100), (110, 200), change=[105])) == [[10, 100], [110, 200]]


def test_overlap_and_music_are_in_no_stretch():
    assert found(heard((10, 300), overlap=[(100, 140)])) == [[10, 100], [140, 300]]
    where = np.ones(FRAMES, bool)
    where[150:600] = False
    assert found(heard((10, 300)), where) == [[10, 150]]


def test_windows_that_put_a_change_a_little_apart_mean_the_same_one():
    votes = np.zeros(FRAMES, np.float32)
    votes[[300, 306, 310]] = 0.25
    assert len(change_points(votes)) == 1 and abs(change_points(votes)[0] - 305) <= NEAR_FRAMES
    votes[:] = 0
    votes[[300, 340]] = 0.25
    assert len(change_points(votes)) == 0, "a quarter of the windows is no majority"


def test_speech_is_where_segment_hears_no_music_and_no_noise():
    rows = [Segment("r", 0, 2, "music", ""), Segment("r", 2, 4, "speech", "male"), Segment("r", 4, 5, "silence", "")]
    where = spoken([*rows, Segment("r", 5, 6, "noise", "")], 300)
    times = seconds(np.arange(300))
    np.testing.assert_array_equal(where[np.abs(times - 2) > 0.02], ((times >= 2) & (times < 5))[np.abs(times - 2) > 0.02])
    assert not spoken(rows[:1], 300).any()


def turns(parts, voices, overlaps=()):
    edges = np.array(overlaps, np.int64).reshape(-1, 2)
    rows = turns_of("r", 10**9, np.array(parts), np.array(voices), edges)
    frames = [(round((t * 16_000 - 495) / 270 + 0.5) for t in (row.start, row.end)) for row in rows]
    return [(*pair, row.voice) for pair, row in zip(frames, rows, strict=True)]


def test_a_turn_goes_on_over_a_pause_in_which_nobody_else_speaks():
    assert turns([(10, 100), (120, 200)], [0, 0]) == [(10, 200, 0)]
    assert turns([(10, 100), (160, 200)], [0, 0]) == [(10, 100, 0), (160, 200, 0)]
    assert turns([(10, 100), (105, 115), (120, 200)], [0, 1, 0]) == [(10, 100, 0), (105, 115, 1), (120, 200, 0)]


def test_in_an_overlap_the_voices_on_both_sides_speak():
    assert turns([(10, 100), (140, 200)], [0, 1], [(100, 140)]) == [(10, 140, 0), (100, 200, 1)]


def test_somebody_unknown_speaks_into_the_turn_of_one_voice():
    assert turns([(10, 100), (140, 200)], [0, 0], [(100, 140)]) == [(10, 200, 0), (100, 140, -1)]
    assert turns([(10, 100)], [0], [(100, 120)]) == [(10, 120, 0), (100, 120, -1)]


def test_somebody_who_says_yes_twice_does_not_speak_in_between():
    said = turns([(0, 100), (120, 140), (160, 300)], [0, 0, 0], [(100, 120), (140, 160)])
    assert said == [(0, 300, 0), (100, 120, -1), (140, 160, -1)]


def test_a_recording_that_is_all_overlap_is_one():
    assert turns(np.zeros((0, 2), np.int64), np.zeros(0, np.int64), [(60, 600)]) == [(60, 600, -1), (60, 600, 0)]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 80), st.integers(1, 60), st.integers(0, 2), st.booleans()), max_size=12))
def test_turns_are_ordered_and_hold_every_stretch_and_overlap(parts):
    at, spans, voices, overlaps = 0, [], [], []
    for length, gap, voice, overlap in parts:
        spans.append((at, at + length))
        voices.append(voice)
        if overlap:
            overlaps.append((at + length, at + length + gap))
        at += length + gap
    said = turns(np.array(spans, np.int64).reshape(-1, 2), voices, overlaps)
    assert said == sorted(said, key=lambda t: t[0])
    for (start, end), voice in zip(spans, voices, strict=True):
        assert any(a <= start and end <= b and v == voice for a, b, v in said)
    for start, end in overlaps:
        assert len({v for a, b, v in said if a <= start and end <= b}) == 2
    for v in {v for _, _, v in said}:
        own = [(a, b) for a, b, voice in said if voice == v]
        assert all(x[1] <= y[0] for x, y in pairwise(own)), "the turns of a voice do not overlap"


def test_turns_end_with_the_recording():
    (row,) = turns_of("r", 44_100, np.array([[0, 500]]), np.array([0]), np.zeros((0, 2), np.int64))
    assert row.start == pytest.approx(0.0225, abs=1 / SAMPLE_RATE_HZ) and row.end == 1.0
