"""Finds the stretches of sound that two acoustic fingerprints have in common.

An index holds every hash of some recordings; it is searched with every fourth hash of another one.
So two hashes of the same sound are at most an eighth of Chromaprint's step apart. The search has
two steps. First it looks up equal hashes. If a stretch repeats, they lie on one diagonal: their
places in the two recordings have a constant difference. Then it compares the hashes bit by bit
along the diagonal, as far as they agree. It looks up no hashes of steady sound: silence, hum and
steady noise.

A stretch of the other recording matches one place of the index only, the first. Further places are
found when that recording is searched for in turn. So an hour that repeats itself every eight seconds
is one match, not a hundred thousand.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from components.shared.rows import Fingerprint
from components.shared.rules import LEAST_REPEAT_SECONDS
from components.shared.runs import runs_of

THINNED = 4
"""The stored fingerprints that are searched for have every fourth hash."""
_SEEDS = 2
"""Least number of equal hashes on a diagonal that are compared further."""
_MOST_PLACES = 32
"""Places of one hash that the index keeps, the first ones: enough to find the jingle of a thousand episodes."""
_PAIRS = 1 << 20
"""Pairs of places with an equal hash that are in memory at a time, 80 MB."""
_AROUND_SECONDS = 10.0
"""How far before and after equal hashes the bits are compared first."""
_SAME_SECONDS = LEAST_REPEAT_SECONDS / 2
"""Matches of one stretch whose diagonals are no further apart are the same match; the best one stays."""
_BITS = 1 << 22
"""Size of the table that says whether the index may have a hash, by its last 22 bits."""
_EDGE_SECONDS = 1.5
"""The ends of a match may be off by this much."""
_NOWHERE = np.iinfo(np.int64).min // 2
_SMOOTHED = 5
"""Number of consecutive hashes over which the bit error is averaged."""
_MAX_ERROR = 4.0
"""Most differing bits of 32, averaged: up to 3 were measured within the same sound, 8 or more between different sounds."""
_MAX_EDGE_ERROR = 3
"""Most differing bits of 32 of the first and the last hash of a match."""
_STEADY_SECONDS, _STEADY_BITS = 1.0, 2
"""A sound is steady if its hash changes by at most this many bits in this time."""
_EARLY_SECONDS, _LATE_SECONDS = 0.3, 1.0
"""Measured lengths by which a match exceeds the sound at its start and end: a hash that spans a little more changes little."""

Hashes = NDArray[np.uint32]
Positions = NDArray[np.int64]
Span = tuple[float, float]
"""Start and end in seconds."""


class Match(NamedTuple):
    """A stretch of sound that a recording of the index and the searched-for one have in common."""

    recording: str
    """The recording of the index."""
    start: float
    """Start in the index's recording, in seconds."""
    other_start: float
    """Start in the searched-for recording, in seconds."""
    seconds: float
    similarity: float
    """Share of equal bits: 0.5 for unrelated sounds, 1 for the same."""


