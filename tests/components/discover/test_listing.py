"""Local files and folders."""

import os

import numpy as np
import pytest
import soundfile

from components.discover.items import SourceError
from components.discover.listing import list_local


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
