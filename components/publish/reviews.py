"""Gives the clips of a version what people said of them, also after the recordings were cut elsewhere.

An answer belongs to seconds of a recording, not to a clip's id. If a clip has the same seconds, it gets the whole answer. Else it
gets what still holds: a text only if whole answers fill the clip from edge to edge, a speaker or tone that most of the clip has,
and the reason if most of it was rejected.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from components.publish.corrections import Correction, Speakers
from components.shared.review import COLUMNS, HUMAN, Review
from components.shared.rows import DatasetRow
from components.shared.table import schema
from store.reviews import Answer

SAME_SECONDS = 0.01
"""Two clips are the same if neither start nor end differs by more."""
EDGE_SECONDS = 0.25
"""Answers fill a clip if no second of it is further from them than this. A spoken word is seldom shorter."""
MOST_SHARE, REJECTED_SHARE = 0.8, 0.5
"""Share of a clip that must have one speaker or tone for the clip to have it; share that must be rejected for it to be rejected."""
FIELDS = ("text", "speaker", "tone", "reject")


@dataclass(frozen=True)
class Span:
    """A clip with its place in its recording, in seconds."""

    clip: str
    start: float
    end: float


@dataclass(frozen=True)
class Lost:
    """What of an answer no clip has any more."""

    answer: Answer
    fields: tuple[str, ...]
    """Some of FIELDS."""
    why: str


def placed(spans: Sequence[Span], answers: Iterable[Answer]) -> tuple[dict[str, dict[str, str]], list[Lost]]:
    """What people said of each clip of one recording, by clip: FIELDS, `by` and `at`; and what has no place.

    An answer takes the place of older ones of the same seconds.
    """
    valid = _newest(answers)
    found: dict[str, dict[str, str]] = {}
    used: dict[Answer, set[str]] = defaultdict(set)
    for span in spans:
        near = [a for a in valid if _shared(a, span) > SAME_SECONDS]
        same = [a for a in near if _same(a, span)]
        parts = {name: same or _parts(span, near, name) for name in FIELDS}
        if said := {name: _joined(own, name) for name, own in parts.items() if any(getattr(a, name) for a in own)}:
            last = max((a for name in said for a in parts[name]), key=lambda a: a.at)
            found[span.clip] = {**dict.fromkeys(FIELDS, ""), **said, "by": last.by, "at": last.at}
            for name in said:
                for answer in parts[name]:
                    used[answer].add(name)
    lost = []
    for answer in valid:
        if left := tuple(n for n in FIELDS if getattr(answer, n) and n not in used[answer]):
            there = any(_shared(answer, s) > SAME_SECONDS for s in spans)
            lost.append(Lost(answer, left, "the recording is cut elsewhere now" if there else "no clip is there now"))
    return found, lost


def _newest(answers: Iterable[Answer]) -> list[Answer]:
    """The answers that no newer one replaces, by start."""
    kept: list[Answer] = []
    for answer in sorted(answers, key=lambda a: (a.at, a.annotation), reverse=True):
        if all(min(answer.end, k.end) - max(answer.start, k.start) <= EDGE_SECONDS for k in kept):
            kept.append(answer)
    return sorted(kept, key=lambda a: a.start)


def _shared(answer: Answer, span: Span) -> float:
    return min(answer.end, span.end) - max(answer.start, span.start)


def _same(answer: Answer, span: Span) -> bool:
    return abs(answer.start - span.start) <= SAME_SECONDS and abs(answer.end - span.end) <= SAME_SECONDS


def _parts(span: Span, near: Sequence[Answer], name: str) -> list[Answer]:
    """The answers that together give a clip of other seconds a value; none if they do not."""
    if name == "text":
        return list(near) if _fill(span, near) and all(a.text and not a.reject for a in near) else []
    seconds: Counter[str] = Counter()
    for answer in near:
        seconds[getattr(answer, name)] += _shared(answer, span)  # type: ignore[assignment]
    if name == "reject":
        rejected = sum(s for reason, s in seconds.items() if reason)
        return [a for a in near if a.reject] if rejected >= REJECTED_SHARE * (span.end - span.start) else []
    value, most = max(seconds.items(), key=lambda item: item[1], default=("", 0.0))
    return [a for a in near if getattr(a, name) == value] if value and most >= MOST_SHARE * (span.end - span.start) else []


def _fill(span: Span, near: Sequence[Answer]) -> bool:
    """Whether answers, in their order, lie wholly in a clip and leave no gap in it."""
    if not near or abs(near[0].start - span.start) > EDGE_SECONDS or abs(near[-1].end - span.end) > EDGE_SECONDS:
        return False
    return all(abs(b.start - a.end) <= EDGE_SECONDS for a, b in pairwise(near))


def _joined(answers: Sequence[Answer], name: str) -> str:
    values = [v for a in answers if (v := getattr(a, name))]
    return " ".join(values) if name == "text" else values[0]


def reviewed(rows: pa.Table, answers: Sequence[Answer], media: Mapping[str, str]) -> tuple[pa.Table, list[Lost]]:
    """DatasetRow rows with what people said of them, and what has no place among the clips of the rows' recordings.

    The result is the same if the rows have it already. `media` are the hashes of the media files by recording.
    """
    by_recording: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        by_recording[answer.recording].append(answer)
    own = rows.filter(pc.is_in(rows["recording"], value_set=pa.array(sorted(by_recording), pa.string())))
    spans: dict[str, list[Span]] = defaultdict(list)
    for row in own.select(["recording", "clip", "start", "end"]).to_pylist():
        spans[row["recording"]].append(Span(row["clip"], row["start"], row["end"]))
    said: dict[str, dict[str, str]] = {}
    lost: list[Lost] = []
    for recording, clips in spans.items():
        there = [a for a in by_recording[recording] if a.media_sha256 in ("", media.get(recording, ""))]
        found, left = placed(sorted(clips, key=lambda s: s.start), there)
        said |= found
        others = [a for a in _newest(by_recording[recording]) if a not in there]
        lost += left + [Lost(a, tuple(n for n in FIELDS if getattr(a, n)), "the recording is another file now") for a in others]
    return (_with(rows, said) if said else rows), lost


def _with(rows: pa.Table, said: Mapping[str, Mapping[str, str]]) -> pa.Table:
    """The rows with the columns of reviews, and with texts and words that fit them."""
    changed: dict[str, list[Any]] = {n: rows[n].to_pylist() for n in ("text", "words", "word_times", *COLUMNS)}
    for place, clip in enumerate(rows["clip"].to_pylist()):
        if answer := said.get(clip):
            engine = changed["text_engine" if changed["text_source"][place] == HUMAN else "text"][place]
            human = bool(answer["text"])
            review = Review(
                text_source=HUMAN if human else "",
                text_engine=engine if human else "",
                speaker_truth=answer["speaker"],
                tone_truth=answer["tone"],
                reject_truth=answer["reject"],
                reviewed_by=answer["by"],
                reviewed=answer["at"],
            )
            text = answer["text"] or engine
            if text != engine:  # the engine's words and their times are of another text
                changed["words"][place], changed["word_times"][place] = [], []
            for name, value in (asdict(review) | {"text": text}).items():
                changed[name][place] = value
    for name, values in changed.items():
        column = rows.schema.get_field_index(name)
        kind = rows.schema.field(column)
        rows = rows.set_column(column, kind, pa.array(values, kind.type))
    return rows


def review_of(answers: Sequence[Answer], media: Mapping[str, str], say: Callable[[Sequence[Lost]], None]) -> Correction:
    """A correction that gives all clips of the newest version what people said of them. `say` gets what has no place."""

    def correct(now: Speakers) -> tuple[Speakers, dict[str, Any]]:
        lost, clips = list[Lost](), 0
        wanted = pa.array(sorted({a.recording for a in answers}), pa.string())
        there: set[str] = set()
        for block in now.draft.blocks:
            recordings = now.draft.decisions(block, ["recording"])["recording"]
            if not pc.any(pc.is_in(recordings, value_set=wanted)).as_py():
                continue
            there |= set(pc.unique(recordings).to_pylist())
            rows = now.draft.rows(block, schema(DatasetRow).names)
            new, left = reviewed(rows, answers, media)
            lost += left
            clips += pc.sum(pc.not_equal(new["reviewed"], "")).as_py() or 0
            if not new.equals(rows):
                now.draft.rewrite(block, new)
        gone = [a for a in answers if a.recording not in there]
        lost += [Lost(a, tuple(n for n in FIELDS if getattr(a, n)), "the version does not have the recording") for a in _newest_of(gone)]
        say(lost)
        return now, {"action": "review", **summary(clips, lost)}

    return correct


def _newest_of(answers: Iterable[Answer]) -> list[Answer]:
    by_recording: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        by_recording[answer.recording].append(answer)
    return [a for own in by_recording.values() for a in _newest(own)]


def summary(clips: int, lost: Sequence[Lost]) -> dict[str, Any]:
    """What a version's lineage says: the number of reviewed clips, and of answers of which something has no place, some of them by clip."""
    return {"clips": clips, "lost": len(lost), "lost_clips": sorted({x.answer.clip for x in lost})[:20]}
