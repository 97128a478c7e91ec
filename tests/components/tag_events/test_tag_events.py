"""Which patches are a clip's, and where an event begins and ends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.shared.events import BOUNDS
from components.shared.rows import SAMPLE_RATE_HZ, Clip
from components.tag_events.classes import EVENTS
from components.tag_events.mel import Patches
from components.tag_events.network import Network
from components.tag_events.tag_events import Heard, hear, hop_frames, of_clip, spans_of

CLASSES = [name for own in EVENTS.values() for name in own]


def louder_is_laughter(patches: Patches) -> np.ndarray:
    """Laughter is as probable as a patch has frames that are not silent."""
    found = np.zeros((len(patches), len(CLASSES)), np.float32)
    found[:, CLASSES.index("Laughter")] = (patches.max(axis=2) > np.log(0.01)).mean(axis=1)
    return found


NETWORK = Network("fake", CLASSES, louder_is_laughter, "nowhere")


def heard(seconds: float, *loud: tuple[float, float], hop: int = 48) -> Heard:
    sound = np.zeros(round(seconds * 16_000), np.float32)
    for start, end in loud:
        sound[round(start * 16_000) : round(end * 16_000)] = np.random.default_rng(0).normal(0, 0.3, round((end - start) * 16_000))
    return hear([sound], round(seconds * SAMPLE_RATE_HZ), NETWORK, hop)


def clip(start: float, end: float) -> Clip:
    return Clip("r-1", "r", start, end, "", False)


def test_a_sound_is_found_where_it_is() -> None:
    spans = spans_of("r", heard(20, (5.0, 8.0), (15.0, 16.0)), 0.5)
    assert [s.name for s in spans] == ["laughter", "laughter"]
    for span, (start, end) in zip(spans, ((5.0, 8.0), (15.0, 16.0)), strict=True):
        assert abs(span.start - start) <= 0.3 and abs(span.end - end) <= 0.3 and span.probability > 0.8


def test_without_a_threshold_each_event_has_its_own_bound() -> None:
    events = np.array([[bound, bound - 0.01] for bound in BOUNDS.values()], np.float32).T
    found = Heard(np.array([0, 44_100, 88_200]), np.zeros((2, len(CLASSES)), np.float32), events)
    assert [(s.name, s.start, s.end) for s in spans_of("r", found, 0)] == [(name, 0.0, 1.0) for name in sorted(BOUNDS)]
    assert spans_of("r", found, 1) == []


@given(st.integers(1, 20 * SAMPLE_RATE_HZ), st.floats(0.1, 0.96))
def test_own_times_cover_a_recording_in_order(samples: int, hop_seconds: float) -> None:
    sound = np.zeros(samples * 160 // 441, np.float32)
    edges = hear([sound], samples, NETWORK, hop_frames(hop_seconds)).edges
    assert (edges[0], edges[-1]) == (0, samples) and (np.diff(edges) >= 0).all()


def test_a_clip_has_what_is_heard_in_it_and_not_what_is_a_second_away() -> None:
    found = heard(20, (5.0, 7.0))
    inside, before, after = (of_clip(clip(a, b), found, NETWORK, "fake") for a, b in ((5.0, 8.0), (0.0, 4.0), (8.0, 12.0)))
    assert inside.laughter > 0.9 and inside.applause == 0
    assert inside.events_top == ["Laughter"] and np.frombuffer(inside.events_top_probabilities, "<f4") == pytest.approx([inside.laughter])
    assert (before.laughter, after.laughter) == (0, 0) and before.events_top == []


@pytest.mark.parametrize(("start", "end"), [(0.0, 0.1), (5.9, 6.0), (6.0, 6.001), (9.9, 10.0)])
def test_a_clip_shorter_than_a_hop_has_the_patch_around_it(start: float, end: float) -> None:
    found = heard(10, (0.0, 10.0))
    assert of_clip(clip(start, end), found, NETWORK, "fake").laughter > 0.9
