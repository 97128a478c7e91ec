"""Which files and links may be audio."""

import os
import socket
from pathlib import Path

import pytest

from components.discover.media import Choice, audio_files, by_name, by_type, link_may_be_audio

BINARY = b"\xff\xfb\x90\x64\0\0"


ENDINGS = """3ga mpga weba aifc asf amr caf wma opus mka ts m4b 3gp 3gpp aac ac3 aif aiff ape au avi flac flv m4a mkv mov mp2 mp3 mp4 mpg
    mpeg oga ogg ogv w64 wav wave webm wmv wv spx tta mts m2ts"""


@pytest.mark.parametrize("ending", ENDINGS.split())
def test_the_endings_of_recorders_and_programs_in_any_case(ending):
    assert by_name(f"a.{ending}") is by_name(f"여성시대/1화.{ending.upper()}") is True


@pytest.mark.parametrize(
    ("url", "stated", "taken"),
    [
        ("https://a.example/play?1", "mp3", True),
        ("https://a.example/play?2", "binary/octet-stream", True),
        ("https://a.example/play?3", "application/force-download", True),
        ("https://a.example/play?4", "file", True),
        ("https://a.example/play?5", "", True),
        ("https://a.example/play.php", "application/x-unknown", True),
        ("https://a.example/1.mp3", "image/jpeg", True),  # the ending contradicts
        ("https://a.example/1.mp3?x=y.jpg", "text/plain", True),
        ("https://a.example/1.jpg", "audio/mpeg", True),  # so does the type
        ("https://a.example/1", "AUDIO/MPEG; charset=utf-8", True),
        ("https://a.example/v", "video", True),
        ("https://a.example/1%2Emp3", "application/pdf", True),
        ("https://a.example/1.jpg", "", False),
        ("https://a.example/1.JPG?x=1", "application/octet-stream", False),
        ("https://a.example/1", "image/jpeg", False),
        ("https://a.example/1", "image", False),
        ("https://a.example/1", "text/html; charset=utf-8", False),
        ("https://a.example/1.pdf", "application/octet-stream", False),
        ("https://a.example/1", "application/pdf", False),
        ("https://a.example/1", "application/x-bittorrent", False),
        ("https://a.example/1.hwp", "", False),
        ("https://a.example/1.vtt", "text/vtt", False),
        ("https://a.example/1", "application/json+chapters", True),
        ("https://a.example/1.json", "application/json+chapters", False),
    ],
)
def test_a_link_is_left_out_only_if_type_or_ending_say_so_and_the_other_does_not_say_audio(url, stated, taken):
    assert link_may_be_audio(url, stated) is taken


@pytest.mark.parametrize("stated", ["application/ogg", "application/mp4", "application/octet-stream", "", "mp3", "file", "x" * 100_000])
def test_types_that_say_nothing(stated):
    assert by_type(stated) is None


def names(folder: Path) -> list[str]:
    return [str(file.relative_to(folder)) for file in audio_files(folder).files]


def test_a_folder_gives_what_may_be_audio_and_counts_the_rest(tmp_path):
    files = {
        "a.wav": b"",
        "below/B.3GA": b"",
        "voice": BINARY,
        "memo.xyz": BINARY,
        "README": b"how to\n",
        "Makefile": "모두".encode(),
        "empty": b"",
        "cover.jpg": b"",
        "inside.JPG": b"",
        "notes.txt": b"",
        "._a.wav": BINARY,
        ".DS_Store": BINARY,
        ".Trashes/old.wav": BINARY,
        "__MACOSX/._b.wav": BINARY,
        "@eaDir/b.wav@SynoEAStream": BINARY,
    }
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    assert names(tmp_path) == ["a.wav", "below/B.3GA", "memo.xyz", "voice"]
    assert audio_files(tmp_path).told == "left out 11 files that are no audio: 5 hidden, 3 text, 2 .jpg, 1 .txt"
    assert audio_files(tmp_path).unreadable == []


def test_a_hidden_folder_that_is_named_is_read(tmp_path):
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "a.wav").touch()
    assert names(tmp_path / ".cache") == ["a.wav"]


def test_what_is_no_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "broken.wav").symlink_to(tmp_path / "nowhere")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        assert names(tmp_path) == []
    assert audio_files(tmp_path).told == "left out 3 files that are no audio: 3 pipes and broken links"


@pytest.mark.skipif(os.getuid() == 0, reason="root can read everything")
def test_what_cannot_be_read_is_named(tmp_path):
    (tmp_path / "closed").mkdir(mode=0)
    (tmp_path / "a.wav").touch()
    found = audio_files(tmp_path)
    assert (found.files, found.unreadable) == ([tmp_path / "a.wav"], [str(tmp_path / "closed")])


def test_without_content_an_unknown_name_is_taken():
    assert [Choice().takes(name) for name in ("voice", "memo.xyz", "a.mp3", "._a.mp3", "x/.git/a.mp3", "a.pdf")] == [True] * 3 + [False] * 3
