"""Local files and folders."""

import os
import subprocess
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import soundfile

from components.discover.items import SourceError, recording_id
from components.discover.lengths import stated_seconds
from components.discover.listing import list_local
from components.shared.audio import ffmpeg, measured_seconds


def names(folder) -> list[str]:
    return [entry.item.title for entry in list_local(folder)]


def test_a_folder_is_all_media_in_it_sorted(tmp_path):
    for name in ("b.mp3", "a/z.WAV", "a/y.txt", "cover.jpg", "B.opus"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert names(tmp_path) == ["B.opus", "z.WAV", "b.mp3"]


def test_symlinks_that_leave_the_folder_are_not_followed(tmp_path, capsys):
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    (folder / "sub").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret.mp3").touch()
    (folder / "a.mp3").touch()
    (folder / "inside.mp3").symlink_to(folder / "a.mp3")
    (folder / "link.mp3").symlink_to(outside / "secret.mp3")
    (folder / "broken.mp3").symlink_to(folder / "nowhere.mp3")
    (folder / "out").symlink_to(outside)
    (folder / "sub" / "round").symlink_to(folder)
    assert names(folder) == ["a.mp3", "inside.mp3"]
    assert "skipped 1 symlinks that lead out of the folder" in capsys.readouterr().out


def test_a_file_is_taken_whatever_it_is_called_and_its_length_read(tmp_path):
    soundfile.write(tmp_path / "a.flac", np.zeros(8000), 16000)
    (tmp_path / "text.mp3").write_text("no sound")
    (tmp_path / "notes.bin").touch()
    (found,) = list_local(tmp_path / "a.flac")
    assert (found.item.kind, found.item.url, found.item.seconds) == ("local", str(tmp_path / "a.flac"), 0.5)
    assert [entry.item.seconds for entry in list_local(tmp_path)] == [0.5, 0]
    assert names(tmp_path / "notes.bin") == ["notes.bin"]


def test_the_id_is_the_path(tmp_path):
    (tmp_path / "a").mkdir()
    for name in ("1.mp3", "a/1.mp3"):
        (tmp_path / name).touch()
    ids = [entry.item.recording for entry in list_local(tmp_path)]
    assert len(set(ids)) == 2
    (tmp_path / "1.mp3").write_text("other")
    assert [entry.item.recording for entry in list_local(tmp_path)] == ids


def test_a_path_that_is_not_there(tmp_path):
    with pytest.raises(SourceError, match="there is no such file or folder"):
        names(tmp_path / "absent")


def test_a_name_that_is_not_utf8_is_refused_with_the_way_out(tmp_path):
    with open(os.fsencode(tmp_path) + b"/\xff.mp3", "w"):  # noqa: PTH123  # a name that no text can hold
        pass
    (found,) = list_local(tmp_path)
    assert found.refusal == "expected a UTF-8 name, found another encoding: rename it"
    assert found.item.title == ".mp3"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_an_id_does_not_depend_on_the_unicode_form_of_a_name(tmp_path, form):
    """The id of a path in NFC is the one that datasets have."""
    folder = tmp_path / unicodedata.normalize(form, "여성시대")
    folder.mkdir()
    (folder / unicodedata.normalize(form, "봄.wav")).touch()
    (found,) = list_local(folder)
    assert found.item.recording == recording_id("local", "", f"{tmp_path}/여성시대/봄.wav")
    assert (found.item.url, found.item.title) == (str(folder / unicodedata.normalize(form, "봄.wav")), "봄.wav")


def test_two_files_that_look_the_same_are_two(tmp_path):
    for form in ("NFC", "NFD"):
        (tmp_path / unicodedata.normalize(form, "봄.wav")).touch()
    assert len({entry.item.recording for entry in list_local(tmp_path)}) == 2


def test_hidden_files_pictures_and_texts_are_left_out_with_a_count(tmp_path, capsys):
    for name, data in {
        "a.wav": b"",
        "._a.wav": b"\0\5\x16\7\0\2",
        "voice.3ga": b"",
        "memo": b"\xff\xfb\0",
        "cover.png": b"",
        "LICENSE": b"as is",
    }.items():
        (tmp_path / name).write_bytes(data)
    assert names(tmp_path) == ["a.wav", "memo", "voice.3ga"]
    assert f"{tmp_path}: left out 3 files that are no audio: 1 .png, 1 hidden, 1 text" in capsys.readouterr().out
    assert names(tmp_path / "._a.wav") == ["._a.wav"], "a file that is named is taken"


@pytest.mark.skipif(os.getuid() == 0, reason="root can read everything")
def test_a_folder_that_cannot_be_read_costs_no_file_beside_it(tmp_path):
    (tmp_path / "closed").mkdir(mode=0)
    (tmp_path / "a.wav").touch()
    found = []
    with pytest.raises(SourceError, match=r"closed cannot be read$"):
        for entry in list_local(tmp_path):
            found.append(entry.item.title)
    assert found == ["a.wav"]


def joined(folder: Path, ending: str, *codec: str) -> Path:
    """Three recordings of 2 s, one after the other in one file: the header of the first speaks for all."""
    path = folder / f"joined.{ending}"
    for hertz in (300, 400, 500):
        source = ["-f", "lavfi", "-i", f"sine={hertz}:duration=2"]
        subprocess.run([ffmpeg(), "-v", "error", *source, *codec, "-y", folder / f"part.{ending}"], check=True)
        with path.open("ab") as file:
            file.write((folder / f"part.{ending}").read_bytes())
    return path


@pytest.mark.parametrize(
    ("ending", "codec"), [("mp3", ["-b:a", "64k"]), ("mp3", ["-q:a", "4"]), ("ogg", ["-c:a", "libvorbis"]), ("aac", [])], ids=str
)
def test_a_length_that_is_measured_is_that_of_the_whole_file(tmp_path, ending, codec):
    path = joined(tmp_path, ending, *codec)
    assert measured_seconds(path) == pytest.approx(6, abs=0.3)
    assert stated_seconds(path) in (0, pytest.approx(2, abs=0.1))


@pytest.mark.parametrize("stated", [0, 0xFFFFFFFF, 0x7FFFFFFF, 3600 * 88_200])
def test_a_wav_file_whose_header_states_another_size_is_as_long_as_it_is(tmp_path, stated):
    soundfile.write(tmp_path / "a.wav", np.zeros(2 * 44_100), 44_100, "PCM_16")
    data = bytearray((tmp_path / "a.wav").read_bytes())
    place = data.index(b"data") + 4
    data[place : place + 4] = stated.to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(data)
    assert measured_seconds(tmp_path / "a.wav") == pytest.approx(2)
    assert stated_seconds(tmp_path / "a.wav") in (0, 2)


def test_what_cannot_be_measured_is_unknown(tmp_path):
    (tmp_path / "a.mp3").write_bytes(b"no sound" * 100)
    assert measured_seconds(tmp_path / "a.mp3") == stated_seconds(tmp_path / "a.mp3") == 0
