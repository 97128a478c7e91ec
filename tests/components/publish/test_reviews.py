"""What people said of clips: it is put on the clips of later versions, also after the recordings were cut elsewhere."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.publish.reviews import EDGE_SECONDS, Lost, Span, placed, reviewed
from components.publish.rules import parse, reasons
from components.shared.review import HUMAN
from components.shared.rows import DatasetRow, Vector
from components.shared.rules import SETTINGS
from components.shared.table import empty, from_table, to_table
from store.reviews import Answer

NEUTRAL = {s.name: s.neutral for s in SETTINGS}


def answer(start: float, end: float, text: str = "", at: int = 0, **said: str) -> Answer:
    nothing = {"speaker": "", "tone": "", "reject": ""}
    return Answer(
        f"a-{start:g}", "a", start, end, "media", text, "", by="ann", at=f"2026-01-01T00:00:{at:02d}Z", annotation="", **nothing | said
    )


def texts(spans: list[tuple[float, float]], *answers: Answer) -> tuple[list[str], list[Lost]]:
    found, lost = placed([Span(str(n), *s) for n, s in enumerate(spans)], answers)
    return [found.get(str(n), {}).get("text", "") for n in range(len(spans))], lost


def test_a_clip_of_the_same_seconds_gets_the_whole_answer() -> None:
    said = answer(1, 3, "hello", tone="happy", speaker="s0001")
    found, lost = placed([Span("new", 1.0, 3.0)], [said])
    assert found == {"new": {"text": "hello", "tone": "happy", "speaker": "s0001", "reject": "", "by": "ann", "at": said.at}} and not lost


def test_texts_survive_a_cut_that_moves_edges_or_joins_clips() -> None:
    one, two = answer(1, 3, "hello"), answer(3.1, 5, "there")
    assert texts([(0.9, 3.05), (3.05, 5.2)], one, two) == (["hello", "there"], [])
    assert texts([(1, 5)], one, two) == (["hello there"], [])


def test_a_text_that_no_clip_holds_wholly_is_lost_and_says_so() -> None:
    whole = answer(1, 5, "hello there", tone="happy")
    found, (lost,) = texts([(1, 3), (3, 5)], whole)
    assert found == ["", ""] and (lost.fields, lost.why) == (("text",), "the recording is cut elsewhere now")
    for spans in ([(1, 6)], [(0, 5)], [(2, 5)]):
        found, (lost,) = texts(spans, whole)
        assert found == [""] and "text" in lost.fields
    found, (lost,) = texts([(7, 9)], whole)
    assert lost.why == "no clip is there now"


def test_a_tone_stays_on_every_part_and_a_rejection_on_what_it_mostly_covers() -> None:
    spans = [Span("x", 1, 3), Span("y", 3, 5), Span("z", 4.5, 9)]
    found, lost = placed(spans, [answer(1, 5, tone="happy", reject="noise")])
    assert {c: (f["tone"], f["reject"]) for c, f in found.items()} == {"x": ("happy", "noise"), "y": ("happy", "noise")} and not lost


def test_the_newest_answer_on_the_same_seconds_counts() -> None:
    assert texts([(1, 3)], answer(1, 3, "old", at=1), answer(1, 3, "new", at=2))[0] == ["new"]
    assert texts([(1, 3)], answer(1, 2.6, "old", at=1), answer(1, 3, "new", at=2))[0] == ["new"]


@given(st.lists(st.floats(0.6, 9), min_size=1, max_size=8), st.data())
def test_a_text_is_only_ever_on_a_clip_that_its_seconds_fill(lengths: list[float], data: st.DataObject) -> None:
    edges = [0.0]
    for seconds in lengths:
        edges.append(edges[-1] + seconds)
    answers = [answer(a, b, f"w{n}", at=n) for n, (a, b) in enumerate(pairwise(edges))]
    cuts = sorted({0.0, edges[-1], *data.draw(st.lists(st.floats(0, edges[-1]), max_size=6))})
    spans = [(a, b) for a, b in pairwise(cuts) if b - a > 0.5]
    found, lost = texts(spans, *answers)
    placed_words = [w for text in found for w in text.split()]
    assert sorted(placed_words + [x.answer.text for x in lost]) == sorted(a.text for a in answers), (
        "each is on one clip, or said to be lost"
    )
    for (start, end), text in zip(spans, found, strict=True):
        own = [a for a in answers if a.text in text.split()]
        if own:
            assert abs(own[0].start - start) <= EDGE_SECONDS and abs(own[-1].end - end) <= EDGE_SECONDS


def row(**columns: object) -> DatasetRow:
    known = {"clip": "a-1", "recording": "a", "start": 1.0, "end": 3.0, "samples": 88_200, "text": "helo", "words": ["helo"]}
    return replace(empty(DatasetRow), word_times=Vector(bytes(8)), **known | columns)


def test_the_engines_text_stays_beside_the_persons() -> None:
    rows = to_table(DatasetRow, [row(), row(clip="b-1", recording="b")])
    once, lost = reviewed(rows, [answer(1, 3, "hello")], {"a": "media", "b": "other"})
    first, second = from_table(DatasetRow, once)
    assert (first.text, first.text_engine, first.text_source, first.words, first.reviewed_by) == ("hello", "helo", HUMAN, [], "ann")
    assert second == from_table(DatasetRow, rows)[1] and not lost
    assert reviewed(once, [answer(1, 3, "hello")], {"a": "media"})[0].equals(once), "it can be done again"
    twice, _ = reviewed(once, [answer(1, 3, "hello"), answer(1, 3, "hullo", at=1)], {"a": "media"})
    assert (twice["text"][0].as_py(), twice["text_engine"][0].as_py()) == ("hullo", "helo")


def test_answers_on_another_file_are_lost_and_say_so() -> None:
    rows, (lost,) = reviewed(to_table(DatasetRow, [row()]), [answer(1, 3, "hello")], {"a": "new media"})
    assert rows["text"].to_pylist() == ["helo"] and lost.why == "the recording is another file now"


@pytest.mark.parametrize(
    ("column", "value", "rule"), [("text_agreement", 0.1, {"min_agreement": 0.5}), ("confidence", -5.0, {"min_confidence": -1})]
)
def test_rules_on_transcripts_spare_a_persons_text_and_rejections_come_first(column: str, value: float, rule: dict[str, float]) -> None:
    rows = [
        row(**{column: value}),
        row(**{column: value}, text_source=HUMAN),
        row(reject_truth="two_voices", text_source=HUMAN, **{column: 0.0}),
    ]
    found = reasons(to_table(DatasetRow, rows), parse(NEUTRAL | rule), ()).to_pylist()
    assert found == [column.removeprefix("text_"), "", "human:two_voices"]
