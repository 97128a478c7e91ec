"""The repeats of a dataset: stretches of sound that are heard more than once, and the clips in them.

Each repeat leads from a later stretch to an earlier one with the same sound, as the publication dates
of their recordings order them.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from components.publish.matching import Index, matches
from components.shared.rows import Fingerprint
from components.shared.rules import LEAST_REPEAT_SECONDS
from store.fingerprints import FingerprintStore
from store.repeats import Repeat

BLOCK_HASHES = 2_800_000
"""Hashes of new recordings that are compared at a time, about 24 hours. Each block reads all stored fingerprints once."""
_BUCKET_SECONDS = 10
"""Length of the parts of a recording by which pieces near each other are found."""

Order = Callable[[str], tuple[str, str]]
"""Gives the sort key of a recording: its publication date and its id. The earlier one counts as the original."""


class Piece(NamedTuple):
    """A stretch of a recording in seconds."""

    recording: str
    start: float
    end: float


class _Place(NamedTuple):
    """A place where a stretch of some recording is heard."""

    start: float
    """Start of the stretch in its own recording, in seconds."""
    end: float
    recording: str
    """The recording of the place."""
    shift: float
    """Start of the place less start of the stretch, in seconds."""
    similarity: float


class _Collected:
    """Repeats without redundant ones, so that their number is bounded by the dataset's length."""

    def __init__(self, rows: Iterable[Repeat] = ()) -> None:
        self.rows: dict[str, Repeat] = {}
        self._pieces: dict[str, list[Piece]] = defaultdict(list)
        for row in rows:
            self._take(row)

    def add(self, rows: Iterable[Repeat], order: Order) -> None:
        """Adds the repeats of which no repeat covers LEAST_REPEAT_SECONDS or more yet. The earliest originals go first."""
        for row in sorted(rows, key=lambda r: (order(r.first_recording), r.first_start, order(r.recording), r.repeat)):
            new = _without(Piece(row.recording, row.start, row.end), self._pieces[row.recording])
            if row.repeat not in self.rows and _seconds(new) >= LEAST_REPEAT_SECONDS:
                self._take(row)

    def _take(self, row: Repeat) -> None:
        self.rows[row.repeat] = row
        self._pieces[row.recording].append(Piece(row.recording, row.start, row.end))


class Heard(NamedTuple):
    """A clip with its place in time; columns of DatasetRow."""

    clip: str
    recording: str
    published: str
    start: float
    end: float


def found(
    stored: FingerprintStore, new: Iterable[Fingerprint], worked: Collection[str], order: Order, present: Iterable[Repeat] = ()
) -> list[Repeat]:
    """Finds the repeats between new and stored recordings, among new ones, and within each new one.

    A stretch that many recordings have has one repeat, mostly of the earliest of them. One block of new fingerprints, one of
    stored ones, and those of them that have something in common with the new ones are in memory at a time.

    Args:
        stored: The thinned fingerprints of all recordings, the new ones included.
        new: The whole fingerprints of the new recordings.
        worked: The new recordings.
        order: The order of recordings.
        present: The repeats that are known. A stored stretch that repeats another one is not looked for again, so that the jingle of
            all episodes is compared once.
    """
    known: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for r in present:
        if not {r.recording, r.first_recording} & set(worked):
            known[r.recording].append((r.start, r.end))
    collected = _Collected()
    for block in _blocks(new):
        index = Index(sorted(block, key=lambda f: order(f.recording)))
        near = {f.recording: f for several in stored.blocks() for f in index.near(several, known)}
        for name in sorted(near, key=order):
            before = {r for r in index.recordings if name not in worked or order(r) <= order(name)}  # each pair is compared once
            shared = matches(index, near[name], before)
            collected.add([_row((m.recording, m.start), (name, m.other_start), m.seconds, m.similarity, order) for m in shared], order)
    return list(collected.rows.values())


def _blocks(fingerprints: Iterable[Fingerprint]) -> Iterator[list[Fingerprint]]:
    block, hashes = list[Fingerprint](), 0
    for fingerprint in fingerprints:
        block.append(fingerprint)
        hashes += len(fingerprint.hashes) // 4
        if hashes >= BLOCK_HASHES:
            yield block
            block, hashes = [], 0
    if block:
        yield block


def _row(one: tuple[str, float], two: tuple[str, float], seconds: float, similarity: float, order: Order) -> Repeat:
    """The repeat of two places with the same sound. A place is a recording and a time in seconds."""
    (first, first_start), (recording, start) = sorted((one, two), key=lambda place: (order(place[0]), place[1]))
    return Repeat(
        repeat=f"{recording}-{round(start * 1000):08d}-{first}-{round(first_start * 1000):08d}",
        recording=recording,
        start=round(start, 3),
        end=round(start + seconds, 3),
        first_recording=first,
        first_start=round(first_start, 3),
        similarity=round(similarity, 4),
    )


