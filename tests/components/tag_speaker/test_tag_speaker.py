"""Whose voice clips are, on turns and windows of voices whose places are known."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from components.shared.rows import Clip, Speaker, Turn
from components.shared.table import read_rows, write_rows
from components.shared.task import Lineage
from components.shared.windows import REFERENCE_TABLE, Windows, WindowsWriter
from components.tag_speaker.__main__ import main

NAME = "0123456789abcdef"
LINEAGE = Lineage({"diarize": {"models": {"reference": "host/abc"}}})


def voices(count: int, seed: int = 1) -> np.ndarray:
    """So many voices that have nothing in common, as vectors."""
    found = np.random.default_rng(seed).standard_normal((count, 192))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


Turns = list[tuple[float, int]]
"""People who speak one after the other: each turn's seconds and whose voice it is."""


def spoken(turns: Turns, of: np.ndarray, noise: float = 0.02) -> Windows:
    """Windows as `diarize` writes them: each lies within one turn."""
    ends = np.cumsum([seconds for seconds, _ in turns])
    spans = [(end - seconds, end, voice) for (seconds, voice), end in zip(turns, ends, strict=True) if seconds >= 0.3]
    found = [
        (at, min(at + 1.6, end), v)
        for start, end, v in spans
        for at in np.linspace(start, max(start, end - 1.6), math.ceil((end - start) / 1.6))
    ]
    starts, ends, who = (np.array(column) for column in zip(*found, strict=True))
    mixed = of[who] + noise * np.random.default_rng(2).random((len(starts), of.shape[1]))
    return Windows(starts, ends, who, (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32), "campplus")


def rows_of(turns: Turns, recording: str = NAME) -> list[Turn]:
    ends = np.cumsum([seconds for seconds, _ in turns])
    return [Turn(recording, float(end - seconds), float(end), voice) for (seconds, voice), end in zip(turns, ends, strict=True)]


def clip(start: float, end: float, recording: str = NAME) -> Clip:
    return Clip(f"{recording}-{round(start * 1000):08d}", recording, start, end, "", hard_cut=False)


