"""Passes the frames of a recording that have no music unchanged, and blends them with the separated parts.

A frame is judged by the power of accompaniment, averaged over a second, relative to that of speech, averaged over some seconds, so
that a pause does not count as music. Music begins where this ratio exceeds the threshold by `LEAVE_DB` and ends where it falls below
the threshold; silence changes nothing. A long enough stretch without music passes, except for its edges beside music.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from components.separate.network import OVERLAP
from components.separate.stream import Part
from components.shared.audio import Samples

REACH_SECONDS = 0.5
"""Time on each side of a frame over which accompaniment is averaged."""
FAR_SECONDS = 2.0
"""Time on each side of a frame over which speech is averaged."""
LEAVE_DB = 5.0
LEAST_SECONDS = 2.0
"""Shortest stretch between two pieces of music that passes."""
EDGE_SECONDS = 0.25
"""Part of a stretch, beside music, that does not pass."""
FADE_SECONDS = 0.04
SILENCE_DB = -60.0
"""Mean level, relative to full scale, below which a frame counts as silence."""

Powers = tuple[NDArray[np.floating], NDArray[np.floating]]
"""Mean squares of speech and of accompaniment in consecutive frames."""
Pair = NDArray[np.float64]
"""The same, shaped (2, frames)."""


class Rule(NamedTuple):
    """Thresholds as power ratios, and lengths in frames."""

    reach: int
    """Frames on each side over which accompaniment is averaged."""
    far: int
    """Frames on each side over which speech is averaged."""
    enter: float
    leave: float
    silence: float
    least: int
    edge: int
    fade: int


class Result(NamedTuple):
    """The next samples of a recording."""

    tracks: Samples
    """Speech and, if kept, accompaniment, shaped (tracks, samples, channels)."""
    passed: int
    """Number of unchanged samples."""


def rule(clean_db: float, frame_seconds: float) -> Rule:
    """Returns the rule for a threshold in dB and a hop in seconds."""

    def power(level_db: float) -> float:
        return float(10 ** (level_db / 10))

    seconds = (REACH_SECONDS, FAR_SECONDS, LEAST_SECONDS, EDGE_SECONDS, FADE_SECONDS)
    reach, far, least, edge, fade = (max(1, round(s / frame_seconds)) for s in seconds)
    return Rule(reach, far, power(clean_db), power(clean_db + LEAVE_DB), power(SILENCE_DB), least, edge, fade)


def blended(parts: Iterator[Part], rule: Rule, frame_step: int) -> Iterator[Result]:
    """Blends parts with their mix: without music, speech is the mix and accompaniment is silent."""
    held: list[Samples] = []

    def powers() -> Iterator[Powers]:
        for part in parts:
            held.append(part.tracks)
            yield part.speech_power, part.other_power

    points = np.zeros(0, np.float32)  # gains of the frames centered 0, 1, 2 … steps into `held`
    before = OVERLAP // 2  # frames centered before the recording
    for new in gains(powers(), rule):
        points = np.concatenate([points, new[before:]])
        before -= min(before, len(new))
        if len(points) < 2 or not held:
            continue
        tracks = np.concatenate(held, axis=1)
        weights = _between(points, frame_step)[: tracks.shape[1]]
        held[:], points = [tracks[:, len(weights) :]], points[-1:]
        mix, *rest = tracks[:, : len(weights)]
        speech, *other = (track * (1 - weights[:, None]) for track in rest)
        yield Result(np.stack([speech + mix * weights[:, None], *other]), int(np.count_nonzero(weights == 1)))


def _between(points: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    """Interpolates linearly between points that are `step` samples apart."""
    ramp = np.arange(step, dtype=np.float32) / np.float32(step)
    return (points[:-1, None] + np.diff(points)[:, None] * ramp).ravel()


def gains(powers: Iterable[Powers], rule: Rule) -> Iterator[NDArray[np.float32]]:
    """Yields the gain of each frame's mix, 0 to 1, some seconds later than its powers. The sizes of pieces do not matter."""
    return _faded(_clean(_averaged(powers, rule), rule), rule)


def _averaged(powers: Iterable[Powers], rule: Rule) -> Iterator[Pair]:
    """Moving averages of the powers, one pair per frame."""
    held, end = np.zeros((2, rule.far)), np.zeros((2, rule.far))
    for piece in chain((np.stack(p).astype(np.float64) for p in powers), [end]):
        held = np.concatenate([held, piece], axis=1)
        count = held.shape[1] - 2 * rule.far
        if count > 0:
            near = held[1, rule.far - rule.reach :][: count + 2 * rule.reach]
            yield np.stack([_means(held[0], rule.far), _means(near, rule.reach)])
            held = held[:, count:]


def _means(powers: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    return np.lib.stride_tricks.sliding_window_view(powers, 2 * reach + 1).mean(axis=1)


def _clean(means: Iterable[Pair], rule: Rule) -> Iterator[list[bool]]:
    """Yields whether each frame has no music. Silence at the start has none."""
    clean, heard = True, False
    for speech, other in means:
        states = []
        silent = speech + other < rule.silence
        for below_enter, below_leave, nothing in zip(other < rule.enter * speech, other < rule.leave * speech, silent, strict=True):
            if not nothing:
                clean, heard = bool(below_leave if clean and heard else below_enter), True
            states.append(clean)
        yield states


def _faded(pieces: Iterable[list[bool]], rule: Rule) -> Iterator[NDArray[np.float32]]:
    """Yields the gains of frames. A clean stretch has no edge at the start or end of the recording."""
    length = given = 0  # frames of the stretch, and how many gains were yielded
    at_start = True

    def risen(stop: int) -> NDArray[np.float32]:
        """Gains of the stretch from `given` to `stop`, as if it never ended."""
        distance = np.arange(given, stop) + 1
        return np.ones(len(distance), np.float32) if at_start else _ramp(distance, rule)

    for piece in pieces:
        found = [np.zeros(0, np.float32)]
        for clean in piece:
            if clean:
                length += 1
                continue
            falling = _ramp(length - np.arange(given, length), rule) if at_start or length >= rule.least else np.float32(0)
            found += [np.minimum(risen(length), falling), np.zeros(1, np.float32)]
            length = given = 0
            at_start = False
        sure = length - rule.edge - rule.fade + 1
        if sure > given and (at_start or length >= rule.least):
            found.append(risen(sure))
            given = sure
        yield np.concatenate(found)
    yield risen(length)


def _ramp(distance: NDArray[np.int64], rule: Rule) -> NDArray[np.float32]:
    """Gain by the distance from music, in frames."""
    return np.clip((distance - rule.edge) / rule.fade, 0, 1).astype(np.float32)