def chosen(present: Sequence[Repeat], new: Iterable[Repeat], worked: Collection[str], order: Order) -> list[Repeat]:
    """The dataset's repeats after a run, from those before it and those that `found` returned.

    Repeats between recordings that the run did not work on stay. New ones replace the others. If two recordings repeat the same
    stretch of a third one, which the run worked on or whose date changed, one repeat between the two replaces their repeats of
    the third. All repeats lead to the recording that is the earlier one now.
    """
    around: dict[str, set[Repeat]] = defaultdict(set)
    for row in present:
        around[row.recording].add(row)
        around[row.first_recording].add(row)
    late = {r.first_recording for r in present if order(r.first_recording) > order(r.recording)}
    for hub in sorted(late | around.keys() & set(worked), key=order, reverse=True):  # late recordings mostly have one original
        own = {r for r in around[hub] if hub in worked or r.recording != r.first_recording}
        for row in own:
            around[row.recording].discard(row)
            around[row.first_recording].discard(row)
        for row in _around(hub, own, order, hub not in worked):
            around[row.recording].add(row)
            around[row.first_recording].add(row)
    rows = {row for several in around.values() for row in several}
    collected = _Collected(row for row in present if row in rows)
    rows.update(_row((r.recording, r.start), (r.first_recording, r.first_start), r.end - r.start, r.similarity, order) for r in new)
    collected.add(rows, order)
    return list(collected.rows.values())


def _around(hub: str, repeats: Iterable[Repeat], order: Order, stays: bool) -> Iterator[Repeat]:
    """The repeats that follow for the other recordings if each of these repeats leads to or from `hub`.

    They lead to the earliest place of each stretch. If `stays`, the repeats of `hub` itself are included.
    """
    places = [_Place(0.0, math.inf, hub, 0.0, 1.0)] if stays else []
    for r in repeats:
        seconds, shift = r.end - r.start, r.first_start - r.start
        if r.recording == hub:
            places.append(_Place(r.start, r.end, r.first_recording, shift, r.similarity))
        else:
            places.append(_Place(r.first_start, r.first_start + seconds, r.recording, -shift, r.similarity))
    firsts: list[_Place] = []
    for place in sorted(places, key=lambda p: (order(p.recording), p.start + p.shift, p)):
        for first in firsts:
            start, end = max(place.start, first.start), min(place.end, first.end)
            other = place.recording != first.recording or abs(place.shift - first.shift) >= LEAST_REPEAT_SECONDS
            if other and end - start >= LEAST_REPEAT_SECONDS:
                one, two = ((p.recording, start + p.shift) for p in (first, place))
                yield _row(one, two, end - start, min(first.similarity, place.similarity), order)
        rest = _without(Piece(hub, place.start, place.end), [Piece(hub, f.start, f.end) for f in firsts])
        firsts += [place._replace(start=p.start, end=p.end) for p in rest]


def _without(piece: Piece, taken: Iterable[Piece]) -> list[Piece]:
    """The parts of a piece that are in none of the `taken` ones."""
    left = [piece]
    for other in taken:
        left = [
            Piece(p.recording, a, b)
            for p in left
            for a, b in ((p.start, min(p.end, other.start)), (max(p.start, other.end), p.end))
            if a < b
        ]
    return left


def _seconds(pieces: Iterable[Piece]) -> float:
    return sum(p.end - p.start for p in pieces)


def places(repeats: Iterable[Repeat], min_seconds: float) -> dict[str, list[Piece]]:
    """The stretches by recording that repeats lead from or to. Only clips in them matter to `heard_before`."""
    around: dict[str, list[Piece]] = defaultdict(list)
    for r in repeats:
        if r.end - r.start >= min_seconds:
            around[r.recording].append(Piece(r.recording, r.start, r.end))
            around[r.first_recording].append(Piece(r.first_recording, r.first_start, r.first_start + r.end - r.start))
    return {recording: _union(pieces) for recording, pieces in around.items()}


def _union(pieces: Iterable[Piece]) -> list[Piece]:
    """The same stretches without overlap, in order."""
    joined = list[Piece]()
    for piece in sorted(pieces):
        if joined and piece.start <= joined[-1].end:
            joined[-1] = joined[-1]._replace(end=max(joined[-1].end, piece.end))
        else:
            joined.append(piece)
    return joined


