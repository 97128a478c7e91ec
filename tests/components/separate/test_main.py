"""The stage: rows pass through, every recording keeps its length, accompaniment is written when it is asked for."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from components.separate.__main__ import NOT_KEPT, main
from components.shared.rows import Recording
from components.shared.table import read_rows, write_rows
from tests.artifacts import recording, write_recordings

SOUNDS = {"mono": (30_000, 1), "stereo": (41_234, 2), "short": (7, 2), "failed": (0, 1)}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise of several lengths, and a recording that could not be fetched."""
    folder = tmp_path_factory.mktemp("recordings")
    write_recordings(folder, {name: 0.1 * np.random.default_rng(shape[0]).standard_normal(shape) for name, shape in SOUNDS.items()})
    return folder


def run(recordings: Path, folder: Path, target: Path, **changes: Any) -> tuple[dict[str, Any], Path, Path]:
    """Outcome, voices and accompaniment of a run."""
    voices, accompaniment = target / "voices", target / "accompaniment"
    voices.mkdir()
    accompaniment.mkdir()
    settings = {"keep_accompaniment": False, "stereo": False, "mwf": False, "batch_segments": 1, "threads": 0} | changes
    outcome = main(recordings, folder, voices, accompaniment, **settings)
    return dict(outcome), voices, accompaniment


def heard(folder: Path, name: str) -> np.ndarray:
    return soundfile.read(folder / "audio" / f"{name}.flac", always_2d=True, dtype="int16")[0]


def test_speech_alone_is_the_default(recordings: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcome, voices, accompaniment = run(recordings, folder, tmp_path)
    rows = read_rows(recordings, Recording)
    assert read_rows(voices, Recording) == rows
    assert sorted(p.stem for p in (voices / "audio").iterdir()) == ["mono", "short", "stereo"]
    for r in rows:
        if r.samples:
            assert heard(voices, r.recording).shape == (r.samples, 1)
    assert not (accompaniment / "audio").exists()
    others = read_rows(accompaniment, Recording)
    assert [r.recording for r in others] == list(SOUNDS)
    assert all(r.samples == 0 and r.seconds == 0 for r in others)
    assert [r.reason for r in others] == [NOT_KEPT] * 3 + ["404 Not Found"]
    assert outcome["band_hz"] == pytest.approx(11_025)
    assert outcome["model"].startswith("random/")
    said = capsys.readouterr().out
    assert f"{outcome['model']} on the {outcome['device']}, up to 11025 Hz" in said


@pytest.mark.parametrize("stereo", [False, True])
def test_accompaniment_when_it_is_asked_for(recordings: Path, folder: Path, tmp_path: Path, stereo: bool) -> None:
    _, voices, accompaniment = run(recordings, folder, tmp_path, keep_accompaniment=True, stereo=stereo, batch_segments=2)
    rows = read_rows(recordings, Recording)
    assert read_rows(accompaniment, Recording) == read_rows(voices, Recording) == rows
    for r in rows:
        if r.samples:
            speech, other = heard(voices, r.recording), heard(accompaniment, r.recording)
            assert speech.shape == other.shape == (r.samples, 1 + stereo)
            assert (np.any(speech) and np.any(other)) or r.samples < 100  # which at the edge of a frame's window are too faint for 16 bits


def test_a_recording_that_is_not_as_long_as_its_row_stops_the_stage(folder: Path, tmp_path: Path) -> None:
    recordings = tmp_path / "recordings"
    write_recordings(recordings, {"a": np.zeros(1000)})
    write_rows(recordings, Recording, [recording("a", 1001)])
    with pytest.raises(ValueError, match=r"expected 1001 samples in .*, found 1000"):
        run(recordings, folder, tmp_path)
    assert not (tmp_path / "voices" / "rows.parquet").exists()
