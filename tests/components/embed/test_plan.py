"""Laws of where windows lie, for any segments."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.embed.plan import MAX_GAP_FRAMES, MIN_FRAMES, WINDOW_FRAMES, frames_in, seconds, stretches, windows_of
from components.embed.settings import check_settings
from components.shared.rows import SAMPLE_RATE_HZ, Segment
from components.shared.task import StageError

LABELS = st.sampled_from(["speech", "speech", "music", "noise", "silence"])
PARTS = st.lists(st.tuples(LABELS, st.integers(1, 40 * SAMPLE_RATE_HZ // 10)), max_size=12)
HOPS = st.floats(0.01, 1.6)


def segments_of(parts):
    edges = np.cumsum([0, *(length for _, length in parts)])
    bounds = zip(parts, edges[:-1], edges[1:], strict=True)
    rows = [Segment("r", a / SAMPLE_RATE_HZ, b / SAMPLE_RATE_HZ, label, "") for (label, _), a, b in bounds]
    return rows, int(edges[-1])


@settings(deadline=None)
@given(PARTS, HOPS)
def test_windows_lie_in_speech_in_order_and_cover_all_of_it(parts, hop_seconds):
    rows, samples = segments_of(parts)
    frames = frames_in(samples)
    speech = stretches(rows, frames)
    windows = windows_of(speech, hop_seconds)
    assert all(0 <= a < b <= frames and seconds(b) <= samples / SAMPLE_RATE_HZ for a, b in windows)
    assert (np.diff(windows, axis=0) >= 0).all() and len(np.unique(windows, axis=0)) == len(windows)
    covered, said = np.zeros(frames + 1, bool), np.zeros(frames + 1, bool)
    for a, b in windows:
        covered[a:b] = True
    for row in rows:
        if row.label == "speech":
            a, b = (min(frames, round(t * 100)) for t in (row.start, row.end))
            said[a:b] = True
    for start, end in speech:
        inside = covered[start:end]
        assert inside.all() if end - start >= MIN_FRAMES else not inside.any()
        assert said[start] and said[end - 1]
    for a, b in windows:
        gaps = np.diff(np.flatnonzero(np.r_[True, said[a:b], True])) - 1
        assert gaps.max() <= MAX_GAP_FRAMES, "no window holds a longer pause"


@settings(deadline=None)
@given(st.integers(0, 5000), HOPS)
def test_windows_of_a_stretch_are_of_1_6_seconds_and_at_most_a_hop_apart(frames, hop_seconds):
    windows = windows_of(np.array([[7, 7 + frames]]), hop_seconds)
    if frames < WINDOW_FRAMES:
        assert windows.tolist() == ([[7, 7 + frames]] if frames >= MIN_FRAMES else [])
    else:
        assert (np.diff(windows) == WINDOW_FRAMES).all()
        assert np.diff(windows[:, 0]).max(initial=0) <= round(hop_seconds * 100)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"hop_seconds": 0.0}, "embed_hop_seconds: expected 0.01 to 1.6, found 0"),
        ({"hop_seconds": 1.7}, "embed_hop_seconds"),
        ({"hop_seconds": float("nan")}, "embed_hop_seconds"),
        ({"batch_windows": 0}, "embed_batch_windows: expected 1 to 4096, found 0"),
        ({"threads": -1}, "embed_threads"),
        ({"engine": "ecapa"}, "parameter embed_engine: expected campplus or resemblyzer, found ecapa"),
    ],
)
def test_settings_out_of_range_are_named(wrong, message):
    with pytest.raises(StageError, match=message):
        check_settings(**{"engine": "campplus", "hop_seconds": 0.4, "batch_windows": 64, "threads": 0} | wrong)
