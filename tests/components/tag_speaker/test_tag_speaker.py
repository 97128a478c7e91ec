"""Whose voice clips are, on windows of two voices whose places are known."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.shared.rows import Clip, Speaker
from components.shared.table import read_rows, write_rows
from components.shared.task import Lineage
from components.shared.windows import REFERENCE_TABLE, Windows, WindowsWriter
from components.tag_speaker.__main__ import main

NAME = "0123456789abcdef"
LINEAGE = Lineage({"embed": {"models": {"reference": "host/abc"}}})


def voices(count: int, seed: int = 1) -> np.ndarray:
    """So many voices that have little in common, as vectors: nothing in them is negative."""
    found = np.random.default_rng(seed).random((count, 256)) ** 8
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def spoken(turns: list[tuple[float, int]], of: np.ndarray, hop: float = 0.4, noise: float = 0.02) -> Windows:
    """Windows of people who speak one after the other: each turn's seconds and whose voice it is."""
    ends = np.cumsum([seconds for seconds, _ in turns])
    starts = np.arange(0, ends[-1] - 1.6 + 1e-9, hop)
    moments = starts[:, None] + np.linspace(0.05, 1.55, 16)
    who = np.array([voice for _, voice in turns])[np.minimum(np.searchsorted(ends, moments), len(ends) - 1)]
    mixed = of[who].mean(axis=1) + noise * np.random.default_rng(2).random((len(starts), 256))
    return Windows(starts, starts + 1.6, (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32), "resemblyzer")


def clip(start: float, end: float, recording: str = NAME) -> Clip:
    return Clip(f"{recording}-{round(start * 1000):08d}", recording, start, end, "", hard_cut=False)


def tagged(folder: Path, clips: list[Clip], windows: dict[str, Windows], reference: Windows | None = None) -> tuple[dict, list[Speaker]]:
    for name in ("windows", "clips", "speakers"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    with WindowsWriter(folder / "windows") as writer:
        for recording, heard in windows.items():
            writer.write(recording, heard)
    with WindowsWriter(folder / "windows", REFERENCE_TABLE) as writer:
        if reference:
            writer.write("fedcba9876543210", reference)
    write_rows(folder / "clips", Clip, clips)
    outcome = main(folder / "windows", folder / "clips", folder / "speakers", LINEAGE)
    return dict(outcome), read_rows(folder / "speakers", Speaker)


def cosine(a: Speaker, b: Speaker) -> float:
    return float(np.frombuffer(a.vector, "<f4") @ np.frombuffer(b.vector, "<f4"))


def test_clips_of_one_voice_are_alike_and_of_two_are_not(tmp_path: Path) -> None:
    of = voices(2)
    windows = {NAME: spoken([(6, 0), (5, 1), (7, 0)], of)}
    outcome, (first, guest, last) = tagged(tmp_path, [clip(0, 6), clip(6, 11), clip(11, 18)], windows)
    assert cosine(first, last) > 0.95
    assert cosine(first, guest) < 0.6
    assert outcome["clips"] == 3
    assert {(s.similarity, s.reference) for s in (first, guest, last)} == {(None, "")}


def test_the_reference_s_voice_is_told_from_another(tmp_path: Path) -> None:
    of = voices(2)
    windows = {NAME: spoken([(6, 0), (6, 1)], of)}
    outcome, (host, guest) = tagged(tmp_path, [clip(0, 6), clip(6, 12)], windows, spoken([(8, 0)], of))
    assert host.similarity is not None and guest.similarity is not None
    assert host.similarity > 0.9 > 0.6 > guest.similarity
    assert host.reference == "host/abc"
    assert 0.9 < outcome["reference_lowest_similarity"] <= outcome["reference_mean_similarity"] <= 1


@pytest.mark.parametrize("known", [True, False])
def test_a_clip_in_which_a_second_person_answers_is_less_pure(tmp_path: Path, known: bool) -> None:
    of = voices(2)
    windows = {NAME: spoken([(8, 0), (6, 0), (3, 1)], of)}
    _, (one, two) = tagged(tmp_path, [clip(0, 8), clip(8, 17)], windows, spoken([(8, 0)], of) if known else None)
    assert one.purity is not None and two.purity is not None
    assert one.purity > 0.9
    assert two.purity < 0.75


def test_a_neighbor_s_voice_at_the_edges_does_not_count(tmp_path: Path) -> None:
    of = voices(3)
    alone = {NAME: spoken([(4, 0)], of)}
    between = {NAME: spoken([(4, 1), (4, 0), (4, 2)], of)}
    _, (expected,) = tagged(tmp_path / "a", [clip(0, 4)], alone, spoken([(8, 0)], of))
    _, (found,) = tagged(tmp_path / "b", [clip(4, 8)], between, spoken([(8, 0)], of))
    assert found.similarity == pytest.approx(expected.similarity, abs=0.03)
    assert found.purity is not None and found.purity > 0.8


def test_a_clip_without_a_window_has_a_row_without_a_voice(tmp_path: Path) -> None:
    clips = [clip(0, 4), clip(50, 52), clip(0, 3, "aaaaaaaaaaaaaaaa")]
    outcome, rows = tagged(tmp_path, clips, {NAME: spoken([(6, 0)], voices(1))}, spoken([(8, 0)], voices(1)))
    assert [r.clip for r in rows] == [c.clip for c in clips]
    assert [bool(r.vector) for r in rows] == [True, False, False]
    assert [(r.similarity, r.purity) for r in rows[1:]] == [(None, None)] * 2
    assert outcome["clips_without_voice"] == 2


def test_without_windows_no_clip_has_a_voice(tmp_path: Path) -> None:
    outcome, rows = tagged(tmp_path, [clip(0, 4)], {})
    assert rows == [Speaker(clip(0, 4).clip, b"", "", None, None, "")]
    assert outcome == {"clips": 1, "clips_without_voice": 1}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(0.3, 9), st.integers(0, 2)), min_size=2, max_size=8), st.floats(0.1, 1.6))
def test_every_clip_has_one_row_within_range(tmp_path_factory: pytest.TempPathFactory, turns: list[tuple[float, int]], hop: float) -> None:
    ends = np.cumsum([0.0, *(seconds for seconds, _ in turns)])
    clips = [clip(a, b) for a, b in itertools.pairwise(ends)]
    windows = {NAME: spoken(turns, voices(3), hop)} if ends[-1] > 1.6 else {}
    folder = tmp_path_factory.mktemp("law")
    outcome, rows = tagged(folder, clips, windows, spoken([(8, 0)], voices(3)))
    assert [r.clip for r in rows] == [c.clip for c in clips]
    for row in rows:
        assert (row.similarity is None) == (row.purity is None) == (row.vector == b"")
        if row.vector:
            assert np.linalg.norm(np.frombuffer(row.vector, "<f4")) == pytest.approx(1, abs=1e-5)
            assert -1.001 <= (row.purity or 0) <= 1.001
    assert tagged(folder, clips, windows, spoken([(8, 0)], voices(3))) == (outcome, rows)
