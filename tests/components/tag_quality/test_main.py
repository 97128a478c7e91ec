"""From clean recordings and clips to a table: what one run of the stage gives."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from components.shared.rows import SAMPLE_RATE_HZ, Quality
from components.shared.table import read_rows
from components.shared.task import StageError
from components.tag_quality.__main__ import main
from tests.artifacts import tag_inputs
from tests.components.tag_quality.sounds import speech_like

made = partial(tag_inputs, audio="clean", output="quality")
NOTHING = Path("nothing")


def test_every_clip_has_one_row_and_the_medians_are_metrics(tmp_path: Path) -> None:
    speech = speech_like(8)
    inputs = made(tmp_path, {"a": speech, "b": 0.1 * speech}, [("a", 0.5, 3.5), ("a", 4.0, 7.0), ("b", 0.5, 3.5)])
    outcome = main(*inputs[:2], NOTHING, inputs[2], True, 1.0, 0)
    rows = read_rows(inputs[2], Quality)
    assert [r.clip for r in rows] == ["a-00000500", "a-00004000", "b-00000500"]
    for row in rows:
        assert None not in (row.dnsmos_sig, row.snr_db, row.bandwidth_hz, row.loudness_lufs, row.true_peak_dbtp, row.clipped_share)
        assert row.quality_by.startswith("dnsmos-p835 269fbebdb513 every 1 s, short in whole frames, noise-floor-snr 1, ")
    assert rows[0].loudness_lufs - rows[2].loudness_lufs == pytest.approx(20, abs=0.05)
    assert rows[0].bandwidth_hz == rows[2].bandwidth_hz
    assert outcome["clips"] == 3
    assert outcome["median_snr_db"] == pytest.approx(np.median([r.snr_db for r in rows]))


def test_a_meter_that_cannot_say_says_nothing(tmp_path: Path) -> None:
    sound = np.concatenate([np.zeros(2 * SAMPLE_RATE_HZ), speech_like(2)])
    inputs = made(tmp_path, {"a": sound}, [("a", 0.0, 1.5), ("a", 2.0, 2.3)])
    outcome = main(*inputs[:2], NOTHING, inputs[2], True, 1.0, 0)
    silent, short = read_rows(inputs[2], Quality)
    assert (silent.dnsmos_ovrl, silent.snr_db, silent.bandwidth_hz, silent.loudness_lufs, silent.true_peak_dbtp, silent.clipped_share) == (
        None,
    ) * 6
    assert (short.dnsmos_ovrl, short.snr_db, short.bandwidth_hz, short.loudness_lufs) == (None,) * 4
    assert short.true_peak_dbtp is not None and short.clipped_share is not None
    assert "median_snr_db" not in outcome


def test_switched_off_it_writes_no_rows(tmp_path: Path) -> None:
    inputs = made(tmp_path, {"a": speech_like(2)}, [("a", 0.0, 2.0)])
    assert main(*inputs[:2], NOTHING, inputs[2], False, 1.0, 0) == {"clips": 0}
    assert read_rows(inputs[2], Quality) == []


def test_recordings_without_clips_pass(tmp_path: Path) -> None:
    inputs = made(tmp_path, {}, [])
    assert main(*inputs[:2], NOTHING, inputs[2], True, 1.0, 0) == {"clips": 0}


@pytest.mark.parametrize(("hop_seconds", "threads", "name"), [(0.0, 0, "hop_seconds"), (10.0, 0, "hop_seconds"), (1.0, -1, "threads")])
def test_settings_out_of_range(tmp_path: Path, hop_seconds: float, threads: int, name: str) -> None:
    with pytest.raises(StageError, match=f"tag_quality_{name}: expected"):
        main(*made(tmp_path, {}, [])[:2], NOTHING, tmp_path, True, hop_seconds, threads)
