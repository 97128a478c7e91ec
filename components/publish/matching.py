"""Where two fingerprints are of the same sound.

Of one side every hash is there, of the other every fourth: so two hashes of the same sound are never more than an eighth of
Chromaprint's step apart. Places where both have the very same hash are looked up; those that lie on one diagonal, as they do
where a stretch comes back, are looked at bit by bit around them, and as far on as they agree. Hashes of what does not change,
silence, hum and steady noise, are looked up by nobody.

Each stretch of the other side gets one place, the first that an index has: what is there again is found when that is looked up in turn.
So an hour that repeats itself every eight seconds is one match and not a hundred thousand.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from components.shared.rows import Fingerprint
from components.shared.rules import LEAST_REPEAT_SECONDS

THINNED = 4
"""The other side has every fourth hash."""
_SEEDS = 2
"""So many equal hashes on a diagonal are looked at."""
_MOST_PLACES = 32
"""So many places of one hash, the first ones, are looked at: a jingle of a thousand episodes needs no more to be found."""
_PAIRS = 1 << 20
"""So many pairs of places with an equal hash are in memory at a time, 80 MB."""
_AROUND_SECONDS = 10.0
_SAME_SECONDS = LEAST_REPEAT_SECONDS / 2
"""Diagonals that are no further apart say the same of a stretch, one of them best."""
_NOWHERE = np.iinfo(np.int64).min // 2
_SMOOTHED = 5
_MAX_ERROR = 4.0
"""Bits of 32 that differ, as a mean of `_SMOOTHED` hashes in a row: within the same sound up to 3, between others 8 or more."""
_MAX_EDGE_ERROR = 3
_STEADY_SECONDS, _STEADY_BITS = 1.0, 2
_EARLY_SECONDS, _LATE_SECONDS = 0.3, 1.0
"""By so much a match seems longer than the sound at its ends, by measurement: a hash that lies a little outside is little changed."""

Hashes = NDArray[np.uint32]
Positions = NDArray[np.int64]


class Match(NamedTuple):
    """The same sound in a recording of an index and in the one that was looked up."""

    recording: str
    """The one of the index."""
    start: float
    """There."""
    other_start: float
    """In the one that was looked up."""
    seconds: float
    similarity: float


class Index:
    """The hashes of some recordings, each with its first places, by their value."""

    def __init__(self, fingerprints: Sequence[Fingerprint]) -> None:
        """Of whole fingerprints, the first recording first."""
        self.recordings = [f.recording for f in fingerprints]
        self.hop_seconds, self.span_seconds = fingerprints[0].hop_seconds, fingerprints[0].span_seconds
        self.hashes = [values(f) for f in fingerprints]
        lengths = [len(h) for h in self.hashes]
        self.starts: Positions = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        everything = np.concatenate(self.hashes)
        places = np.concatenate([np.flatnonzero(varied(h, self.hop_seconds)) + a for h, a in zip(self.hashes, self.starts, strict=False)])
        places = places[np.argsort(everything[places], kind="stable")].astype(np.int64)
        by_value = everything[places]
        first = np.arange(len(places)) - np.searchsorted(by_value, by_value) < _MOST_PLACES
        self._places: Positions = places[first]
        self._sorted: Hashes = by_value[first]

    def seeds(self, thinned: Fingerprint) -> Iterator[tuple[int, int, Positions]]:
        """Number of a recording of the index, diagonal, and positions in `thinned` near each other with the same hash on it, in order."""
        other = values(thinned)
        positions = np.flatnonzero(varied(other, thinned.hop_seconds))
        low, high = (np.searchsorted(self._sorted, other[positions], side=side) for side in ("left", "right"))
        there = high > low
        positions, low, counts = positions[there], low[there], (high - low)[there]
        borders = np.flatnonzero(np.diff(np.cumsum(counts) // _PAIRS)) + 1
        reach = round(_AROUND_SECONDS / thinned.hop_seconds)
        for part in np.split(np.arange(len(positions)), borders):
            yield from self._seeds(positions[part], low[part], counts[part], reach)

    def _seeds(self, positions: Positions, low: Positions, counts: Positions, reach: int) -> Iterator[tuple[int, int, Positions]]:
        """Of positions whose hash has `counts` places from number `low` on; the first recording first, then the first position."""
        if not len(positions):
            return
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        places, positions = self._places[np.repeat(low, counts) + within], np.repeat(positions, counts)
        lines = places - THINNED * positions
        recordings = np.searchsorted(self.starts, places, side="right") - 1
        order = np.lexsort((positions, lines, recordings))
        recordings, lines, positions = recordings[order], lines[order], positions[order]
        borders = np.flatnonzero((np.diff(recordings) != 0) | (np.diff(lines) != 0) | (np.diff(positions) > reach)) + 1
        starts, ends = np.concatenate([[0], borders]), np.concatenate([borders, [len(positions)]])
        starts, ends = starts[ends - starts >= _SEEDS], ends[ends - starts >= _SEEDS]
        order = np.lexsort((lines[starts], positions[starts], recordings[starts]))
        for a, b in zip(starts[order], ends[order], strict=True):
            yield int(recordings[a]), int(lines[a] - self.starts[recordings[a]]), positions[a:b]


def values(fingerprint: Fingerprint) -> Hashes:
    """The hashes as numbers."""
    return np.frombuffer(fingerprint.hashes, "<u4")


def varied(hashes: Hashes, hop_seconds: float) -> NDArray[np.bool_]:
    """Which hashes differ from the one a second before or after by more than nothing, so to speak."""
    step = round(_STEADY_SECONDS / hop_seconds)
    if len(hashes) <= step:
        return np.ones(len(hashes), bool)
    changed = np.bitwise_count(hashes[step:] ^ hashes[:-step]) > _STEADY_BITS
    nothing = np.ones(step, bool)
    return np.concatenate([nothing, changed]) & np.concatenate([changed, nothing])


def thinned(fingerprint: Fingerprint) -> Fingerprint:
    """What is stored: every fourth hash."""
    return Fingerprint(
        fingerprint.recording,
        fingerprint.hop_seconds * THINNED,
        fingerprint.span_seconds,
        values(fingerprint)[::THINNED].tobytes(),
    )


def matches(index: Index, other: Fingerprint, among: Collection[str]) -> list[Match]:
    """Every stretch of another recording, of at least LEAST_REPEAT_SECONDS, that is in the index: the first place of it there, the surest first.

    Of a recording with itself those where the index's side is the earlier one, by more than LEAST_REPEAT_SECONDS.

    Args:
        index: Where to look.
        other: As `thinned` gives it.
        among: Recordings of the index; in others nothing is looked for.
    """
    found: list[Match] = []
    hashes, steady = values(other), ~varied(values(other), other.hop_seconds)
    known = np.full(len(hashes), _NOWHERE)
    for number, diagonal, seeds in index.seeds(other):
        recording, line = index.recordings[number], diagonal + index.starts[number]
        if recording not in among or (recording == other.recording and diagonal * index.hop_seconds > -LEAST_REPEAT_SECONDS):
            continue
        if ((known[seeds] != _NOWHERE) & (np.abs(known[seeds] - line) * index.hop_seconds > _SAME_SECONDS)).all():
            continue
        for a, b, errors in _agreeing_along(index.hashes[number], diagonal, seeds, hashes, round(_AROUND_SECONDS / other.hop_seconds)):
            sure_seconds = (b - a - 1) * other.hop_seconds + other.span_seconds - _EARLY_SECONDS - _LATE_SECONDS
            if sure_seconds >= LEAST_REPEAT_SECONDS and steady[a:b].mean() <= 0.5:
                known[a:b][known[a:b] == _NOWHERE] = line
                found.append(_match(index, number, diagonal, other, a, b, errors))
    return _best(found)


def _agreeing_along(own: Hashes, diagonal: int, seeds: Positions, hashes: Hashes, reach: int) -> list[tuple[int, int, float]]:
    """First, end and mean error in bits of the stretches along a diagonal that agree, around some seeds and as far on as they do.

    Args:
        own: Hashes of a recording of the index.
        diagonal: Position there less THINNED times that in the other recording.
        seeds: Positions in the other recording.
        hashes: Of the other recording, thinned.
        reach: How many hashes around the seeds are looked at first.
    """
    least, most = max(0, -(diagonal // THINNED)), min(len(hashes), (len(own) - diagonal + THINNED - 1) // THINNED)
    while True:
        first, end = max(least, int(seeds[0]) - reach), min(most, int(seeds[-1]) + reach)
        errors = np.bitwise_count(hashes[first:end] ^ own[THINNED * first + diagonal : THINNED * (end - 1) + diagonal + 1 : THINNED])
        found = [(first + a, first + b, float(errors[a:b].mean())) for a, b in _agreeing(errors)]
        goes_on_before = first > least and found and found[0][0] < first + _SMOOTHED
        goes_on_after = end < most and found and found[-1][1] > end - _SMOOTHED
        if not goes_on_before and not goes_on_after:
            return found
        reach *= 2


def _match(index: Index, number: int, diagonal: int, other: Fingerprint, a: int, b: int, errors: float) -> Match:
    """What the agreeing hashes `a` to `b` of the other recording say."""
    early, late = _ends(a, b, len(values(other)), a * THINNED + diagonal, (b - 1) * THINNED + diagonal, len(index.hashes[number]))
    start = a * other.hop_seconds + early
    seconds = (b - 1) * other.hop_seconds + other.span_seconds - late - start
    return Match(index.recordings[number], start + diagonal * index.hop_seconds, start, seconds, 1 - errors / 32)


def _ends(first: int, end: int, length: int, own_first: int, own_last: int, own_length: int) -> tuple[float, float]:
    """What to take off both ends of a match in seconds: nothing where either recording begins or ends."""
    begins = first == 0 or own_first < THINNED
    ends = end == length or own_last + THINNED >= own_length
    return 0.0 if begins else _EARLY_SECONDS, 0.0 if ends else _LATE_SECONDS


def _agreeing(errors: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Runs of hashes whose errors are few in the mean of their neighborhood, and few at both ends."""
    if len(errors) < _SMOOTHED:
        return []
    total = np.concatenate([[0], np.cumsum(errors, dtype=np.int64)])
    few = total[_SMOOTHED:] - total[:-_SMOOTHED] <= _MAX_ERROR * _SMOOTHED
    agree = np.convolve(few, np.ones(_SMOOTHED, np.int8)) > 0
    edges = np.flatnonzero(np.diff(np.concatenate([[False], agree, [False]]).astype(np.int8)))
    trimmed = []
    for a, b in edges.reshape(-1, 2):
        good = np.flatnonzero(errors[a:b] <= _MAX_EDGE_ERROR)
        if len(good):
            trimmed.append((int(a + good[0]), int(a + good[-1] + 1)))
    return trimmed


def _best(found: Sequence[Match]) -> list[Match]:
    """Without those that say of nearly the same stretch nearly the same, as neighboring diagonals do."""
    kept: dict[tuple[str, int], list[Match]] = defaultdict(list)
    for match in sorted(found, key=lambda m: (-m.similarity * m.seconds, m)):
        near = int((match.start - match.other_start) // _SAME_SECONDS)
        if not any(_covered(match, k) for offset in (near - 1, near, near + 1) for k in kept.get((match.recording, offset), ())):
            kept[match.recording, near].append(match)
    return [match for several in kept.values() for match in several]


def _covered(match: Match, known: Match) -> bool:
    """Whether most of a match lies in a known one of the same recording, about where that one has it."""
    if abs((match.start - match.other_start) - (known.start - known.other_start)) > _SAME_SECONDS:
        return False
    shared = min(match.start + match.seconds, known.start + known.seconds) - max(match.start, known.start)
    return shared > match.seconds / 2
