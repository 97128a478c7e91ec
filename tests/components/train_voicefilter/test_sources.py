"""Training data: folders of speakers, a table, and the clips of a dataset."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from components.shared.audio import flac_bytes, to_pcm16
from components.shared.rows import DatasetRow
from components.shared.table import empty
from components.shared.task import StageError
from components.train_voicefilter.settings import check_settings
from components.train_voicefilter.sources import held_out_speakers, open_data
from store.datasets import DatasetStore, audio_key
from store.objects import open_store
from tests.components.train_voicefilter.conftest import PITCHES_HZ, hum
from tests.versions import put_version


def test_folders_with_the_names_of_speakers_are_split_by_speaker(library: Path) -> None:
    data = open_data(library)
    assert len(data.validation) == 2 and len(data.training) == 4
    assert {*data.training, *data.validation} == set(PITCHES_HZ) and not {*data.training} & {*data.validation}
    assert data.facts["speakers"] == 6 and data.facts["speech_seconds"] == 72
    assert len(data.noises) == len(data.music) == 1
    assert open_data(library).facts == data.facts


@given(st.sets(st.text(min_size=1), min_size=2, max_size=60), st.text(min_size=1))
def test_a_new_speaker_changes_at_most_two_of_those_held_out(names: set[str], new: str) -> None:
    before, after = (set(held_out_speakers(sorted(found))) for found in (names, names | {new}))
    assert len(before) >= 2 and len(before - after) <= 1 and len(after - before) <= 2


def test_a_table_names_files_and_their_speakers(library: Path, tmp_path: Path) -> None:
    (tmp_path / "voices").mkdir()
    with (tmp_path / "speech.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "speaker", "text"])
        for speaker in PITCHES_HZ:
            soundfile.write(tmp_path / "voices" / f"{speaker}.wav", hum(speaker, 7, 0), 16_000)
            table.writerow([f"voices/{speaker}.wav", speaker, ""])
    data = open_data(tmp_path)
    assert {*data.training, *data.validation} == set(PITCHES_HZ)
    assert all([piece.seconds for piece in found] == [3, 3, 1] for found in data.training.values()), "long files are cut"
    (tmp_path / "speech").mkdir()
    with pytest.raises(StageError, match=r"found speech and speech\.csv: use one of these layouts"):
        open_data(tmp_path)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("path\na.wav\n", "found no speaker"),
        ("path,speaker\n../a.wav,x\n", r"line 2: '\.\./a\.wav' of 'x'"),
        ("path,speaker\na.wav,\n", "line 2: 'a.wav' of ''"),
        ("path,speaker\na.wav,x\n", "a.wav: no such file"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(rows: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "speech.csv").write_text(rows)
    with pytest.raises(StageError, match=message):
        open_data(tmp_path)


def test_the_kept_clips_of_a_dataset_s_speakers_are_speech(library: Path, tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    rows = []
    for number, speaker in enumerate([*PITCHES_HZ, *PITCHES_HZ, "nobody"]):
        name = speaker if speaker in PITCHES_HZ else ""
        sound = hum(name or "ann", 2.5, number, 44_100)
        store.write(audio_key("show", f"{number:064x}"), flac_bytes(to_pcm16(sound)))
        facts = {"clip": f"r-{number}", "recording": "r", "samples": len(sound), "audio_sha256": f"{number:064x}", "speaker": name}
        rows.append(replace(empty(DatasetRow), **facts, kept=True))
    put_version(DatasetStore(store, "show"), rows)
    data = open_data(tmp_path, "show", 0, store.uri)
    assert {*data.training, *data.validation} == {f"show/{speaker}" for speaker in PITCHES_HZ}
    assert data.facts["dataset"] == "show" and data.facts["version"] == 1
    piece = next(iter(data.training.values()))[0]
    assert len(piece.file.read(0, 2.5)) == pytest.approx(40_000, abs=2)


def test_too_few_speakers_a_file_beside_the_folders_and_no_speech_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="found neither"):
        open_data(tmp_path)
    (tmp_path / "speech" / "ann").mkdir(parents=True)
    for utterance in range(2):
        soundfile.write(tmp_path / "speech" / "ann" / f"{utterance}.wav", np.zeros(32_000), 16_000)
    with pytest.raises(StageError, match=r"expected at least 4 speakers .* found 1 in"):
        open_data(tmp_path)
    soundfile.write(tmp_path / "speech" / "lost.wav", np.zeros(32_000), 16_000)
    with pytest.raises(StageError, match=r"lost\.wav: not in the folder of a speaker"):
        open_data(tmp_path)
    (tmp_path / "speech" / "lost.wav").write_bytes(b"no sound")
    with pytest.raises(StageError, match=r"lost\.wav"):
        open_data(tmp_path)


@pytest.mark.parametrize("change", [{"loss_power": 0.05}, {"batch_size": 0}, {"learning_rate": 0.0}, {"configuration": "large"}])
def test_a_setting_out_of_its_range_is_refused_by_its_name(change: dict[str, object]) -> None:
    from tests.components.train_voicefilter.test_main import SETTINGS

    (name,) = change
    with pytest.raises(StageError, match=f"parameter train_voicefilter_{name}: expected"):
        check_settings(**SETTINGS | change)
