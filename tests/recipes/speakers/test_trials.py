"""recipes/speakers: the pairs of references and clips, and error rates by time."""

import numpy as np
import pytest

from components.shared.encoders import ENCODERS
from components.shared.voices import Voice
from components.shared.windows import Windows
from recipes.speakers.mixtures import Utterance, recording_id
from recipes.speakers.report import by_threshold, threshold_by_time
from recipes.speakers.trials import DRAWS, Trials, clips, references, trials

SECONDS, WINDOW_SECONDS = 4.0, 1.6


def utterances(speaker: str, gender: str, language: str, count: int = 4) -> list[Utterance]:
    return [Utterance(f"{speaker}-{n}", speaker, gender, language, 5.0 * n, 5.0 * n + SECONDS) for n in range(count)]


def windows(axis: int, count: int = 4) -> Windows:
    """A recording whose windows all have the unit vector of one axis."""
    starts = np.arange(0, 5.0 * count - WINDOW_SECONDS, 0.4)
    vectors = np.tile(np.eye(192, dtype=np.float32)[axis], (len(starts), 1))
    return Windows(starts, starts + WINDOW_SECONDS, np.zeros(len(starts), np.int64), vectors, "campplus")


def voice(axis: int) -> Voice:
    """A voice of 4 s that is one axis."""
    return Voice(2.0 * np.eye(192)[axis], SECONDS)


def test_a_reference_is_compared_with_its_language_and_never_with_its_own_utterances() -> None:
    said = [*utterances("a", "female", "ko"), *utterances("b", "male", "ko"), *utterances("c", "female", "en")]
    heard = {recording_id("clean", name): windows(axis) for axis, name in enumerate("abc")}
    by_path = {u.path: voice("abc".index(u.speaker)) for u in said}
    made = references(said, by_path, 1)
    assert [r.speaker for r in made] == ["a"] * DRAWS + ["b"] * DRAWS + ["c"] * DRAWS
    given = clips(said, "clean", heard)
    assert len(given) == 2 * len(said), "4 s hold a clip of 1.5 to 3 s and one of 3 to 6 s"
    for reference, columns in zip(made, trials(made, given, ENCODERS["campplus"], "clean", False, 1), strict=True):
        others = {"a": 8, "b": 8, "c": 0}[reference.speaker]
        assert columns["same"].sum() == 6 and len(columns["same"]) == 6 + others
        assert np.array_equal(columns["similarity"], columns["same"].astype(float))
        assert not columns["same_gender"][~columns["same"]].any()


def test_a_speaker_with_too_few_utterances_has_no_reference() -> None:
    said = utterances("a", "female", "ko", count=5)
    by_path = {u.path: voice(0) for u in said}
    assert len(references(said, by_path, 2)) == DRAWS and references(said, by_path, 3) == []


@pytest.fixture
def rigged() -> Trials:
    """Own clips of 1 and 3 s, others of 2 and 98 s: the one of 2 s sounds more like the voice than the own one of 3 s does."""
    columns = {"similarity": [0.9, 0.65, 0.8, 0.1], "seconds": [1.0, 3.0, 2.0, 98.0], "same": [True, True, False, False]}
    return Trials({name: np.array(values) for name, values in (columns | {"language": ["ko"] * 4}).items()})


def test_the_threshold_is_the_lowest_with_one_percent_of_false_accepts_by_time(rigged: Trials) -> None:
    assert threshold_by_time(rigged) == (pytest.approx(0.85), 0.75)
    shorter = Trials(dict(rigged.columns) | {"seconds": np.array([1.0, 3.0, 1.0, 99.0])})
    assert threshold_by_time(shorter) == (pytest.approx(0.375), 0.0)


def test_the_table_of_thresholds_weighs_clips_by_their_seconds(rigged: Trials) -> None:
    lines = {
        cells[0]: cells[1:] for cells in ([c.strip() for c in line.strip("|").split("|")] for line in by_threshold(rigged).splitlines())
    }
    assert lines["threshold"] == ["Korean", "all"]
    assert lines["0.600"] == ["2.0 % / 0.0 %"] * 2
    assert lines["0.800"] == ["2.0 % / 75.0 %"] * 2
    assert lines["0.850"] == ["0.0 % / 75.0 %"] * 2
    assert lines["0.900"] == ["0.0 % / 75.0 %"] * 2
    assert lines["false accepts 1%"] == ["0.850: 75.0 %"] * 2
