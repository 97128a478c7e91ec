"""The whole stage, as a run starts it: recordings and their segments in, windows out."""

import json
import os
import subprocess
from itertools import pairwise

import numpy as np
import pytest

from components.embed.__main__ import main
from components.shared.rows import SAMPLE_RATE_HZ, Recording, Segment
from components.shared.table import read_rows, write_rows
from components.shared.windows import REFERENCE_TABLE, read_windows
from tests.artifacts import recording, write_recordings
from tests.components.embed.conftest import spoken
from tests.places import ROOT
from tests.tasks import artifacts, stage_command

SECONDS = 12.0
SEGMENTS = [("music", 1.0), ("speech", 4.1), ("silence", 0.2), ("speech", 0.5), ("noise", 2.0), ("speech", 0.9), ("silence", 0.5)]
SETTINGS = {"enabled": True, "engine": "campplus", "hop_seconds": 0.4, "batch_windows": 64, "threads": 1}


def segments_of(recording):
    edges = np.cumsum([0, *(seconds for _, seconds in SEGMENTS)])
    rows = [Segment(recording, float(a), float(b), label, "") for (label, _), (a, b) in zip(SEGMENTS, pairwise(edges), strict=True)]
    return [*rows, Segment(recording, float(edges[-1]), SECONDS, "speech", "")]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    voice = spoken(SECONDS, rate_hz=SAMPLE_RATE_HZ)
    failed = {"failed": np.zeros(0)}
    write_recordings(folder / "voices", failed | {"talk": voice, "tiny": voice[:400], "unheard": voice[:50_000]})
    (folder / "segments").mkdir()
    write_rows(folder / "segments", Segment, [*segments_of("talk"), Segment("tiny", 0.0, 400 / SAMPLE_RATE_HZ, "speech", "")])
    write_recordings(
        folder / "reference", failed | {"utterance": np.concatenate([voice[:200_000], np.zeros(100_000, np.float32), voice[:200_000]])}
    )
    write_recordings(folder / "none", failed)
    return folder


def run(inputs, out, environment=None, reference="reference", **settings):
    read = artifacts(voices=inputs / "voices", segments=inputs / "segments", reference=inputs / reference)
    command = stage_command("embed", out / "output.json", read, artifacts(windows=out / "windows"), **SETTINGS | settings)
    return subprocess.run(command, cwd=ROOT, env=os.environ | (environment or {}), capture_output=True, text=True)


def test_a_run_hears_the_speech_and_the_reference(inputs, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    caches = {"CUDA_VISIBLE_DEVICES": ""}
    done = run(inputs, tmp_path, {"HOME": str(home), "SPEECHMILL_PROGRESS_SECONDS": "0"} | caches)
    assert done.returncode == 0, done.stderr
    assert not list(home.iterdir()), "it leaves nothing in HOME"
    lines = done.stdout.splitlines()
    assert lines[0] == "embeds voices with campplus on the CPU, 1 thread"
    assert lines[-2].startswith("progress 24.5 of 24.5 s") and lines[-1].startswith("done in ")
    ((name, windows),) = read_windows(tmp_path / "windows")
    assert name == "talk", "what is not speech, too short or without audio has no windows"
    expected = [*(1.0 + i * 3.2 / 8 for i in range(9)), 7.8, 9.2, 9.6, 10.0, 10.4]
    np.testing.assert_allclose(windows.starts, expected, atol=0.0051)
    np.testing.assert_allclose(windows.ends - windows.starts, [1.6] * 9 + [0.9] + [1.6] * 4, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(windows.vectors, axis=1), 1, atol=1e-5)
    assert windows.voice_by == "campplus" and windows.vectors.shape[1] == 192
    ((name, own),) = read_windows(tmp_path / "windows", REFERENCE_TABLE)
    assert name == "utterance" and not ((own.starts > 4.6) & (own.ends < 6.7)).any(), "a pause is no window of a voice"
    metadata = json.loads((tmp_path / "output.json").read_text())["artifacts"]["windows"]["artifacts"][0]["metadata"]
    assert metadata["windows"] == len(windows.starts) and metadata["reference_windows"] == len(own.starts)
    assert metadata["speech_seconds"] == pytest.approx(4.1 + 0.5 + 0.9 + 2.8 + 400 / SAMPLE_RATE_HZ)
    assert 0.5 < metadata["reference_lowest_similarity"] <= metadata["reference_mean_similarity"] <= 1


def test_switched_off_it_writes_empty_tables_and_loads_nothing(inputs, tmp_path):
    done = run(inputs, tmp_path, {"SPEECHMILL_PROGRESS_SECONDS": "0"}, enabled=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert list(read_windows(tmp_path / "windows")) == list(read_windows(tmp_path / "windows", REFERENCE_TABLE)) == []


def test_without_a_reference_only_the_speech_is_heard(inputs, tmp_path):
    outcome = main(inputs / "voices", inputs / "segments", inputs / "none", tmp_path, **SETTINGS)
    assert outcome["windows"] == 14 and outcome["reference_windows"] == 0 and "reference_mean_similarity" not in outcome
    assert list(read_windows(tmp_path, REFERENCE_TABLE)) == []


def test_the_same_inputs_give_the_same_tables(inputs, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        main(inputs / "voices", inputs / "segments", inputs / "reference", tmp_path / name, **SETTINGS)
    for table in ("rows", "reference"):
        assert (tmp_path / "one" / f"{table}.parquet").read_bytes() == (tmp_path / "two" / f"{table}.parquet").read_bytes()


def test_audio_that_ends_early_is_an_error_that_names_it(inputs, tmp_path):
    folder = tmp_path / "voices"
    write_recordings(folder, {"talk": spoken(3.0, rate_hz=SAMPLE_RATE_HZ)})
    write_rows(folder, Recording, [recording("talk", round(SECONDS * SAMPLE_RATE_HZ))])
    (tmp_path / "out").mkdir()
    with pytest.raises(ValueError, match=r"expected 12.000 s of audio in .*talk.flac, found 3.000 s"):
        main(folder, inputs / "segments", inputs / "none", tmp_path / "out", **SETTINGS)
    assert not (tmp_path / "out" / "rows.parquet").exists()
    assert read_rows(folder, Recording)