def tagged(
    folder: Path, clips: list[Clip], said: dict[str, Turns], of: np.ndarray, reference: Turns = (), also: list[Turn] = ()
) -> tuple[dict, list[Speaker]]:
    """The outcome and rows of the stage. `also` are turns beside those of `said`."""
    for name in ("turns", "clips", "speakers"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    with WindowsWriter(folder / "turns") as writer:
        for recording, turns in said.items():
            writer.write(recording, spoken(turns, of))
    with WindowsWriter(folder / "turns", REFERENCE_TABLE) as writer:
        if reference:
            writer.write("fedcba9876543210", spoken(reference, of))
    turns = [turn for recording, parts in said.items() for turn in rows_of(parts, recording)]
    write_rows(folder / "turns", Turn, sorted([*turns, *also], key=lambda t: (t.recording, t.start)))
    write_rows(folder / "clips", Clip, clips)
    outcome = main(folder / "turns", folder / "clips", folder / "speakers", LINEAGE)
    return dict(outcome), read_rows(folder / "speakers", Speaker)


def cosine(a: Speaker, b: Speaker) -> float:
    return float(np.frombuffer(a.vector, "<f4") @ np.frombuffer(b.vector, "<f4"))


def test_clips_of_one_voice_are_alike_and_of_two_are_not(tmp_path: Path) -> None:
    clips = [clip(0, 6), clip(6, 11), clip(11, 18)]
    outcome, (first, guest, last) = tagged(tmp_path, clips, {NAME: [(6, 0), (5, 1), (7, 0)]}, voices(2))
    assert cosine(first, last) > 0.95
    assert cosine(first, guest) < 0.3
    assert outcome["clips"] == 3 and outcome["voices"] == 2
    assert {(s.similarity, s.clip_similarity, s.reference) for s in (first, guest, last)} == {(None, None, "")}
    assert {(s.purity, s.overlap_share) for s in (first, guest, last)} == {(1.0, 0.0)}


def test_the_reference_s_voice_is_told_from_another(tmp_path: Path) -> None:
    outcome, (host, guest) = tagged(tmp_path, [clip(0, 6), clip(6, 12)], {NAME: [(6, 0), (6, 1)]}, voices(2), [(8, 0)])
    assert host.similarity is not None and guest.similarity is not None
    assert host.similarity > 0.9 > 0.3 > guest.similarity
    assert host.reference == "host/abc"
    assert 0.9 < outcome["reference_lowest_similarity"] <= outcome["reference_mean_similarity"] <= 1


def test_a_clip_is_as_similar_as_its_voice_in_all_recordings_of_the_shard(tmp_path: Path) -> None:
    of = voices(2)
    of[1] = 0.5 * of[0] + 0.5 * of[1]  # a short, hoarse word of voice 0
    of /= np.linalg.norm(of, axis=1, keepdims=True)
    said = {NAME: [(9, 0)], "fedcba9876543211": [(0.8, 1), (20, 0)]}
    clips = [clip(0, 9), clip(0, 0.8, "fedcba9876543211"), clip(0.8, 20.8, "fedcba9876543211")]
    _, (_, word, _) = tagged(tmp_path, clips, said, of, [(8, 0)])
    assert word.clip_similarity is not None and word.similarity is not None
    assert word.similarity >= word.clip_similarity and word.similarity > 0.9


def test_a_clip_in_which_a_second_person_answers_is_less_pure(tmp_path: Path) -> None:
    _, (one, two) = tagged(tmp_path, [clip(0, 8), clip(8, 16)], {NAME: [(8, 0), (6, 0), (2, 1)]}, voices(2), [(8, 0)])
    assert one.purity == 1
    assert two.purity == pytest.approx(0.75)
    assert two.similarity is not None and two.similarity > 0.9, "its voice is the one that says most"


def test_overlapped_speech_is_told_by_its_share_of_the_clip(tmp_path: Path) -> None:
    also = [Turn(NAME, 3.0, 4.0, 1), Turn(NAME, 3.5, 4.5, -1)]
    _, (row,) = tagged(tmp_path, [clip(0, 10)], {NAME: [(6, 0)]}, voices(1), also=also)
    assert row.overlap_share == pytest.approx(0.15)
    assert row.purity == pytest.approx(4.5 / 6)


def test_a_neighbor_s_voice_at_the_edges_does_not_count(tmp_path: Path) -> None:
    of = voices(3)
    _, (expected,) = tagged(tmp_path / "a", [clip(0, 4)], {NAME: [(4, 0)]}, of, [(8, 0)])
    _, (found,) = tagged(tmp_path / "b", [clip(3.8, 8.2)], {NAME: [(4, 1), (4, 0), (4, 2)]}, of, [(8, 0)])
    assert found.similarity == pytest.approx(expected.similarity, abs=0.03)
    assert found.purity == pytest.approx(4 / 4.4)


def test_a_clip_that_hardly_touches_a_window_has_no_voice(tmp_path: Path) -> None:
    _, (touching, half) = tagged(tmp_path, [clip(1.59, 4), clip(1.3, 1.59)], {NAME: [(1.6, 0)]}, voices(1), [(8, 0)])
    assert (touching.vector, touching.similarity) == (b"", None)
    assert half.vector and half.similarity is not None


def test_a_clip_without_a_window_has_a_row_without_a_voice(tmp_path: Path) -> None:
    clips = [clip(0, 4), clip(50, 52), clip(0, 3, "aaaaaaaaaaaaaaaa")]
    outcome, rows = tagged(tmp_path, clips, {NAME: [(6, 0)]}, voices(1), [(8, 0)])
    assert [r.clip for r in rows] == [c.clip for c in clips]
    assert [bool(r.vector) for r in rows] == [True, False, False]
    assert [(r.similarity, r.clip_similarity, r.purity, r.overlap_share) for r in rows[1:]] == [(None,) * 4] * 2
    assert outcome["clips_without_voice"] == 2


def test_without_turns_no_clip_has_a_voice(tmp_path: Path) -> None:
    outcome, rows = tagged(tmp_path, [clip(0, 4)], {}, voices(1))
    assert rows == [Speaker(clip(0, 4).clip, b"", "", None, None, None, None, "")]
    assert outcome == {"clips": 1, "clips_without_voice": 1, "voices": 0}


@example(turns=[(0.3125, 0), (2.0, 0)], late=0.25)  # the window that has half of the clip is no more in it than the window beside it
@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(0.3, 9), st.integers(0, 2)), min_size=1, max_size=8), st.floats(-0.5, 0.5))
def test_every_clip_has_one_row_within_range(tmp_path_factory: pytest.TempPathFactory, turns: Turns, late: float) -> None:
    ends = np.cumsum([0.0, *(seconds for seconds, _ in turns)])
    clips = [clip(max(a + late, 0), b + late) for a, b in itertools.pairwise(ends) if b + late > max(a + late, 0)]
    folder = tmp_path_factory.mktemp("law")
    outcome, rows = tagged(folder, clips, {NAME: turns}, voices(3), [(8, 0)])
    assert [r.clip for r in rows] == [c.clip for c in clips]
    for row in rows:
        assert (row.similarity is None) == (row.clip_similarity is None) == (row.vector == b"")
        assert row.purity is None or 0 < row.purity <= 1 + 1e-9
        if row.vector:
            assert np.linalg.norm(np.frombuffer(row.vector, "<f4")) == pytest.approx(1, abs=1e-5)
            assert row.similarity <= 1 and row.clip_similarity <= 1
    assert tagged(folder, clips, {NAME: turns}, voices(3), [(8, 0)]) == (outcome, rows)
