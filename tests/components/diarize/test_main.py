"""The whole stage, as a run starts it: recordings and their segments in, turns and windows out. The bundled sample speaks."""

import json
import os
import subprocess

import numpy as np
import pytest

from components.diarize.__main__ import main
from components.shared.audio import decode
from components.shared.rows import SAMPLE_RATE_HZ, Recording, Segment, Turn
from components.shared.table import by_recording, read_rows, write_rows
from components.shared.windows import REFERENCE_TABLE, read_windows
from tests.artifacts import recording, write_recordings
from tests.places import ROOT, SAMPLE
from tests.tasks import artifacts, stage_command

NAMES = ("episode-1", "episode-2")
SETTINGS = {"enabled": True, "engine": "campplus", "hop_seconds": 1.6, "batch_windows": 64, "threads": 1}
OF_REFERENCE = slice(round(5.2 * SAMPLE_RATE_HZ), round(9.1 * SAMPLE_RATE_HZ))
"""Where the host of both episodes speaks in the first one."""


def truth(name):
    return json.loads((ROOT / "tests" / "sample" / "truth" / f"{name}.json").read_text())["utterances"]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    sounds = {name: np.concatenate([b[:, 0] for b in decode(SAMPLE / f"{name}.opus", SAMPLE_RATE_HZ)]) for name in NAMES}
    failed = {"failed": np.zeros(0)}
    write_recordings(folder / "voices", failed | sounds | {"tiny": sounds["episode-1"][:400]})
    (folder / "segments").mkdir()
    rows = [Segment(name, 0.0, len(sound) / SAMPLE_RATE_HZ, "speech", "") for name, sound in sounds.items()]
    write_rows(folder / "segments", Segment, [*rows, Segment("tiny", 0.0, 400 / SAMPLE_RATE_HZ, "speech", "")])
    host = sounds["episode-1"][OF_REFERENCE]
    write_recordings(folder / "reference", failed | {"utterance": np.concatenate([host, np.zeros(100_000), host])})
    write_recordings(folder / "none", failed)
    return folder


def run(inputs, out, environment=None, reference="reference", **settings):
    read = artifacts(voices=inputs / "voices", segments=inputs / "segments", reference=inputs / reference)
    command = stage_command("diarize", out / "output.json", read, artifacts(turns=out / "turns"), **SETTINGS | settings)
    return subprocess.run(command, cwd=ROOT, env=os.environ | (environment or {}), capture_output=True, text=True)


@pytest.fixture(scope="module")
def done(inputs, tmp_path_factory):
    """A run of the stage: its folder and its process."""
    folder = tmp_path_factory.mktemp("done")
    (folder / "home").mkdir()
    ended = run(inputs, folder, {"HOME": str(folder / "home"), "SPEECHMILL_PROGRESS_SECONDS": "0", "CUDA_VISIBLE_DEVICES": ""})
    assert ended.returncode == 0, ended.stderr
    return folder, ended


@pytest.mark.parametrize("name", NAMES)
def test_everybody_of_a_show_speaks_in_turns_of_their_own(done, name):
    turns = by_recording(read_rows(done[0] / "turns", Turn))[name]
    said = truth(name)
    assert len(turns) == len(said)
    voices = {}
    for turn, utterance in zip(turns, said, strict=True):
        assert turn.start == pytest.approx(utterance["start"], abs=0.5) and turn.end == pytest.approx(utterance["end"], abs=0.4)
        voices.setdefault(utterance["speaker"], set()).add(turn.voice)
    assert all(len(own) == 1 for own in voices.values()) and len(set.union(*voices.values())) == len(voices)


