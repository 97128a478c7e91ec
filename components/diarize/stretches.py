"""Cuts a recording into stretches in which one person speaks, and makes turns of them. Positions are frames of `activity`."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from components.diarize.activity import Activity, Frames, nearest_frames, seconds
from components.shared.rows import SAMPLE_RATE_HZ, Segment, Turn
from components.shared.runs import runs_of

SPEECH = 0.5
"""Probability of speech from which on somebody speaks."""
OVERLAP = 0.5
"""Probability of overlap from which on two speak."""
CHANGE = 0.5
"""Share of windows that must agree on a change of speaker."""
NEAR_FRAMES = 15
"""Windows that put a change at most this far apart, 0.25 s, mean the same one."""
PAUSE_FRAMES = 18
"""Speech on both sides of a pause of at most 0.3 s is one stretch, unless the speaker changes in it: short stretches have less
reliable vectors."""

TURN_FRAMES = 30
"""A turn goes on over a pause of at most 0.5 s in which nobody else speaks."""

Spans = NDArray[np.int64]
"""First frame and end frame (exclusive), shaped (spans, 2)."""


def spoken(segments: Sequence[Segment], frames: int) -> NDArray[np.bool_]:
    """Whether `segment` hears neither music nor noise at each frame: a pause may be the end of a word."""
    found = np.zeros(frames, bool)
    for segment in segments:
        if segment.label in ("speech", "silence"):
            first, end = nearest_frames(np.array([segment.start, segment.end])).clip(0)
            found[first:end] = True
    return found & any(s.label == "speech" for s in segments)


def change_points(change: Frames) -> NDArray[np.int64]:
    """The frames at which most windows agree that the speaker changes, in order."""
    if not len(change):
        return np.zeros(0, np.int64)
    share = np.convolve(change, np.ones(2 * NEAR_FRAMES + 1))[NEAR_FRAMES:-NEAR_FRAMES]
    central = np.convolve(change, np.bartlett(2 * NEAR_FRAMES + 3))[NEAR_FRAMES + 1 : -NEAR_FRAMES - 1]
    central[share < CHANGE] = 0
    found = []
    while central[at := int(np.argmax(central))] > 0:
        found.append(at)
        central[max(0, at - 2 * NEAR_FRAMES) : at + 2 * NEAR_FRAMES + 1] = 0
    return np.array(sorted(found), np.int64)


def stretches(heard: Activity, where: NDArray[np.bool_]) -> Spans:
    """The stretches in which one person speaks, in order: they end at changes of speaker, overlap and pauses. `where` is `spoken`."""
    barred = heard.overlap >= OVERLAP
    barred[change_points(heard.change)] = True
    found: list[list[int]] = []
    for start, end in runs_of((heard.speech >= SPEECH) & ~barred & where).tolist():
        if found and start - found[-1][1] <= PAUSE_FRAMES and not barred[found[-1][1] : start].any():
            found[-1][1] = end
        else:
            found.append([start, end])
    return np.array(found, np.int64).reshape(-1, 2)


def turns_of(recording: str, samples: int, parts: Spans, voices: NDArray[np.int64], overlaps: Spans) -> list[Turn]:
    """Returns the turns of a recording of `samples` samples at SAMPLE_RATE_HZ, ordered by start.

    Stretches of one voice are one turn unless somebody else speaks or a pause is long. In an overlap the voices before and after it
    speak; if they are the same, the other one is unknown: -1.

    Args:
        parts: Stretches, in order.
        voices: Voice of each stretch.
        overlaps: Frames in which two speak, in order; they lie between stretches.
    """
    said = [(int(a), int(b), int(v)) for (a, b), v in zip(parts, voices, strict=True)]
    for start, end in overlaps.tolist():
        at = int(np.searchsorted(parts[:, 0], start))
        near = voices[max(0, at - 1) : at + 1].tolist() or [0]
        said += [(start, end, voice) for voice in [*dict.fromkeys(near), -1][:2]]
    return [_turn(recording, samples, *turn) for turn in _joined(sorted(said))]


def _joined(said: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Joins spans of one voice with at most TURN_FRAMES between them in which nobody else speaks. Both lists are ordered by start."""
    found: list[tuple[int, int, int]] = []
    last: dict[int, int] = {}
    for start, end, voice in said:
        at = last.get(voice, -1)
        if at >= 0 and start - found[at][1] <= TURN_FRAMES and not _between(found, last, voice, found[at][1], start):
            found[at] = (found[at][0], max(end, found[at][1]), voice)
        else:
            last[voice] = len(found)
            found.append((start, end, voice))
    return found


def _between(found: list[tuple[int, int, int]], last: Mapping[int, int], voice: int, start: int, end: int) -> bool:
    """Whether the last turn of another voice lies between two frames in part. `last` is the index in `found` of each voice's last turn."""
    return any(other != voice and found[i][1] > start and found[i][0] < end for other, i in last.items())


def _turn(recording: str, samples: int, start: int, end: int, voice: int) -> Turn:
    first, last = np.rint(seconds(np.array([start, end])) * SAMPLE_RATE_HZ).astype(int).clip(0, samples) / SAMPLE_RATE_HZ
    return Turn(recording, float(first), float(last), voice)
