"""The program, with networks that were never trained: what it writes is nowhere worse than what it read."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from components.extract.__main__ import main
from components.shared.audio import FlacWriter, read
from components.shared.extraction import Extraction
from components.shared.model import describe
from components.shared.rows import SAMPLE_RATE_HZ, Recording, Turn, span
from components.shared.table import empty, read_rows, write_rows
from components.shared.task import StageError
from components.shared.windows import REFERENCE_TABLE, Windows, WindowsWriter
from tests.components.extract.conftest import write_model
from tests.components.extract.test_extract import judge, vector

__all__ = ["judge", "vector"]
SETTINGS: dict[str, Any] = {"enabled": True, "min_similarity_gain": 0.0, "threads": 1}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory, overlapped: tuple[NDArray[np.int16], int, int], vector: NDArray[np.float32]) -> Path:
    """A recording of 30 s with an overlap near its end, one without overlap, and one without audio."""
    folder = tmp_path_factory.mktemp("inputs")
    pcm, start, stop = overlapped
    before = np.tile(pcm[:start], (6, 1))
    sounds = {"talk": np.concatenate([before, pcm, pcm[stop:]]), "alone": pcm[:start], "failed": pcm[:0]}
    for name, sound in sounds.items():
        if len(sound):
            with FlacWriter(folder / "clean" / "audio" / f"{name}.flac") as file:
                file.write(sound)
    rows = [replace(empty(Recording), recording=n, samples=len(s), seconds=len(s) / SAMPLE_RATE_HZ) for n, s in sounds.items()]
    write_rows(folder / "clean", Recording, rows)
    first, last = (len(before) + edge for edge in (start, stop))
    turns = [Turn("talk", 0.0, rows[0].seconds, 0), Turn("talk", first / SAMPLE_RATE_HZ, last / SAMPLE_RATE_HZ, -1)]
    (folder / "turns").mkdir()
    write_rows(folder / "turns", Turn, [*turns, Turn("alone", 0.0, rows[1].seconds, 0)])
    with WindowsWriter(folder / "turns", REFERENCE_TABLE):
        pass
    with WindowsWriter(folder / "turns") as writer:
        for name in ("talk", "alone"):
            writer.write(name, Windows(np.array([0.0]), np.array([1.6]), np.array([0]), vector[None], "campplus"))
    return folder


def extract(inputs: Path, model: Path, out: Path, **changes: Any) -> tuple[dict[str, Any], list[Extraction]]:
    out.mkdir(parents=True, exist_ok=True)
    done = main(inputs / "clean", inputs / "turns", model, out, **SETTINGS | changes)
    return dict(done), read_rows(out, Extraction)


@given(st.integers(0, 10_000), st.sampled_from([0.3, 1.0, 5.0, 30.0]))
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_network_nothing_gets_worse(inputs: Path, tmp_path_factory: pytest.TempPathFactory, seed: int, scale: float) -> None:
    folder = tmp_path_factory.mktemp("random")
    done, rows = extract(inputs, write_model(folder / "model", seed, scale), folder / "out")
    assert [row.recording for row in rows] == ["talk"] and done["stretches"] == 1
    (row,) = rows
    written = folder / "out" / "audio" / "talk.flac"
    assert written.exists() == row.kept == bool(done["extracted_stretches"])
    assert [path.name for path in (folder / "out").rglob("*.flac")] == ["talk.flac"] * row.kept, "clean recordings are not written"
    if row.kept:
        assert row.similarity_after > row.similarity_before and row.dnsmos_after >= row.dnsmos_before
        samples = read_rows(inputs / "clean", Recording)[0].samples
        before, after = read(inputs / "clean" / "audio" / "talk.flac", 0, samples), read(written, 0, samples)
        start, stop = span(row)
        assert np.array_equal(after[:start], before[:start]) and np.array_equal(after[stop:], before[stop:])


def test_a_gain_that_is_asked_for_and_not_reached_changes_nothing(inputs: Path, tmp_path: Path) -> None:
    done, rows = extract(inputs, write_model(tmp_path / "model", 1), tmp_path / "out", min_similarity_gain=1.0)
    assert done["extracted_stretches"] == 0 and done["extracted_seconds"] == 0 and not rows[0].kept
    assert not list((tmp_path / "out").rglob("*.flac"))


def test_switched_off_it_needs_no_model_and_writes_no_sound(inputs: Path, tmp_path: Path) -> None:
    done, rows = extract(inputs, tmp_path / "nowhere", tmp_path / "out", enabled=False)
    assert done == {"stretches": 0, "extracted_stretches": 0} and rows == []


def test_a_model_of_another_kind_or_of_other_vectors_is_refused(inputs: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "README").write_text("nothing")
    describe(tmp_path / "none", "none", "none", "", "", "2026-01-01T00:00:00+00:00")
    with pytest.raises(StageError, match="expected a model of kind voicefilter"):
        extract(inputs, tmp_path / "none", tmp_path / "out")
    from tests.components.extract.conftest import TINY

    model = write_model(tmp_path / "model", config=replace(TINY, voice_by="resemblyzer"))
    with pytest.raises(StageError, match="set diarize_engine to resemblyzer"):
        extract(inputs, model, tmp_path / "out")


@pytest.mark.parametrize("change", [{"min_similarity_gain": -0.1}, {"threads": -1}])
def test_a_setting_out_of_its_range_is_refused(inputs: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    (name,) = change
    with pytest.raises(StageError, match=f"parameter extract_{name}: expected"):
        extract(inputs, tmp_path / "nowhere", tmp_path / "out", **change)
