"""The numbers on a page are those of the rows."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.report.amounts import Amounts, Share, most, outside_seconds
from components.report.confusion import confusion
from components.report.scores import SCORES, measured
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow
from components.shared.table import empty, to_table
from store.truth import Truth

DNSMOS = next(s for s in SCORES if s.name == "min_dnsmos")
SIMILARITY = next(s for s in SCORES if s.name == "min_similarity")
CLIPPED = next(s for s in SCORES if s.name == "max_clipped_share")


def row(seconds: float = 2.0, reason: str = "", **columns: Any) -> DatasetRow:
    samples = round(seconds * SAMPLE_RATE_HZ)
    return replace(empty(DatasetRow), samples=samples, end=seconds, kept=not reason, reason=reason, **columns)


def amounts(rows: list[DatasetRow]) -> Amounts:
    """The amounts of rows that come in two tables."""
    found = Amounts(["tone"])
    for part in (rows[::2], rows[1::2]):
        found.add(to_table(DatasetRow, part))
    return found


ROWS = st.lists(
    st.builds(
        row,
        st.integers(1, 40).map(lambda n: n / 4),
        st.sampled_from(["", "", "dnsmos", "too_short", "repeats:a-1", "repeats:b-2"]),
        dnsmos_ovrl=st.none() | st.floats(1, 5),
        tone=st.sampled_from(["", "calm", "angry"]),
    ),
    min_size=1,
    max_size=40,
)


@settings(deadline=None)
@given(ROWS, st.dictionaries(st.sampled_from(["rejected_music_seconds", "rejected_noise_seconds"]), st.integers(0, 100)))
def test_the_funnel_leads_from_all_seconds_to_the_kept_ones(rows: list[DatasetRow], lineage: dict[str, float]) -> None:
    outside = outside_seconds(lineage)
    steps = amounts(rows).funnel(outside)
    kept = sum(r.samples for r in rows if r.kept) / SAMPLE_RATE_HZ
    crawled = sum(lineage.values()) + sum(r.samples for r in rows) / SAMPLE_RATE_HZ
    assert crawled - sum(s.seconds for s in steps) == pytest.approx(kept)
    assert (steps[-1].left_seconds if steps else crawled) == pytest.approx(kept)
    assert sum(s.clips for s in steps) == sum(not r.kept for r in rows)
    repeats = [s for s in steps if s.reason == "repeats"]
    assert [s.clips for s in repeats] == [n for n in [sum(r.reason.startswith("repeats:") for r in rows)] if n]


@settings(deadline=None)
@given(ROWS)
def test_the_values_of_a_column_share_all_seconds(rows: list[DatasetRow]) -> None:
    found = amounts(rows).shares("tone")
    if not any(r.tone for r in rows):
        assert found == [], "a column without values is not shown"
        return
    assert sum(s.seconds for s in found) == pytest.approx(sum(r.samples for r in rows) / SAMPLE_RATE_HZ)
    assert sum(s.kept_seconds for s in found) == pytest.approx(sum(r.samples for r in rows if r.kept) / SAMPLE_RATE_HZ)
    assert {s.name for s in found} == {r.tone or "unknown" for r in rows}
    assert sum(s.seconds for s in most(found, 1)) == pytest.approx(sum(s.seconds for s in found))


def test_what_is_too_much_to_show_is_one_line() -> None:
    found = [Share(str(i), 10.0 - i, 1.0, 2) for i in range(5)]
    assert [s.name for s in most(found, 3)] == ["0", "1", "2", "2 more"]
    assert [s.name for s in most(found, 4)] == ["0", "1", "2", "3", "4"]


@settings(deadline=None)
@given(ROWS)
def test_bars_and_curve_hold_what_the_rows_say(rows: list[DatasetRow]) -> None:
    found = measured(DNSMOS, to_table(DatasetRow, rows), {"min_dnsmos": 2.0})
    scored = [r for r in rows if r.dnsmos_ovrl is not None]
    assert (found is None) == (not scored)
    if found is None:
        return
    assert found.missing == len(rows) - len(scored)
    assert found.kept.sum() * SAMPLE_RATE_HZ == pytest.approx(sum(r.samples for r in scored if r.kept))
    assert found.rejected.sum() * SAMPLE_RATE_HZ == pytest.approx(sum(r.samples for r in scored if not r.kept))
    total = sum(r.samples for r in rows)
    for at, share, exact in zip(found.thresholds, found.kept_share, found.exact, strict=True):
        left = sum(r.samples for r in scored if r.dnsmos_ovrl >= at and (r.kept or r.reason == "dnsmos"))
        assert share == pytest.approx(left / total)
        assert exact == (at >= 2.0)
    assert np.all(np.diff(found.kept_share) <= 1e-12)


@settings(deadline=None)
@given(ROWS)
def test_the_cost_of_a_stricter_rule_is_what_it_keeps(rows: list[DatasetRow]) -> None:
    found = measured(DNSMOS, to_table(DatasetRow, rows), {})
    kept = [r for r in rows if r.kept]
    whole = sum(r.samples for r in kept)
    for share, at in (found.costs if found else {}).items():
        if at is None:
            assert sum(r.samples for r in kept if r.dnsmos_ovrl is not None) < share * whole or not kept
        else:
            assert sum(r.samples for r in kept if r.dnsmos_ovrl is not None and r.dnsmos_ovrl >= at) >= share * whole
            assert sum(r.samples for r in kept if r.dnsmos_ovrl is not None and r.dnsmos_ovrl > at) < share * whole


def test_a_rule_that_is_off_has_no_threshold_and_one_of_a_highest_value_turns_the_curve() -> None:
    rows = [row(clipped_share=0.0), row(clipped_share=0.2), row(reason="clipped", clipped_share=0.6)]
    off, on = measured(CLIPPED, to_table(DatasetRow, rows), {}), measured(CLIPPED, to_table(DatasetRow, rows), {"max_clipped_share": 0.5})
    assert off and on and off.threshold is None and on.threshold == 0.5
    assert np.interp([0.1, 0.3, 0.606], on.thresholds, on.kept_share) == pytest.approx([1 / 3, 2 / 3, 1.0], abs=0.05)
    assert on.costs[0.5] == 0.0 and on.costs[0.9] == 0.2


def test_clips_that_were_compared_with_no_reference_pass_its_rule() -> None:
    found = measured(SIMILARITY, to_table(DatasetRow, [row(similarity=0.9), row()]), {"min_similarity": 0.8})
    assert found and found.missing == 1 and found.kept_share[-1] >= 0.5 and found.costs[0.95] == 0.9


def test_scores_of_nobody_are_not_drawn() -> None:
    assert measured(DNSMOS, to_table(DatasetRow, [row(), row()]), {"min_dnsmos": 2.0}) is None


TRUTH = [
    Truth("https://example.org/a.mp3", 0.0, 10.0, "calm"),
    Truth("https://example.org/a.mp3", 10.0, 20.0, "angry"),
    Truth("b c.wav", 0.0, 5.0, "angry"),
]


def at(start: float, end: float, tone: str, source: str = "https://example.org/a.mp3") -> DatasetRow:
    return replace(empty(DatasetRow), source=source, start=start, end=end, tone=tone)


def test_a_clip_has_the_tone_that_covers_most_of_it_and_at_least_half() -> None:
    clips = [
        at(1, 3, "calm"),
        at(9, 13, "angry"),
        at(11, 13, "calm"),
        at(19, 22, "calm"),  # a third of it is known
        at(4, 6, "", "file:///x/b%20c.wav"),
        at(0, 2, "calm", "https://example.org/unknown.mp3"),
    ]
    found = confusion(clips, TRUTH)
    assert found and found.tones == ["angry", "calm", "none"]
    assert found.clips == [[1, 1, 1], [0, 1, 0], [0, 0, 0]]
    assert found.total == 4 and found.right == 0.5
    assert found.metadata()["confusionMatrix"]["rows"][0] == {"row": [1, 1, 1]}
    assert found.metadata()["confusionMatrix"]["annotationSpecs"][1] == {"displayName": "calm"}


def test_of_many_tones_the_most_frequent_stand_by_themselves_and_no_right_clip_is_gained() -> None:
    clips = [at(1, 3, f"t{i // 2:02d}", f"{i}.mp3") for i in range(100)] + [at(1, 3, "often", f"{i}.mp3") for i in range(100)]
    truths = [Truth(f"{i}.mp3", 0, 10, f"t{(i + i % 2) // 2:02d}") for i in range(100)]  # every other one is right
    found = confusion(clips, truths)
    assert found and len(found.tones) == 21 and "often" in found.tones and found.tones[-1] == "32 others"
    assert found.total == 200 and found.right == 50 / 200
    assert sum(found.right_clips) == 50 and found.right_clips[-1] < found.clips[-1][-1], "another of the others is not right"
    assert len(found.metadata()["confusionMatrix"]["rows"]) == 21


def test_without_truth_there_is_no_confusion() -> None:
    assert confusion([at(0, 2, "calm")], []) is None
    assert confusion([at(0, 2, "calm")], [Truth("https://example.org/a.mp3", 0.0, 10.0, "")]) is None
