"""Windows go through Parquet unchanged, and a recording's windows come back by themselves."""

from pathlib import Path

import numpy as np
import pytest

from components.shared.rows import Window
from components.shared.table import SchemaError, write_rows
from components.shared.windows import Windows, WindowsWriter, covered, read_windows


def windows(count: int, seed: int = 0) -> Windows:
    starts = np.arange(count) * 0.4
    voices = np.arange(count) % 2
    return Windows(starts, starts + 1.6, voices, np.random.default_rng(seed).standard_normal((count, 192)).astype(np.float32), "campplus")


def test_every_recording_comes_back_with_its_own_windows(tmp_path: Path) -> None:
    written = {"first": windows(3), "second": windows(5, seed=1)}
    with WindowsWriter(tmp_path) as writer:
        writer.write("first", written["first"])
        writer.write("silent", windows(0))
        writer.write("second", written["second"])
    found = dict(read_windows(tmp_path))
    assert list(found) == ["first", "second"]
    for name, expected in written.items():
        for column in ("starts", "ends", "voices", "vectors"):
            np.testing.assert_array_equal(getattr(found[name], column), getattr(expected, column))
        assert found[name].voice_by == "campplus"


def test_windows_cover_what_lies_in_any_of_them_once() -> None:
    assert covered(np.array([0.0, 0.8, 5.0]), np.array([1.6, 2.4, 6.0])) == pytest.approx(3.4)
    assert covered(np.zeros(0), np.zeros(0)) == 0


def test_a_table_appears_only_whole(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), WindowsWriter(tmp_path) as writer:
        writer.write("first", windows(3))
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SchemaError, match="did not finish"):
        list(read_windows(tmp_path))


def test_a_table_without_rows_holds_no_recording(tmp_path: Path) -> None:
    write_rows(tmp_path, Window, [], "windows")
    assert list(read_windows(tmp_path)) == []
