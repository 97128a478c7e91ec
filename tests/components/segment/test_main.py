"""The whole stage, as a run starts it: a folder of recordings in, segments out."""

import os
import re
import shutil
import subprocess

import numpy as np
import pytest

from components.segment import networks
from components.shared.rows import SAMPLE_RATE_HZ, Recording, Segment
from components.shared.table import read_rows, write_rows
from components.shared.task import StageError
from tests.artifacts import recording, write_recordings
from tests.places import ROOT
from tests.tasks import artifacts, stage_command

LENGTHS = {"noise": 3.007, "tiny": 0.05, "silence": 2.0, "constant": 1.0, "stereo": 1.5}


def sound(name, samples):
    rng = np.random.default_rng(1)
    if name == "silence":
        return np.zeros((samples, 1))
    if name == "constant":
        return np.full((samples, 1), 0.25)
    return 0.1 * rng.standard_normal((samples, 2 if name == "stereo" else 1))


@pytest.fixture(scope="module")
def voices(tmp_path_factory):
    folder = tmp_path_factory.mktemp("voices")
    sounds = {name: sound(name, round(seconds * SAMPLE_RATE_HZ)) for name, seconds in LENGTHS.items()}
    write_recordings(folder, {"failed": np.zeros(0)} | sounds)
    return folder


def run(voices, out, environment=None, **parameters):
    inputs, outputs = artifacts(voices=voices), artifacts(segments=out / "segments")
    parameters = {"engine": "smn", "detect_gender": True} | parameters
    command = stage_command("segment", out / "output.json", inputs, outputs, **parameters)
    return subprocess.run(command, cwd=ROOT, env=os.environ | (environment or {}), capture_output=True, text=True)


def test_recordings_of_every_kind(voices, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    done = run(voices, tmp_path, {"HOME": str(home), "SPEECHMILL_PROGRESS_SECONDS": "0"})
    assert done.returncode == 0, done.stderr
    rows = read_rows(tmp_path / "segments", Segment)
    found = {name: [r for r in rows if r.recording == name] for name in LENGTHS}
    assert sum(len(f) for f in found.values()) == len(rows), "a recording without audio has no segments"
    for name, seconds in LENGTHS.items():
        assert found[name][0].start == 0 and found[name][-1].end == round(seconds * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    assert [r.label for r in found["silence"]] == ["silence"]
    assert "silence" not in {r.label for r in found["constant"]}
    assert [r.label for r in found["noise"]] == ["noise"]
    assert not list(home.iterdir()), "it leaves nothing in HOME"
    lines = done.stdout.splitlines()
    assert done.stderr == ""
    assert all(line.startswith("progress ") for line in lines[:-1]) and lines[-1].startswith("done in ")
    assert lines[-2].startswith(f"progress {sum(LENGTHS.values()):.1f} of {sum(LENGTHS.values()):.1f} s")


def test_audio_that_ends_early_is_an_error(voices, tmp_path):
    shutil.copytree(voices / "audio", tmp_path / "voices" / "audio")
    write_rows(tmp_path / "voices", Recording, [recording("tiny", SAMPLE_RATE_HZ)])
    done = run(tmp_path / "voices", tmp_path)
    assert done.returncode == 1
    assert "error: ValueError: expected 1.000 s of audio in" in done.stderr and "found 0.050 s" in done.stderr
    assert not (tmp_path / "segments" / "rows.parquet").exists()


def test_an_unknown_engine_is_an_error_that_names_those_there_are(tmp_path):
    done = run(tmp_path / "voices", tmp_path, engine="ms")
    assert done.returncode == 2
    assert re.search(r"segment_engine: expected smn .* or sm .*, found 'ms'", done.stderr)


def test_a_missing_network_is_an_error(tmp_path):
    with pytest.raises(StageError, match=r"keras_speech_music_cnn.hdf5 .* found none: install this stage again"):
        networks.load_segmenter("smn", True, tmp_path)


def test_another_network_is_an_error(tmp_path):
    for name in networks.SHA256:
        shutil.copy(networks.FOLDER / name, tmp_path)
    with (tmp_path / "keras_male_female_cnn.hdf5").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(StageError, match=r"keras_male_female_cnn.hdf5 with sha256 2ed3714b.* found [0-9a-f]{64}"):
        networks.load_segmenter("smn", True, tmp_path)
