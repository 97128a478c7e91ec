"""Tables come back as they were written, and are not taken for others."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.shared import rows as dictionary
from components.shared.rows import Clip, Recording, Segment, Vector
from components.shared.table import SchemaError, from_table, read_rows, to_table, write_rows

KINDS = [k for k in vars(dictionary).values() if dataclasses.is_dataclass(k) and isinstance(k, type)]
VALUES = {
    str: st.text(),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    bytes: st.binary(),
    float | None: st.none() | st.floats(allow_nan=False),
    list[str]: st.lists(st.text()),
    Vector: st.lists(st.floats(width=32, allow_nan=False)).map(lambda v: Vector(np.array(v, "<f4").tobytes())),
}


@settings(deadline=None)
@given(st.sampled_from(KINDS), st.data())
def test_every_kind_of_row_comes_back(kind: Any, data: st.DataObject) -> None:
    row = st.builds(kind, **{f.name: VALUES[f.type] for f in dataclasses.fields(kind)})
    rows = data.draw(st.lists(row, max_size=5))
    assert from_table(kind, to_table(kind, rows)) == rows


def test_another_table_is_refused_with_both_column_lists(tmp_path: Path) -> None:
    write_rows(tmp_path, Clip, [Clip("r-00000000", "r", 0.0, 1.0, "male", False)])
    with pytest.raises(SchemaError) as error:
        read_rows(tmp_path, Segment)
    assert "label: string" in str(error.value) and "hard_cut: bool" in str(error.value) and "rows.parquet" in str(error.value)


@pytest.mark.parametrize("later", [["conversion", "state"], ["state"]])
def test_a_reference_of_before_a_column_is_read(tmp_path: Path, later: list[str]) -> None:
    row = Recording("r", "local", "", "", "", "", "", 1.0, 44_100, "", "", "", "turned down 4.2 dB", "bytes 4")
    pq.write_table(to_table(Recording, [row]).drop_columns(later), tmp_path / "rows.parquet")
    assert read_rows(tmp_path, Recording) == [dataclasses.replace(row, **dict.fromkeys(later, ""))]


def test_a_stage_that_did_not_finish_left_no_table(tmp_path: Path) -> None:
    (tmp_path / ".rows.parquet.part").write_bytes(b"half")
    with pytest.raises(SchemaError, match="did not finish"):
        read_rows(tmp_path, Clip)


def test_nobody_can_write_an_empty_cell(tmp_path: Path) -> None:
    with pytest.raises((ValueError, TypeError)):
        write_rows(tmp_path, Clip, [Clip("c", None, 0.0, 1.0, "", False)])  # type: ignore[arg-type]
    assert not (tmp_path / "rows.parquet").exists()


def test_columns_carry_no_nulls(tmp_path: Path) -> None:
    write_rows(tmp_path, Clip, [])
    assert not any(f.nullable for f in pq.read_schema(tmp_path / "rows.parquet"))