class Index:
    """The hashes of some recordings, sorted by value, each with its first places."""

    def __init__(self, fingerprints: Sequence[Fingerprint]) -> None:
        """Takes whole fingerprints in the order of their recordings, the earliest first."""
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
        self._known = np.zeros(_BITS, bool)
        self._known[self._sorted & (_BITS - 1)] = True

    def near(self, thinned: Sequence[Fingerprint], known: Mapping[str, Sequence[Span]]) -> list[Fingerprint]:
        """Those of some fingerprints that `thinned` returned that have as many hashes of the index as a match needs.

        Hashes in stretches that are `known` to repeat an earlier recording do not count: that one is found, too.
        """
        if not thinned or not len(self._sorted):
            return []
        lengths = [len(f.hashes) // 4 for f in thinned]
        hashes = np.frombuffer(b"".join(f.hashes for f in thinned), "<u4")
        perhaps = np.flatnonzero(self._known[hashes & (_BITS - 1)])  # a look into a small table leaves few to search for
        nearest = np.minimum(np.searchsorted(self._sorted, hashes[perhaps]), len(self._sorted) - 1)
        equal = perhaps[self._sorted[nearest] == hashes[perhaps]]
        borders = np.searchsorted(equal, np.cumsum([0, *lengths]))
        offsets = np.cumsum([0, *lengths])
        own = (equal[borders[i] : borders[i + 1]] - offsets[i] for i in range(len(thinned)))
        return [f for f, places in zip(thinned, own, strict=True) if _outside(places, f, known.get(f.recording, ())) >= _SEEDS]

    def seeds(self, thinned: Fingerprint) -> Iterator[tuple[int, int, Positions]]:
        """Finds equal hashes that lie on one diagonal, for a fingerprint that `thinned` returned.

        Yields the number of the index's recording, the diagonal, and ascending positions in `thinned` that are near each other.
        """
        other = values(thinned)
        positions = np.flatnonzero(varied(other, thinned.hop_seconds) & self._known[other & (_BITS - 1)])
        low, high = (np.searchsorted(self._sorted, other[positions], side=side) for side in ("left", "right"))
        there = high > low
        positions, low, counts = positions[there], low[there], (high - low)[there]
        borders = np.flatnonzero(np.diff(np.cumsum(counts) // _PAIRS)) + 1
        reach = round(_AROUND_SECONDS / thinned.hop_seconds)
        for part in np.split(np.arange(len(positions)), borders):
            yield from self._seeds(positions[part], low[part], counts[part], reach)

    def _seeds(self, positions: Positions, low: Positions, counts: Positions, reach: int) -> Iterator[tuple[int, int, Positions]]:
        """The seeds of some positions, whose hash has `counts` places from number `low` on; by recording, then by position."""
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


def _outside(places: Positions, fingerprint: Fingerprint, known: Sequence[Span]) -> int:
    """How many positions in a fingerprint are in none of the known stretches, or near one."""
    seconds = places * fingerprint.hop_seconds
    left = np.ones(len(places), bool)
    for start, end in known:
        left &= (seconds < start - _EDGE_SECONDS) | (seconds > end + _EDGE_SECONDS - fingerprint.span_seconds)
    return int(left.sum())


def values(fingerprint: Fingerprint) -> Hashes:
    """The hashes of a fingerprint, shaped (hashes,)."""
    return np.frombuffer(fingerprint.hashes, "<u4")


def varied(hashes: Hashes, hop_seconds: float) -> NDArray[np.bool_]:
    """Which hashes are not of a steady sound: they differ from the hashes one second before and after."""
    step = round(_STEADY_SECONDS / hop_seconds)
    if len(hashes) <= step:
        return np.ones(len(hashes), bool)
    changed = np.bitwise_count(hashes[step:] ^ hashes[:-step]) > _STEADY_BITS
    edge = np.ones(step, bool)
    return np.concatenate([edge, changed]) & np.concatenate([changed, edge])


def thinned(fingerprint: Fingerprint) -> Fingerprint:
    """The fingerprint that is stored: every fourth hash."""
    return replace(fingerprint, hop_seconds=fingerprint.hop_seconds * THINNED, hashes=values(fingerprint)[::THINNED].tobytes())


def matches(index: Index, other: Fingerprint, among: Collection[str]) -> list[Match]:
    """Finds the stretches of at least LEAST_REPEAT_SECONDS that a fingerprint, `thinned`, shares with recordings of the index.

    It skips recordings that are not in `among`. A stretch has one match, the first place in the index. For a recording that is in
    the index itself, the index's place is the earlier one by more than LEAST_REPEAT_SECONDS.
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
    """Finds the stretches that agree along a diagonal; returns their first and end positions in `hashes` and mean errors in bits.

    It compares `reach` hashes before and after the seeds first, and goes on as long as they agree.

    Args:
        own: Hashes of a recording of the index.
        diagonal: Position in `own`, less THINNED times the position in `hashes`.
        seeds: Positions in `hashes` of equal hashes.
        hashes: Hashes of the other recording, thinned.
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
    """The match of the hashes `a` to `b` of the other recording, which agree with the index's.

    Its start and its end are corrected, unless either recording starts or ends there.
    """
    starts = a == 0 or a * THINNED + diagonal < THINNED
    ends = b == len(values(other)) or b * THINNED + diagonal >= len(index.hashes[number])
    start = a * other.hop_seconds + (0.0 if starts else _EARLY_SECONDS)
    end = (b - 1) * other.hop_seconds + other.span_seconds - (0.0 if ends else _LATE_SECONDS)
    return Match(index.recordings[number], start + diagonal * index.hop_seconds, start, end - start, 1 - errors / 32)


def _agreeing(errors: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """First and end of the runs of hashes with few errors, both on average and at the two ends."""
    if len(errors) < _SMOOTHED:
        return []
    total = np.concatenate([[0], np.cumsum(errors, dtype=np.int64)])
    few = total[_SMOOTHED:] - total[:-_SMOOTHED] <= _MAX_ERROR * _SMOOTHED
    agree = np.convolve(few, np.ones(_SMOOTHED, np.int8)) > 0
    trimmed = []
    for a, b in runs_of(agree):
        good = np.flatnonzero(errors[a:b] <= _MAX_EDGE_ERROR)
        if len(good):
            trimmed.append((int(a + good[0]), int(a + good[-1] + 1)))
    return trimmed


def _best(found: Sequence[Match]) -> list[Match]:
    """Removes matches of the same stretch on neighboring diagonals; the best one stays."""
    kept: dict[tuple[str, int], list[Match]] = defaultdict(list)
    for match in sorted(found, key=lambda m: (-m.similarity * m.seconds, m)):
        near = int((match.start - match.other_start) // _SAME_SECONDS)
        if not any(_covered(match, k) for offset in (near - 1, near, near + 1) for k in kept.get((match.recording, offset), ())):
            kept[match.recording, near].append(match)
    return [match for several in kept.values() for match in several]


def _covered(match: Match, known: Match) -> bool:
    """Whether most of a match lies in a known one of the same recording, on about the same diagonal."""
    if abs((match.start - match.other_start) - (known.start - known.other_start)) > _SAME_SECONDS:
        return False
    shared = min(match.start + match.seconds, known.start + known.seconds) - max(match.start, known.start)
    return shared > match.seconds / 2
