"""Where two fingerprints are of the same sound.

Of one side every hash is there, of the other every fourth: so two hashes of the same sound are never more than an eighth of
Chromaprint's step apart. Places where both have the very same hash are looked up; those that lie on one diagonal, as they do
where a stretch comes back, are looked at bit by bit around them. Hashes of what does not change, silence, hum and steady noise,
are looked up by nobody.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from components.shared.rows import Fingerprint

THINNED = 4
"""The other side has every fourth hash."""
LEAST_SECONDS = 3.0
"""Shorter stretches are no match: little more than one hash's span of sound."""
_SEEDS = 2
"""So many equal hashes on a diagonal are looked at."""
_AROUND_SECONDS = 10.0
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
    """The hashes of some recordings, each with its place, by their value."""

    def __init__(self, fingerprints: Sequence[Fingerprint]) -> None:
        self.recordings = [f.recording for f in fingerprints]
        self.hop_seconds, self.span_seconds = fingerprints[0].hop_seconds, fingerprints[0].span_seconds
        self.hashes = [values(f) for f in fingerprints]
        lengths = [len(h) for h in self.hashes]
        self._starts: Positions = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        everything = np.concatenate(self.hashes)
        places = np.concatenate([np.flatnonzero(varied(h, self.hop_seconds)) + a for h, a in zip(self.hashes, self._starts, strict=False)])
        order = np.argsort(everything[places], kind="stable")
        self._places: Positions = places[order].astype(np.int64)
        self._sorted: Hashes = everything[self._places]

    def seeds(self, thinned: Fingerprint) -> Iterator[tuple[int, int, Positions]]:
        """Number of a recording of the index, diagonal, and positions in `thinned` with the same hash on it, in order."""
        other = values(thinned)
        positions = np.flatnonzero(varied(other, thinned.hop_seconds))
        low, high = (np.searchsorted(self._sorted, other[positions], side=side) for side in ("left", "right"))
        counts = high - low
        if not counts.any():
            return
        positions, low, counts = positions[counts > 0], low[counts > 0], counts[counts > 0]
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        places, positions = self._places[np.repeat(low, counts) + within], np.repeat(positions, counts)
        recordings = np.searchsorted(self._starts, places, side="right") - 1
        diagonals = places - self._starts[recordings] - THINNED * positions
        order = np.lexsort((positions, diagonals, recordings))
        recordings, diagonals, positions = recordings[order], diagonals[order], positions[order]
        borders = np.flatnonzero((np.diff(recordings) != 0) | (np.diff(diagonals) != 0)) + 1
        starts, ends = np.concatenate([[0], borders]), np.concatenate([borders, [len(positions)]])
        for a, b in zip(starts[ends - starts >= _SEEDS], ends[ends - starts >= _SEEDS], strict=True):
            yield int(recordings[a]), int(diagonals[a]), positions[a:b]


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


def matches(index: Index, other: Fingerprint) -> list[Match]:
    """Every stretch of at least LEAST_SECONDS that a recording of the index has in common with another one, the surest first.

    Of a recording with itself those where the index's side is the later one, by more than LEAST_SECONDS.

    Args:
        index: Of whole fingerprints.
        other: As `thinned` gives it.
    """
    found: list[Match] = []
    hashes, steady = values(other), ~varied(values(other), other.hop_seconds)
    for number, diagonal, positions in index.seeds(other):
        if index.recordings[number] == other.recording and diagonal * index.hop_seconds < LEAST_SECONDS:
            continue
        for near in _near(positions, round(_AROUND_SECONDS / other.hop_seconds)):
            found += _along(index, number, diagonal, near, other, hashes, steady)
    return _best(found)


def _near(positions: Positions, reach: int) -> Iterator[Positions]:
    """Positions in groups of those that are no more than `reach` apart."""
    for group in np.split(positions, np.flatnonzero(np.diff(positions) > reach) + 1):
        if len(group) >= _SEEDS:
            yield group


def _along(
    index: Index, number: int, diagonal: int, seeds: Positions, other: Fingerprint, hashes: Hashes, steady: NDArray[np.bool_]
) -> Iterator[Match]:
    """The stretches along a diagonal, around some of its seeds, whose bits agree."""
    reach = round(_AROUND_SECONDS / other.hop_seconds)
    own = index.hashes[number]
    first = max(0, -(diagonal // THINNED), int(seeds[0]) - reach)
    last = min(len(hashes), (len(own) - diagonal + THINNED - 1) // THINNED, int(seeds[-1]) + reach)
    errors = np.bitwise_count(hashes[first:last] ^ own[THINNED * first + diagonal : THINNED * (last - 1) + diagonal + 1 : THINNED])
    for a, b in _agreeing(errors):
        a, b = first + a, first + b
        early, late = _ends(a, b, len(hashes), a * THINNED + diagonal, (b - 1) * THINNED + diagonal, len(own))
        start = a * other.hop_seconds + early
        seconds = (b - 1) * other.hop_seconds + other.span_seconds - late - start
        sure_seconds = (b - a - 1) * other.hop_seconds + other.span_seconds - _EARLY_SECONDS - _LATE_SECONDS
        if sure_seconds >= LEAST_SECONDS and steady[a:b].mean() <= 0.5:
            similarity = 1 - float(errors[a - first : b - first].mean()) / 32
            yield Match(index.recordings[number], start + diagonal * index.hop_seconds, start, seconds, similarity)


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
    agree = np.zeros(len(errors), bool)
    for start in np.flatnonzero(total[_SMOOTHED:] - total[:-_SMOOTHED] <= _MAX_ERROR * _SMOOTHED):
        agree[start : start + _SMOOTHED] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[False], agree, [False]]).astype(np.int8)))
    trimmed = []
    for a, b in edges.reshape(-1, 2):
        good = np.flatnonzero(errors[a:b] <= _MAX_EDGE_ERROR)
        if len(good):
            trimmed.append((int(a + good[0]), int(a + good[-1] + 1)))
    return trimmed


def _best(found: Sequence[Match]) -> list[Match]:
    """Without those that say of nearly the same stretch nearly the same, as neighboring diagonals do."""
    kept: list[Match] = []
    for match in sorted(found, key=lambda m: (-m.similarity * m.seconds, m)):
        if not any(_covered(match, k) for k in kept):
            kept.append(match)
    return kept


def _covered(match: Match, known: Match) -> bool:
    """Whether most of a match lies in a known one, about where that one has it."""
    if match.recording != known.recording or abs((match.start - match.other_start) - (known.start - known.other_start)) > LEAST_SECONDS / 2:
        return False
    shared = min(match.start + match.seconds, known.start + known.seconds) - max(match.start, known.start)
    return shared > match.seconds / 2
