"""Clips end where the speaker changes, on synthetic voices and pauses whose places are known."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.cut.__main__ import main
from components.cut.pauses import FLOOR_DB, FRAME
from components.cut.turns import PIECE_SECONDS, turns_of
from components.shared.rows import SAMPLE_RATE_HZ, Clip, Segment
from components.shared.table import read_rows, write_rows
from components.shared.windows import Windows, WindowsWriter
from tests.artifacts import write_recordings

NAME = "0123456789abcdef"
SETTINGS = {"max_seconds": 15.0, "merge_gap_seconds": 0.2, "pad_seconds": 0.1, "change_similarity": 0.9}

Turns = list[tuple[float, int]]


def windows_of(turns: Turns, pause: float = 0.3, hop: float = 0.4) -> Windows:
    """Windows of voices with little in common, who speak one after the other with a pause in between."""
    of = np.random.default_rng(1).random((4, 256)) ** 8
    of /= np.linalg.norm(of, axis=1, keepdims=True)
    ends = np.cumsum([seconds + pause for seconds, _ in turns])
    starts = np.arange(0, ends[-1] - 1.6 + 1e-9, hop)
    moments = starts[:, None] + np.linspace(0.05, 1.55, 16)
    who = np.array([voice for _, voice in turns])[np.minimum(np.searchsorted(ends, moments), len(ends) - 1)]
    mixed = of[who].mean(axis=1) + 0.02 * np.random.default_rng(2).random((len(starts), 256))
    return Windows(starts, starts + 1.6, (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32), "resemblyzer")


def levels_of(turns: Turns, pause: float = 0.3) -> np.ndarray:
    """Levels of speech at -20 dB, and of silence after every turn."""
    parts = [np.r_[np.full(round(seconds * 100), -20.0), np.full(round(pause * 100), FLOOR_DB)] for seconds, _ in turns]
    return np.concatenate(parts).astype(np.float32)


def found(turns: Turns, change_similarity: float = 0.9, start: int = 0) -> list[float]:
    """Seconds of the changes in a stretch that begins at sample `start`."""
    windows = windows_of(turns)
    moved = Windows(windows.starts + start / SAMPLE_RATE_HZ, windows.ends + start / SAMPLE_RATE_HZ, windows.vectors, windows.voice_by)
    return [(turn - start) / SAMPLE_RATE_HZ for turn in turns_of(start, levels_of(turns), moved, change_similarity)]


def test_a_change_of_the_speaker_is_found_in_its_pause_and_a_breath_is_none() -> None:
    turns = [(4, 0), (3, 0), (5, 1), (2, 1), (6, 0)]
    assert found(turns) == [pytest.approx(7.45, abs=0.16), pytest.approx(15.05, abs=0.16)]
    assert found(turns, start=441_000) == pytest.approx(found(turns), abs=1e-6)


def test_a_short_answer_is_found_on_both_sides() -> None:
    assert found([(6, 0), (1.8, 1), (6, 0)]) == [pytest.approx(6.15, abs=0.16), pytest.approx(8.25, abs=0.16)]


def test_the_setting_decides_how_alike_one_voice_is() -> None:
    turns = [(4, 0), (4, 1), (4, 1)]
    assert len(found(turns, -1.0)) == 0
    assert len(found(turns, 0.9)) == 1
    assert len(found(turns, 1.0)) == 2


def test_a_piece_too_short_for_a_clip_goes_to_its_nearer_neighbor() -> None:
    levels = np.concatenate([levels_of([(5, 0)], 0.6), levels_of([(0.9, 1)], 0.2), levels_of([(5, 1)])])
    windows = windows_of([(5.3, 0), (6, 1)])
    assert [t / SAMPLE_RATE_HZ for t in turns_of(0, levels, windows, 0.9)] == [pytest.approx(5.3, abs=0.3)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 60).map(lambda n: n / 10), st.integers(0, 3)), min_size=1, max_size=12), st.floats(-1, 1))
def test_turns_lie_in_pauses_in_order_and_pieces_are_long_enough(turns: Turns, similarity: float) -> None:
    levels = levels_of(turns)
    edges = [round(seconds * SAMPLE_RATE_HZ) for seconds in found(turns, similarity)]
    assert edges == sorted(set(edges))
    assert all(levels[edge // FRAME] == FLOOR_DB for edge in edges)
    assert not edges or min(b - a for a, b in pairwise([0, *edges, len(levels) * FRAME])) >= PIECE_SECONDS * SAMPLE_RATE_HZ


# --- the stage


def run_stage(folder: Path, turns: Turns, windows: Windows | None, gender: str = "male", **changed: float) -> tuple[dict, list[Clip]]:
    for name in ("voices", "segments", "windows", "clips"):
        (folder / name).mkdir(parents=True)
    amplitude = np.repeat(np.where(levels_of(turns) > FLOOR_DB, 0.1, 1e-5), FRAME)
    sound = (amplitude * np.random.default_rng(3).standard_normal(len(amplitude))).astype(np.float32)
    write_recordings(folder / "voices", {"aaaaaaaaaaaaaaaa": sound[:0], NAME: sound})
    write_rows(folder / "segments", Segment, [Segment(NAME, 0.0, len(sound) / SAMPLE_RATE_HZ, "speech", gender)])
    with WindowsWriter(folder / "windows") as writer:
        if windows:
            writer.write(NAME, windows)
    outcome = main(folder / "voices", folder / "segments", folder / "windows", folder / "clips", **SETTINGS | changed)
    return dict(outcome), read_rows(folder / "clips", Clip)


def test_no_clip_holds_two_people(tmp_path: Path) -> None:
    turns = [(5, 0), (4, 1), (6, 0), (2.5, 2), (7, 0)]
    outcome, clips = run_stage(tmp_path, turns, windows_of(turns))
    ends = np.cumsum([seconds + 0.3 for seconds, _ in turns])
    assert outcome["speaker_changes"] == 4
    assert len(clips) == 5
    for clip, end in zip(clips, ends, strict=True):
        assert end - 0.35 <= clip.end <= end
        assert not clip.hard_cut
    assert all(a.end <= b.start for a, b in pairwise(clips))


def test_without_windows_clips_are_as_if_nobody_had_listened_to_voices(tmp_path: Path) -> None:
    turns = [(5, 0), (4, 1), (4, 0)]
    outcome, clips = run_stage(tmp_path / "none", turns, None)
    assert outcome["speaker_changes"] == 0
    assert len(clips) == 1
    assert run_stage(tmp_path / "alike", turns, windows_of(turns), change_similarity=-1.0)[1] == clips


def test_the_same_twice_gives_the_same_clips(tmp_path: Path) -> None:
    turns = [(3, 0), (4, 1), (3, 2), (4, 0)]
    assert run_stage(tmp_path / "a", turns, windows_of(turns)) == run_stage(tmp_path / "b", turns, windows_of(turns))
