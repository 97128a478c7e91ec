"""What a folder holds to train on: three layouts, what is held out, and what is refused."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from components.shared.audio import flac_bytes, to_pcm16
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow
from components.shared.table import empty
from components.shared.task import StageError
from components.train_separator.mixing import Mixtures
from components.train_separator.songs import Songs
from components.train_separator.sounds import ACCOMPANIMENT, MIX, SPEECH, Stored
from components.train_separator.sources import WindowSource, open_data
from store.datasets import DatasetStore, audio_key
from store.objects import open_store
from tests.components.train_separator.conftest import CONFIG, music, voice, write
from tests.versions import put_version


def files(source: WindowSource) -> set[str]:
    """What a source reads."""
    if isinstance(source, Songs):
        return {song.name for song in source.songs}
    assert isinstance(source, Mixtures)
    found = [*source.speech.files, *source.music.files, *(source.noises.files if source.noises else ())]
    return {str(file.place) for file in found}


def test_stems_of_musdb_that_the_model_lacks_are_its_accompaniment(songs: Path) -> None:
    data = open_data(songs, CONFIG, 0)
    window = data.training.window(3)
    assert set(window) == {MIX, SPEECH, ACCOMPANIMENT}
    assert np.abs(window[MIX] - window[SPEECH] - window[ACCOMPANIMENT]).max() < 1e-3  # 16 bits, five times
    assert files(data.training) == {f"song {n}/mixture.wav" for n in (1, 2, 3)}
    assert files(data.validation) == {f"song {n}/mixture.wav" for n in (4, 5)}
    assert data.facts["seconds"] == pytest.approx(20)


def test_windows_of_songs_are_the_files_samples(songs: Path) -> None:
    window = open_data(songs, CONFIG, 0).training.window(7)
    length = len(window[MIX])
    wholes = [soundfile.read(p, dtype="float32")[0] for p in sorted((songs / "train").glob("*/mixture.wav"))]
    places = [
        np.flatnonzero((w[: len(w) - length + 1, 0] == window[MIX][0, 0]) & (w[: len(w) - length + 1, 1] == window[MIX][0, 1]))
        for w in wholes
    ]
    assert any(np.array_equal(w[at : at + length], window[MIX]) for w, found in zip(wholes, places, strict=True) for at in found)


def test_a_model_of_four_stems_gets_each_of_them(songs: Path) -> None:
    window = open_data(songs, CONFIG | {"instrument_list": ["vocals", "drums", "bass", "other"]}, 0).training.window(0)
    assert set(window) == {MIX, SPEECH, "drums", "bass", "other"}


def test_accompaniment_as_one_file_and_mono_stems(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in (1, 2):
        speech, rest = voice(rng, 1.0), music(rng, 1.0)
        speech[:, 1] = speech[:, 0]
        folder = tmp_path / "train" / str(number)
        for name, sound in (("mixture", speech + rest), ("vocals", speech[:, 0]), ("accompaniment", rest)):
            write(folder / f"{name}.flac", sound)
    data = open_data(tmp_path, CONFIG, 0)
    window = data.training.window(0)
    assert np.abs(window[MIX] - window[SPEECH] - window[ACCOMPANIMENT]).max() < 1e-3
    assert not files(data.training) & files(data.validation)


def spleeter_table(songs: Path, name: str, rows: list[dict[str, str]]) -> None:
    with (songs / name).open("w", newline="") as file:
        writer = csv.DictWriter(file, ["mix_path", "vocals_path", "accompaniment_path", "duration"])
        writer.writeheader()
        writer.writerows(rows)


def row(folder: str) -> dict[str, str]:
    return {
        "mix_path": f"{folder}/mixture.wav",
        "vocals_path": f"{folder}/vocals.wav",
        "accompaniment_path": f"{folder}/other.wav",
        "duration": "4",
    }


def test_a_csv_of_spleeter_s_is_read_and_every_tenth_row_held_out(songs: Path) -> None:
    (songs / "train").rename(songs / "audio")
    spleeter_table(songs, "train.csv", [row(f"audio/song {n}") for n in (1, 2, 3)] * 4)
    data = open_data(songs, CONFIG, 0)
    assert isinstance(data.training, Songs) and isinstance(data.validation, Songs)
    assert (len(data.training.songs), len(data.validation.songs)) == (11, 1)
    spleeter_table(songs, "validation.csv", [row("test/song 4")])
    assert files(open_data(songs, CONFIG, 0).validation) == {"test/song 4/mixture.wav"}


@pytest.mark.parametrize("path", ["/etc/hostname", "../songs/train/song 1/mixture.wav", ""])
def test_a_csv_leads_out_of_its_folder_nowhere(songs: Path, path: str) -> None:
    (songs / "train").rename(songs / "audio")
    spleeter_table(songs, "train.csv", [row("audio/song 1"), row("audio/song 2") | {"vocals_path": path}])
    with pytest.raises(StageError, match=r"expected paths below the folder of .*train.csv, found line 3"):
        open_data(songs, CONFIG, 0)


def test_a_csv_without_a_column_is_refused_by_its_name(songs: Path) -> None:
    (songs / "train").rename(songs / "audio")
    (songs / "train.csv").write_text("mix_path,vocals_path\na.wav,b.wav\n")
    with pytest.raises(StageError, match="found no accompaniment_path"):
        open_data(songs, CONFIG, 0)


def test_a_file_of_a_csv_that_is_not_there_is_named(songs: Path) -> None:
    (songs / "train").rename(songs / "audio")
    spleeter_table(songs, "train.csv", [row("audio/song 1"), row("audio/song 9")])
    with pytest.raises(StageError, match=r"audio/song 9/mixture.wav: no such file"):
        open_data(songs, CONFIG, 0)


def test_speech_music_and_noise_are_mixed_and_some_of_each_held_out(library: Path) -> None:
    data = open_data(library, CONFIG, 0)
    assert not files(data.training) & files(data.validation)
    held_out = [Path(name).parent.name for name in files(data.validation)]
    assert sorted(set(held_out)) == ["music", "noise", "speech"]
    assert (data.facts["files"], data.facts["speech_seconds"]) == (27, pytest.approx(12))


def published(tmp_path: Path) -> Path:
    """A store with a dataset: recordings a to d, three clips each, one of them rejected."""
    store, rng = open_store(str(tmp_path / "store")), np.random.default_rng(0)
    rows = []
    for recording in "abcd":
        for number in range(3):
            name = f"{recording}{number}"
            store.write(audio_key("radio", name * 32), flac_bytes(to_pcm16(voice(rng, 1.0)[:, 0])))
            rows.append(
                replace(
                    empty(DatasetRow),
                    clip=name,
                    recording=recording,
                    end=1.0,
                    samples=SAMPLE_RATE_HZ,
                    audio_sha256=name * 32,
                    kept=number != 2,
                    reason="" if number != 2 else "short",
                )
            )
    for version in (rows, [replace(r, kept=True, reason="") for r in rows]):
        put_version(DatasetStore(store, "radio"), version, f"run {len([r for r in version if r.kept])}")
    return tmp_path / "store"


def test_the_kept_clips_of_a_dataset_s_version_are_speech_and_whole_recordings_are_held_out(library: Path, tmp_path: Path) -> None:
    store = published(tmp_path)
    (library / "speech").rename(tmp_path / "elsewhere")
    data = open_data(library, CONFIG, 0, "radio", 1, str(store))
    assert (data.facts["dataset"], data.facts["version"], data.facts["speech_seconds"]) == ("radio", 1, pytest.approx(8))
    assert open_data(library, CONFIG, 0, "radio", 0, str(store)).facts["version"] == 2
    assert isinstance(data.training, Mixtures) and isinstance(data.validation, Mixtures)
    names = [
        {f.place.key.rpartition("/")[2][0] for f in s.speech.files if isinstance(f.place, Stored)} for s in (data.training, data.validation)
    ]
    assert names == [{"a", "b", "c"}, {"d"}]
    assert any(data.training.window(index)[SPEECH].any() for index in range(3))


def test_a_dataset_is_not_mixed_with_songs(songs: Path, tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"expected music/ in .* to mix with the clips of the dataset radio, found train"):
        open_data(songs, CONFIG, 0, "radio", 1, str(tmp_path))


def test_a_folder_that_holds_nothing_of_it_is_refused_with_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"expected one of train/ .* found none of them"):
        open_data(tmp_path, CONFIG, 0)


def test_mixing_makes_two_stems_and_no_more(library: Path) -> None:
    with pytest.raises(StageError, match="expected a configuration with only vocals and accompaniment"):
        open_data(library, CONFIG | {"instrument_list": ["vocals", "drums"]}, 0)


def test_files_of_another_rate_and_files_that_are_no_audio_are_named_all_at_once(library: Path) -> None:
    write(library / "music" / "low.wav", music(np.random.default_rng(0), 1.0), 22_050)
    (library / "music" / "text.flac").write_text("no audio")
    with pytest.raises(StageError, match=r"low.wav: 22050 Hz, 2 channels; text.flac: .*: convert or remove them"):
        open_data(library, CONFIG, 0)


def test_songs_without_a_stem_or_with_one_of_another_length_are_named(songs: Path) -> None:
    (songs / "train" / "song 2" / "vocals.wav").unlink()
    with pytest.raises(StageError, match="song 2: no vocals/speech"):
        open_data(songs, CONFIG, 0)
    write(songs / "train" / "song 2" / "vocals.wav", voice(np.random.default_rng(0), 3.0))
    with pytest.raises(StageError, match=r"song 2/vocals.wav: 3.00 s for 4.00 s"):
        open_data(songs, CONFIG, 0)


def test_a_file_whose_end_is_lost_is_named_when_it_is_read(library: Path) -> None:
    data = open_data(library, CONFIG, 0)
    for path in (library / "music").iterdir():
        path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(StageError, match=r"cannot read .*\.flac: "):
        for index in range(20):
            data.training.window(index)
