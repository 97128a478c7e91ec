"""Holes in the timestamps of frames, whatever the length of the frames, and however they jitter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.download.timeline import LEAST_SECONDS, MOST_SECONDS, timeline

FRAME = 0.02


def frames(*changes: tuple[int, float], count: int = 400, start: float = 0.0) -> list[tuple[float, float]]:
    """Frames whose timestamps change by some seconds from a frame on."""
    shifts = np.zeros(count)
    for frame, seconds in changes:
        shifts[frame:] += seconds
    return [(start + n * FRAME + shift, FRAME) for n, shift in enumerate(shifts)]


@settings(deadline=None, max_examples=50)
@given(
    holes=st.lists(st.tuples(st.integers(1, 3), st.floats(0.2, 100)), max_size=3, unique_by=lambda hole: hole[0]),
    start=st.floats(-1, 1e5),
    jitter=st.floats(0, 0.045),
    seed=st.integers(0, 100),
)
def test_every_hole_is_found_and_jitter_is_none(holes: list[tuple[int, float]], start: float, jitter: float, seed: int) -> None:
    given_frames = frames(*((100 * at, seconds) for at, seconds in holes), start=start)
    late = jitter * np.random.default_rng(seed).random(len(given_frames))
    late[0] = 0
    found = timeline((t + j, s) for (t, s), j in zip(given_frames, late, strict=True))
    assert [round(before / FRAME) for before, _ in found.holes] == [100 * at for at, _ in sorted(holes)]
    found_in_all = np.cumsum([seconds for _, seconds in found.holes])
    np.testing.assert_allclose(found_in_all, np.cumsum([seconds for _, seconds in sorted(holes)]), atol=LEAST_SECONDS)


def test_a_slow_drift_is_filled_in_steps() -> None:
    drifting = [(n * FRAME * 1.001, FRAME) for n in range(50_000)]
    found = timeline(drifting)
    assert abs(sum(seconds for _, seconds in found.holes) - 1.0) < LEAST_SECONDS


@pytest.mark.parametrize("late", [(100, 0.4), (399, 0.15)])
def test_single_late_frames_are_no_hole(late: tuple[int, float]) -> None:
    one = frames()
    one[late[0]] = (one[late[0]][0] + late[1], FRAME)
    assert timeline(one).holes == []


@pytest.mark.parametrize("seconds", [-50.0, MOST_SECONDS + 1])
def test_a_jump_to_another_clock_is_told_and_later_holes_are_found(seconds: float) -> None:
    found = timeline(frames((100, seconds), (200, 3.0)))
    assert found.jumps == 1
    assert found.holes == [(pytest.approx(200 * FRAME), pytest.approx(3.0))]


def test_sound_before_zero_and_frames_without_timestamps_change_nothing() -> None:
    found = timeline([(-0.02, FRAME), (None, FRAME), (0.02, FRAME), (None, FRAME)])
    assert (found.holes, found.jumps, found.first) == ([], 0, -0.02)


def test_frames_of_several_seconds_are_compared_as_well() -> None:
    found = timeline([(0.0, 4.1), (4.1, 4.1), (12.2, 4.1), (16.3, 4.1)])
    assert found.holes == [(pytest.approx(8.2), pytest.approx(4.0))]
    assert timeline([(0.0, 4.1), (4.1, 4.1)]).holes == []