def heard_before(rows: Iterable[Heard], repeats: Iterable[Repeat], min_seconds: float) -> dict[str, str]:
    """Finds the clips of which half or more is also heard in earlier clips that are not repeats themselves.

    `rows` are the clips that all other rules keep. Publication date, recording and time decide which clip is earlier. Repeats
    shorter than `min_seconds` do not count. Returns each such clip with the earlier clip that has most of it.
    """
    by_recording: dict[str, list[Repeat]] = defaultdict(list)
    for repeat in repeats:
        if repeat.end - repeat.start >= min_seconds:
            by_recording[repeat.recording].append(repeat)
    concerned = set(by_recording) | {r.first_recording for several in by_recording.values() for r in several}
    heard: dict[tuple[str, int], list[tuple[Piece, str]]] = defaultdict(list)
    before: dict[str, str] = {}
    for row in sorted((r for r in rows if r.recording in concerned), key=lambda r: (r.published, r.recording, r.start)):
        pieces = _origins(Piece(row.recording, row.start, row.end), by_recording)
        near = [(p, sorted({entry for bucket in _buckets(p) for entry in heard.get(bucket, ())})) for p in pieces]
        unheard = [rest for piece, others in near for rest in _without(piece, (other for other, _ in others))]
        if _seconds(pieces) - _seconds(unheard) >= (row.end - row.start) / 2:
            before[row.clip] = _most_shared(near)
            continue
        for piece in unheard:  # what was heard before is an earlier clip's, so that a jingle of all episodes is there once
            for bucket in _buckets(piece):
                heard[bucket].append((piece, row.clip))
    return before


class Group(NamedTuple):
    """A stretch of sound and all places where it is heard."""

    first: Piece
    """The first place, as long as the longest of all."""
    repeats: list[Piece]
    """The other places, by recording and time."""


def groups(repeats: Iterable[Repeat]) -> list[Group]:
    """Groups the repeats of a dataset by their sound, the most frequent group first.

    Two repeats belong together if their originals overlap by half of the shorter one.
    """
    repeats = list(repeats)
    by_recording: dict[str, list[Repeat]] = defaultdict(list)
    for repeat in repeats:
        by_recording[repeat.recording].append(repeat)
    origins: dict[str, list[tuple[Piece, Piece]]] = defaultdict(list)
    for repeat in repeats:
        pieces = _origins(Piece(repeat.first_recording, repeat.first_start, repeat.first_start + repeat.end - repeat.start), by_recording)
        origin = max(pieces, key=lambda p: (p.end - p.start, p))
        origins[origin.recording].append((origin, Piece(repeat.recording, repeat.start, repeat.end)))
    found = list[Group]()
    for places in origins.values():
        own = list[Group]()
        for origin, place in sorted(places, key=lambda p: (p[0].start - p[0].end, p)):  # the longest first
            group = next((g for g in own if _is_mostly_in(origin, g.first)), None)
            if group is None:
                own.append(group := Group(origin, []))
            group.repeats.append(place)
        found += own
    return [Group(g.first, sorted(g.repeats)) for g in sorted(found, key=lambda g: (-len(g.repeats), g.first.start - g.first.end, g.first))]


def _is_mostly_in(piece: Piece, other: Piece) -> bool:
    return min(piece.end, other.end) - max(piece.start, other.start) >= (piece.end - piece.start) / 2


def _origins(piece: Piece, repeats: Mapping[str, Sequence[Repeat]]) -> list[Piece]:
    """The first places of all that is heard in a piece.

    It follows repeats to ever earlier places, but never back into a recording that it came from, so it ends.
    """
    open_, origins = [(piece, frozenset[str]())], list[Piece]()
    while open_:
        whole, behind = open_.pop()
        left = [whole]
        for repeat in repeats.get(whole.recording, ()):
            if repeat.first_recording in behind:
                continue
            beyond = behind if repeat.first_recording == whole.recording else behind | {whole.recording}
            stretch = Piece(repeat.recording, repeat.start, repeat.end)
            for p in left:
                start, end = max(p.start, stretch.start), min(p.end, stretch.end)
                if start < end:
                    shift = repeat.first_start - repeat.start
                    open_.append((Piece(repeat.first_recording, start + shift, end + shift), beyond))
            left = [rest for p in left for rest in _without(p, [stretch])]
            if not left:
                break
        origins += left
    return origins


def _most_shared(near: Iterable[tuple[Piece, Sequence[tuple[Piece, str]]]]) -> str:
    """The clip that has most of some pieces. Each piece comes with the pieces of clips near it."""
    shared: dict[str, float] = defaultdict(float)
    for piece, others in near:
        for other, clip in others:
            shared[clip] += max(0.0, min(piece.end, other.end) - max(piece.start, other.start))
    return max(sorted(shared), key=lambda clip: shared[clip])


def _buckets(piece: Piece) -> list[tuple[str, int]]:
    return [(piece.recording, i) for i in range(int(piece.start // _BUCKET_SECONDS), int(piece.end // _BUCKET_SECONDS) + 1)]
