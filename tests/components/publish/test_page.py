"""The page of a version tells whose speech it holds, how it is said and in which language."""

from dataclasses import replace
from typing import Any

from components.publish.page import page
from components.shared.rows import DatasetRow
from store.datasets import Version
from tests.components.publish.conftest import row

ROWS = [
    replace(row("a-1", 6.0, tone="calm", language="ko"), kept=True),
    replace(row("a-2", 2.0, tone="angry", language="ko"), kept=True),
    row("a-3", 50.0, tone="happy", language="en"),
]


def shown(rows: list[DatasetRow], **lineage: Any) -> str:
    return page("show", Version(3, 3, "run", 0, {"stages": {}, "sources_sha256": ""} | lineage), rows, {"kept_seconds": 8.0}, [])


def test_the_speakers_are_shown_the_dominant_one_first_and_the_others_together() -> None:
    found = shown(
        ROWS, speakers={"given": 9, "count": 7, "dominant": "s0002", "speech_seconds": 100.0, "seconds": {"s0001": 20.0, "s0002": 70.0}}
    )
    assert "Dominant: s0002." in found
    places = [found.index(text) for text in ("s0002</td><td", "70.0 s", "70.0%", "s0001</td><td", "20.0%", "5 more</td><td", "10.0%")]
    assert places == sorted(places)


def test_tones_and_languages_of_what_is_kept_are_shown() -> None:
    tones, languages = shown(ROWS).partition("Kept by tone")[2].split("Kept by language")
    places = [tones.index(text) for text in ("calm</td><td", "6.0 s", "75.0%", "angry</td><td", "2.0 s", "25.0%")]
    assert places == sorted(places)
    assert "ko</td><td" in languages and "100.0%" in languages
    assert "happy" not in tones and "en</td><td" not in languages and "Speech by speaker" not in shown(ROWS)


def test_what_nobody_measured_has_no_heading() -> None:
    found = shown([replace(row("a-1"), kept=True)])
    assert "Kept by gender" in found and "Kept by tone" not in found and "Kept by language" not in found


def test_a_tone_from_a_model_is_text_and_no_markup() -> None:
    found = shown([replace(row("a-1", tone="<b>calm</b>", language='"><script>'), kept=True)])
    assert "&lt;b&gt;calm&lt;/b&gt;" in found and "<script" not in found and "<b>" not in found
