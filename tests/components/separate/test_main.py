"""The stage: rows pass through, every recording keeps its length, accompaniment is written when it is asked for."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from components.separate.__main__ import NOT_KEPT, main
from components.shared.rows import SAMPLE_RATE_HZ, Recording, Removed
from components.shared.table import read_rows, write_rows
from tests.artifacts import recording, write_recordings
from tests.places import ROOT

SOUNDS = {"mono": (30_000, 1), "stereo": (41_234, 2), "short": (7, 2), "failed": (0, 1)}


NO_EFFECTS = ROOT / "bundled" / "effects" / "none"


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise of several lengths, and a recording that could not be fetched."""
    folder = tmp_path_factory.mktemp("recordings")
    write_recordings(folder, {name: 0.1 * np.random.default_rng(shape[0]).standard_normal(shape) for name, shape in SOUNDS.items()})
    return folder


def run(recordings: Path, folder: Path, target: Path, effects: Path = NO_EFFECTS, **changes: Any) -> tuple[dict[str, Any], Path, Path]:
    """Outcome, voices and accompaniment of a run."""
    voices, accompaniment = target / "voices", target / "accompaniment"
    for made in (voices, accompaniment, target / "removed"):
        made.mkdir()
    settings = {
        "keep_accompaniment": False,
        "stereo": False,
        "remove_tones": True,
        "batch_segments": 1,
        "threads": 0,
    } | changes
    outcome = main(recordings, folder, effects, voices, accompaniment, target / "removed", **settings)
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
    assert f"{outcome['model']} on {outcome['device']}, up to 11025 Hz" in said


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


def test_a_whistle_and_a_known_effect_are_gone_before_it_is_separated(folder: Path, tmp_path: Path) -> None:
    seconds = 25
    bare = 0.01 * np.random.default_rng(0).standard_normal((seconds * SAMPLE_RATE_HZ, 2))
    burst = 0.1 * np.random.default_rng(1).standard_normal(SAMPLE_RATE_HZ) * np.linspace(1, 0, SAMPLE_RATE_HZ)
    sound = bare + 0.01 * np.sin(2 * np.pi * 6000 * np.arange(len(bare)) / SAMPLE_RATE_HZ)[:, None]
    sound[10 * SAMPLE_RATE_HZ : 11 * SAMPLE_RATE_HZ] += burst[:, None]
    for name, what in (("bare", bare), ("full", sound)):
        write_recordings(tmp_path / name, {"show": what})
    write_recordings(tmp_path / "kit", {"burst": burst})
    levels = {}
    for name, given, changes in (("none", "bare", {}), ("all", "full", {}), ("tones left", "full", {"remove_tones": False})):
        (target := tmp_path / f"run {name}").mkdir()
        outcome, voices, _ = run(tmp_path / given, folder, target, tmp_path / "kit", **changes)
        rows = read_rows(target / "removed", Removed)
        assert (outcome["removed_tones"], outcome["removed_effects"]) == tuple(sum(r.filter == f for r in rows) for f in ("tones", "sfx"))
        levels[name] = [(r.filter, round(r.start)) for r in rows], np.std(heard(voices, "show").astype(float))
    assert [found for found, _ in levels.values()] == [[], [("tones", 0), ("sfx", 10)], [("sfx", 10)]]
    assert levels["all"][1] == pytest.approx(levels["none"][1], rel=0.05)
    assert levels["tones left"][1] > 1.2 * levels["none"][1]


def test_a_recording_that_is_not_as_long_as_its_row_stops_the_stage(folder: Path, tmp_path: Path) -> None:
    recordings = tmp_path / "recordings"
    write_recordings(recordings, {"a": np.zeros(1000)})
    write_rows(recordings, Recording, [recording("a", 1001)])
    with pytest.raises(ValueError, match=r"expected 1001 samples in .*, found 1000"):
        run(recordings, folder, tmp_path)
    assert not (tmp_path / "voices" / "rows.parquet").exists()
