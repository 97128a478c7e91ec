"""Laws of where windows lie, for any stretches."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.diarize.settings import check_settings
from components.shared.task import StageError
from components.shared.window_plan import MIN_FRAMES, WINDOW_FRAMES, windows_of

PARTS = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 400)), max_size=12)
"""Pauses and lengths of stretches, in frames."""
HOPS = st.floats(0.01, 1.6)


@settings(deadline=None)
@given(PARTS, HOPS)
def test_windows_lie_in_one_stretch_each_in_order_and_cover_all_of_it(parts, hop_seconds):
    edges = np.cumsum([0, *(n for part in parts for n in part)])
    speech = edges[1:].reshape(-1, 2)
    windows, of = windows_of(speech, hop_seconds)
    assert len(windows) == len(of) and (np.diff(windows, axis=0) >= 0).all() and len(np.unique(windows, axis=0)) == len(windows)
    covered = np.zeros(edges[-1] + 1, bool)
    for (a, b), number in zip(windows, of, strict=True):
        assert speech[number, 0] <= a < b <= speech[number, 1]
        covered[a:b] = True
    for start, end in speech:
        inside = covered[start:end]
        assert inside.all() if end - start >= MIN_FRAMES else not inside.any()


@settings(deadline=None)
@given(st.integers(0, 5000), HOPS)
def test_windows_of_a_stretch_are_of_1_6_seconds_and_at_most_a_hop_apart(frames, hop_seconds):
    windows, _ = windows_of(np.array([[7, 7 + frames]]), hop_seconds)
    if frames < WINDOW_FRAMES:
        assert windows.tolist() == ([[7, 7 + frames]] if frames >= MIN_FRAMES else [])
    else:
        assert (np.diff(windows) == WINDOW_FRAMES).all()
        assert np.diff(windows[:, 0]).max(initial=0) <= round(hop_seconds * 100)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"hop_seconds": 0.0}, "diarize_hop_seconds: expected 0.01 to 1.6, found 0"),
        ({"hop_seconds": 1.7}, "diarize_hop_seconds"),
        ({"hop_seconds": float("nan")}, "diarize_hop_seconds"),
        ({"batch_windows": 0}, "diarize_batch_windows: expected 1 to 4096, found 0"),
        ({"threads": -1}, "diarize_threads"),
        ({"engine": "ecapa"}, "parameter diarize_engine: expected campplus or resemblyzer, found ecapa"),
    ],
)
def test_settings_out_of_range_are_named(wrong, message):
    with pytest.raises(StageError, match=message):
        check_settings(**{"engine": "campplus", "hop_seconds": 0.4, "batch_windows": 64, "threads": 0} | wrong)
