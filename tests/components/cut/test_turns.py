"""Clips end where the speaker changes and around overlap, on synthetic sound whose turns and pauses are known."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.cut.__main__ import main
from components.cut.turns import OVERLAP_SECONDS, borders_of
from components.shared.rows import SAMPLE_RATE_HZ, Clip, Segment, Turn, span, to_samples
from components.shared.table import read_rows, write_rows
from tests.artifacts import write_recordings

NAME = "0123456789abcdef"
SETTINGS = {"max_seconds": 15.0, "merge_gap_seconds": 0.5, "pad_seconds": 0.1}

Said = list[tuple[float, float, int]]


def turns_of(said: Said) -> list[Turn]:
    """Turns on whole samples, as `diarize` writes them."""
    return [Turn(NAME, to_samples(start) / SAMPLE_RATE_HZ, to_samples(end) / SAMPLE_RATE_HZ, voice) for start, end, voice in said]


def borders(said: Said) -> tuple[list[float], list[float]]:
    """Changes and edges of overlaps, in seconds."""
    found = borders_of(turns_of(said))
    return tuple([round(at / SAMPLE_RATE_HZ, 3) for at in edges] for edges in (found.changes, found.overlaps))


def test_a_change_is_in_the_middle_between_the_words_of_two_and_nowhere_within_one_voice() -> None:
    assert borders([(0, 4, 0), (4.4, 7, 1), (7.2, 9, 1), (9, 12, 0)]) == ([4.2, 9.0], [])


def test_a_long_overlap_has_borders_of_its_own_and_a_short_one_is_a_change() -> None:
    assert borders([(0, 5, 0), (4.5, 8, 1)]) == ([], [4.5, 5.0])
    assert borders([(0, 5, 0), (4.9, 8, 1)]) == ([4.95], [])


def test_somebody_who_speaks_into_a_turn_leaves_no_change_behind() -> None:
    assert borders([(0, 9, 0), (4, 4.5, 1)]) == ([], [4.0, 4.5])
    assert borders([(0, 9, 0), (4, 4.1, 1)]) == ([], [])
    assert borders([(0, 9, 0), (4, 5, -1), (6, 7, 1)]) == ([], [4.0, 5.0, 6.0, 7.0])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 60), st.integers(-1, 3)), max_size=12))
def test_between_two_borders_one_person_speaks_or_it_is_an_overlap(spans: list[tuple[int, int, int]]) -> None:
    """Frames of 0.1 s. Overlaps shorter than OVERLAP_SECONDS do not count."""
    turns = sorted(turns_of([(a / 10, (a + n) / 10, voice) for a, n, voice in spans]), key=lambda t: t.start)
    found = borders_of(turns)
    edges = [0, *found.all, to_samples(30)]
    assert edges == sorted(edges)
    for start, end in pairwise(edges):
        if end - start <= to_samples(0.1):
            continue
        moments = np.arange(start + to_samples(0.05), end, to_samples(0.1))
        heard = [{t.voice for t in turns if span(t)[0] <= m < span(t)[1]} for m in moments]
        alone = {voice for voices in heard if len(voices) == 1 for voice in voices}
        together = sum(len(voices) > 1 for voices in heard) * 0.1
        assert len(alone) <= 1 or together < OVERLAP_SECONDS
        assert together <= OVERLAP_SECONDS + 0.11 or all(len(voices) > 1 for voices in heard)


# --- the stage


def run_stage(folder: Path, seconds: float, said: Said, pauses: list[tuple[float, float]], *genders: tuple[float, str]) -> list[Clip]:
    """Clips of a sound with silence in `pauses`. `genders` are lengths and labels of `segment`, all male by default."""
    for name in ("voices", "segments", "turns", "clips"):
        (folder / name).mkdir(parents=True)
    sound = 0.1 * np.random.default_rng(3).standard_normal(to_samples(seconds))
    for start, end in pauses:
        sound[to_samples(start) : to_samples(end)] *= 1e-4
    write_recordings(folder / "voices", {"aaaaaaaaaaaaaaaa": sound[:0].astype(np.float32), NAME: sound.astype(np.float32)})
    rows, at = [], 0
    for length, gender in genders or ((seconds, "male"),):
        end = at + to_samples(length)
        rows.append(Segment(NAME, at / SAMPLE_RATE_HZ, end / SAMPLE_RATE_HZ, "speech" if gender else "silence", gender))
        at = end
    write_rows(folder / "segments", Segment, rows)
    write_rows(folder / "turns", Turn, turns_of(said))
    main(folder / "voices", folder / "segments", folder / "turns", folder / "clips", **SETTINGS)
    return read_rows(folder / "clips", Clip)


def test_no_clip_holds_two_people(tmp_path: Path) -> None:
    clips = run_stage(tmp_path, 20, [(0, 5, 0), (5.3, 9, 1), (9.4, 20, 0)], [(5, 5.3), (9, 9.4)])
    assert [(c.start, c.end) for c in clips] == [
        (0.0, pytest.approx(5.15, abs=0.1)),
        (pytest.approx(5.15, abs=0.1), pytest.approx(9.2, abs=0.1)),
        (pytest.approx(9.2, abs=0.1), 20.0),
    ]
    assert not any(c.hard_cut for c in clips)


def test_overlapped_speech_is_a_clip_of_its_own_and_none_of_it_is_in_the_clips_beside_it(tmp_path: Path) -> None:
    clips = run_stage(tmp_path, 12, [(0, 5, 0), (4, 12, 1)], [(3.7, 3.9), (5.2, 5.4)])
    assert [(c.start, c.end) for c in clips] == [(0.0, 4.0), (4.0, 5.0), (5.0, 12.0)]
    assert [c.hard_cut for c in clips] == [True, True, False]


def test_a_clip_goes_on_over_a_pause_and_a_wrong_gender_while_one_voice_speaks(tmp_path: Path) -> None:
    said: Said = [(0, 3, 0), (3.4, 8, 0)]
    (clip,) = run_stage(tmp_path, 8, said, [(3, 3.4)], (3, "male"), (0.4, ""), (1.6, "female"), (3, "male"))
    assert (clip.start, clip.end, clip.gender) == (0.0, 8.0, "male")


def test_without_turns_clips_end_where_the_gender_changes(tmp_path: Path) -> None:
    clips = run_stage(tmp_path, 8, [], [(3.9, 4.1)], (4, "male"), (4, "female"))
    assert [(c.gender, round(c.end)) for c in clips] == [("male", 4), ("female", 8)]
