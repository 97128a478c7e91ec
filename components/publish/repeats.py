"""What comes back in a dataset: which matches of fingerprints become its repeats, and which clips have been heard before."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from components.publish.matching import LEAST_SECONDS, Index, Match, matches
from components.shared.rows import DatasetRow, Fingerprint
from store.fingerprints import FingerprintStore
from store.repeats import Repeat

BLOCK_HASHES = 2_800_000
"""Of new recordings at a time, about 24 hours: what has been stored is gone through once for them."""
_BUCKET_SECONDS = 10

Order = Callable[[str], tuple[str, str]]
"""By which one recording comes before another: its publication date and its id."""


class Piece(NamedTuple):
    """A stretch of a recording in seconds."""

    recording: str
    start: float
    end: float


def found(stored: FingerprintStore, new: Iterable[Fingerprint], worked: Collection[str], order: Order) -> list[Repeat]:
    """What the new recordings have in common with all that are stored, with each other, and each within itself.

    Args:
        stored: The fingerprints of all recordings, the new ones among them.
        new: Those of the new ones, whole; one block of them and one stored one are in memory at a time.
        worked: The new recordings.
        order: Which of two was first.
    """
    repeats = []
    for block in _blocks(new):
        index = Index(block)
        for name in stored.recordings():
            for match in matches(index, stored.read(name)):
                if name not in worked or name == match.recording or order(name) < order(match.recording):  # the others are found twice
                    repeats.append(_repeat(match, name, order))
    return repeats


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


def _repeat(match: Match, other: str, order: Order) -> Repeat:
    one, two = (match.recording, round(match.start, 3)), (other, round(match.other_start, 3))
    (first, first_start), (recording, start) = sorted((one, two), key=lambda place: (order(place[0]), place[1]))
    return Repeat(
        repeat=f"{recording}-{round(start * 1000):08d}-{first}-{round(first_start * 1000):08d}",
        recording=recording,
        start=start,
        end=round(start + match.seconds, 3),
        first_recording=first,
        first_start=first_start,
        similarity=round(match.similarity, 4),
    )


def chosen(present: Iterable[Repeat], new: Iterable[Repeat], worked: Collection[str], order: Order) -> list[Repeat]:
    """The dataset's repeats: those of recordings that were not worked on stay, the others are made anew.

    A stretch that came before in many recordings needs one repeat, the first of them: there are no more than the dataset is long.
    """
    rows = [r for r in present if not {r.recording, r.first_recording} & set(worked)]
    told: dict[str, list[Piece]] = defaultdict(list)
    for row in rows:
        told[row.recording].append(Piece(row.recording, row.start, row.end))
    for row in sorted(new, key=lambda r: (order(r.first_recording), r.first_start, order(r.recording), r.repeat)):
        piece = Piece(row.recording, row.start, row.end)
        if sum(p.end - p.start for p in _without(piece, told[row.recording])) >= LEAST_SECONDS:
            told[row.recording].append(piece)
            rows.append(row)
    return rows


def _without(piece: Piece, taken: Iterable[Piece]) -> list[Piece]:
    """What is left of a piece."""
    left = [piece]
    for other in taken:
        left = [
            Piece(p.recording, a, b)
            for p in left
            for a, b in ((p.start, min(p.end, other.start)), (max(p.start, other.end), p.end))
            if a < b
        ]
    return left


def heard_before(rows: Iterable[DatasetRow], repeats: Iterable[Repeat], min_seconds: float) -> dict[str, str]:
    """Clips of which half or more is in clips that come before them, by date, recording and time, and are none of these themselves.

    Args:
        rows: The clips that all other rules keep.
        repeats: Those of the dataset.
        min_seconds: Shorter ones do not count.

    Returns:
        By clip the one before it that has most of it.
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
        shared = _shared(pieces, heard)
        if sum(shared.values()) >= (row.end - row.start) / 2:
            before[row.clip] = max(shared, key=lambda clip: shared[clip])
            continue
        for piece in pieces:
            for bucket in _buckets(piece):
                heard[bucket].append((piece, row.clip))
    return before


class Group(NamedTuple):
    """Something that is heard more than once."""

    first: Piece
    """Where it is heard first, as long as it is where it is longest."""
    repeats: list[Piece]
    """Where it comes back, in order."""


def groups(repeats: Iterable[Repeat]) -> list[Group]:
    """What comes back in a dataset, the most frequent first: repeats whose origins share half of the shorter one belong together."""
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
    """Where what is heard in a piece was heard first. It ends, since every repeat leads to an earlier place."""
    open_, origins = [piece], list[Piece]()
    while open_:
        left = [open_.pop()]
        for repeat in repeats.get(left[0].recording, ()):
            stretch = Piece(repeat.recording, repeat.start, repeat.end)
            for p in left:
                start, end = max(p.start, stretch.start), min(p.end, stretch.end)
                if start < end:
                    shift = repeat.first_start - repeat.start
                    open_.append(Piece(repeat.first_recording, start + shift, end + shift))
            left = [rest for p in left for rest in _without(p, [stretch])]
            if not left:
                break
        origins += left
    return origins


def _shared(pieces: Iterable[Piece], heard: Mapping[tuple[str, int], Sequence[tuple[Piece, str]]]) -> dict[str, float]:
    """Seconds of the pieces that are in clips before, by clip."""
    near = {entry for piece in pieces for bucket in _buckets(piece) for entry in heard.get(bucket, ())}
    shared: dict[str, float] = defaultdict(float)
    for piece in pieces:
        for other, clip in sorted(near, key=lambda entry: entry[1]):
            seconds = min(piece.end, other.end) - max(piece.start, other.start)
            if other.recording == piece.recording and seconds > 0:
                shared[clip] += seconds
    return shared


def _buckets(piece: Piece) -> list[tuple[str, int]]:
    return [(piece.recording, i) for i in range(int(piece.start // _BUCKET_SECONDS), int(piece.end // _BUCKET_SECONDS) + 1)]