def test_windows_lie_in_turns_of_their_voice_and_those_of_the_reference_in_its_speech(done):
    folder, _ = done
    turns = by_recording(read_rows(folder / "turns", Turn))
    found = dict(read_windows(folder / "turns"))
    assert list(found) == list(NAMES), "what is too short or without audio has no windows"
    for name, windows in found.items():
        assert windows.voice_by == "campplus" and windows.vectors.shape[1] == 192
        np.testing.assert_allclose(np.linalg.norm(windows.vectors, axis=1), 1, atol=1e-5)
        for start, end, voice in zip(windows.starts, windows.ends, windows.voices, strict=True):
            assert end - start <= 1.6 + 1e-9
            assert any(t.start - 0.03 <= start and end <= t.end + 0.03 and t.voice == voice for t in turns[name])
    ((name, own),) = read_windows(folder / "turns", REFERENCE_TABLE)
    assert name == "utterance" and not ((own.starts > 3.9) & (own.ends < 6.1)).any(), "a pause is no window of a voice"


def test_the_stage_says_what_it_did_and_leaves_nothing_behind(done):
    folder, ended = done
    assert not list((folder / "home").iterdir()), "it leaves nothing in HOME"
    lines = ended.stdout.splitlines()
    assert lines[0] == "diarizes with segmentation-3.0 and campplus on the CPU, 1 thread"
    assert lines[-2].startswith("progress ") and lines[-1].startswith("done in ")
    metadata = json.loads((folder / "output.json").read_text())["artifacts"]["turns"]["artifacts"][0]["metadata"]
    assert metadata["turns"] == len(read_rows(folder / "turns", Turn)) and metadata["voices"] == 5
    assert metadata["windows"] == sum(len(w.starts) for _, w in read_windows(folder / "turns"))
    assert 0.5 < metadata["reference_lowest_similarity"] <= metadata["reference_mean_similarity"] <= 1


def test_switched_off_it_writes_empty_tables_and_loads_nothing(inputs, tmp_path):
    ended = run(inputs, tmp_path, {"SPEECHMILL_PROGRESS_SECONDS": "0"}, enabled=False)
    assert ended.returncode == 0, ended.stderr
    assert len(ended.stdout.splitlines()) == 1
    assert read_rows(tmp_path / "turns", Turn) == []
    assert list(read_windows(tmp_path / "turns")) == list(read_windows(tmp_path / "turns", REFERENCE_TABLE)) == []


def test_the_same_inputs_give_the_same_tables(inputs, done, tmp_path):
    main(inputs / "voices", inputs / "segments", inputs / "reference", tmp_path, **SETTINGS)
    for table in ("rows", "windows", "reference"):
        assert (tmp_path / f"{table}.parquet").read_bytes() == (done[0] / "turns" / f"{table}.parquet").read_bytes()


def test_without_a_reference_only_the_speech_is_heard(inputs, tmp_path):
    silent = tmp_path / "voices"
    write_recordings(silent, {"silence": np.zeros(30 * SAMPLE_RATE_HZ)})
    write_rows(tmp_path, Segment, [Segment("silence", 0.0, 30.0, "speech", "")])
    (tmp_path / "out").mkdir()
    outcome = main(silent, tmp_path, inputs / "none", tmp_path / "out", **SETTINGS)
    assert outcome == {"turns": 0, "voices": 0, "windows": 0, "turn_seconds": 0, "reference_windows": 0}
    assert list(read_windows(tmp_path / "out", REFERENCE_TABLE)) == []


def test_audio_that_ends_early_is_an_error_that_names_it(inputs, tmp_path):
    folder = tmp_path / "voices"
    write_recordings(folder, {"episode-1": np.zeros(3 * SAMPLE_RATE_HZ)})
    write_rows(folder, Recording, [recording("episode-1", 55 * SAMPLE_RATE_HZ)])
    (tmp_path / "out").mkdir()
    with pytest.raises(ValueError, match=r"expected 55.000 s of audio in .*episode-1.flac, found 3.000 s"):
        main(folder, inputs / "segments", inputs / "none", tmp_path / "out", **SETTINGS)
    assert not (tmp_path / "out" / "rows.parquet").exists()
