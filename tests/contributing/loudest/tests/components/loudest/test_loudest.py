"""The loudest second is found, and its level is that of a known sound."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from components.loudest.__main__ import main
from components.loudest.loudest import loudest_second
from components.shared.audio import FlacWriter
from components.shared.rows import SAMPLE_RATE_HZ, Loudest, Recording
from components.shared.table import empty, read_rows, write_rows


def test_the_level_is_that_of_a_square_wave() -> None:
    seconds = [np.full((SAMPLE_RATE_HZ, 1), level, np.float32) for level in (0.1, 0.5, 0.25)]
    start, level_db = loudest_second(seconds)
    assert start == 1.0
    assert level_db == pytest.approx(-6.02, abs=0.01)


def test_silence_has_no_loudest_second() -> None:
    assert loudest_second([np.zeros((SAMPLE_RATE_HZ, 1), np.float32)]) == (0.0, None)


def test_every_recording_has_a_row_also_one_without_audio(tmp_path: Path) -> None:
    clean, loudest = tmp_path / "clean", tmp_path / "loudest"
    loudest.mkdir()
    samples = np.concatenate([np.zeros(2 * SAMPLE_RATE_HZ), np.full(SAMPLE_RATE_HZ, 0.5)]).astype(np.float32)
    with FlacWriter(clean / "audio" / "a.flac") as file:
        file.write(samples)
    recording = replace(empty(Recording), recording="a", seconds=3.0, samples=len(samples))
    write_rows(clean, Recording, [recording, replace(empty(Recording), recording="b", reason="not found")])
    assert main(clean, loudest) == {"recordings": 2}
    first, second = read_rows(loudest, Loudest)
    assert (first.recording, first.start) == ("a", 2.0)
    assert first.level_db == pytest.approx(-6.02, abs=0.01)
    assert second == Loudest("b", 0.0, None)
