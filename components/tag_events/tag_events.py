"""Hears the events of a recording, and says which are in each clip and where they are."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.shared.events import BOUNDS, ClipEvents, EventSpan
from components.shared.mel import Signal
from components.shared.rows import SAMPLE_RATE_HZ, Clip, Vector, to_samples
from components.shared.runs import runs_of
from components.tag_events.classes import EVENTS, likeliest, of_events
from components.tag_events.mel import PATCH_FRAMES, patches
from components.tag_events.network import Network

TOP = 3
"""Number of classes that a clip's row names."""
BATCH = 64
"""Patches at once."""
FRAME_SAMPLES = SAMPLE_RATE_HZ // 100
"""Samples at SAMPLE_RATE_HZ from one spectrum to the next."""


@dataclass(frozen=True)
class Heard:
    """What is heard in a recording, patch by patch. The own time of a patch is the part of it that is nearest to its middle."""

    edges: NDArray[np.int64]
    """Starts of the own times, and the end of the last one, in samples at SAMPLE_RATE_HZ, shaped (patches + 1,). They cover the
    recording."""
    classes: NDArray[np.float32]
    """Probabilities of all classes, shaped (patches, classes)."""
    events: NDArray[np.float32]
    """Probabilities of EVENTS, shaped (patches, events)."""


def hop_frames(hop_seconds: float) -> int:
    """The frames between the starts of two patches."""
    return max(1, round(100 * hop_seconds))


def hear(blocks: Iterable[Signal], samples: int, network: Network, hop: int) -> Heard:
    """Hears a recording.

    Args:
        blocks: Its sound at 16 kHz.
        samples: Its length at SAMPLE_RATE_HZ.
        network: The network.
        hop: Frames between the starts of two patches.
    """
    found = np.concatenate([network.probabilities(batch) for batch in patches(blocks, hop, BATCH)])
    inner = (np.arange(1, len(found)) * hop + (PATCH_FRAMES - hop) // 2) * FRAME_SAMPLES
    edges = np.concatenate([[0], np.minimum(inner, samples), [samples]]).astype(np.int64)
    return Heard(edges, found, of_events(found, network.classes))


def of_clip(clip: Clip, heard: Heard, network: Network, heard_by: str) -> ClipEvents:
    """The events of a clip: the highest probabilities in the patches whose middle is in it, or in the one around a shorter clip."""
    own = _patches_of(clip, heard.edges)
    top = likeliest(heard.classes[own].max(axis=0), network.classes, TOP)
    events = dict(zip(EVENTS, map(float, heard.events[own].max(axis=0)), strict=True))
    numbers = Vector(np.array([p for _, p in top], "<f4").tobytes())
    return ClipEvents(clip=clip.clip, **events, events_top=[name for name, _ in top], events_top_probabilities=numbers, events_by=heard_by)


def _patches_of(clip: Clip, edges: NDArray[np.int64]) -> slice:
    start, end = to_samples(clip.start), to_samples(clip.end)
    middles = (edges[:-1] + edges[1:]) // 2
    first, last = np.searchsorted(middles, [start, end])
    if first == last:
        first = int(np.clip(np.searchsorted(edges, (start + end) // 2, side="right") - 1, 0, len(middles) - 1))
        last = first + 1
    return slice(int(first), int(last))


def spans_of(recording: str, heard: Heard, threshold: float) -> list[EventSpan]:
    """The times in which each event is at least as probable as `threshold`, or as its own bound if that is 0; ordered by start."""
    found = []
    for number, (name, bound) in enumerate(BOUNDS.items()):
        values = heard.events[:, number]
        for first, last in runs_of(values >= (threshold or bound)).tolist():
            start, end = int(heard.edges[first]), int(heard.edges[last])
            if start < end:
                peak = float(values[first:last].max())
                found.append(EventSpan(recording, start / SAMPLE_RATE_HZ, end / SAMPLE_RATE_HZ, name, peak))
    return sorted(found, key=lambda s: (s.start, s.end, s.name))
