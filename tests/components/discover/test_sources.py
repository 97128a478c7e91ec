"""What the list of sources may say."""

from pathlib import Path

import pytest

from components.discover.sources import parse
from components.shared.task import StageError, one_line

VIDEO = "dQw4w9WgXcQ"


def found(text: str) -> list[tuple[str, str]]:
    return [(source.kind, source.target) for source in parse(text)]


def test_entries_are_separated_by_commas_and_any_line_ends():
    text = "https://a.example/1.mp3,https://a.example/2.mp3\r\nhttps://a.example/3.mp3\n\n , ,\nhttps://a.example/4.mp3"
    assert [target[-5:] for _, target in found(text)] == ["1.mp3", "2.mp3", "3.mp3", "4.mp3"]


def test_comments_begin_an_entry_or_follow_a_blank_and_never_sit_in_a_url():
    text = "# all, of it\nhttps://a.example/#/feed, # one, two\n  #three\nhttps://a.example/b.mp3 # four,#five\nhttps://a.example/c#d,#e"
    assert [target for _, target in found(text)] == ["https://a.example/#/feed", "https://a.example/b.mp3", "https://a.example/c#d"]


def test_a_source_listed_twice_is_one():
    text = f"sample:, https://youtu.be/{VIDEO}\nhttps://www.youtube.com/watch?v={VIDEO}&t=3s, sample:"
    text += ", podbbang.com/ch/88, podbbang.com/channels/88"
    assert found(text) == [("sample", ""), ("video", VIDEO), ("podbbang", "88")]


@pytest.mark.parametrize(
    "entry",
    [
        f"https://www.youtube.com/watch?v={VIDEO}",
        f"https://m.youtube.com/watch?app=desktop&v={VIDEO}&list=PLx&index=2",
        f"youtube.com/watch?v={VIDEO}",
        f"https://youtu.be/{VIDEO}?si=abc",
        f"https://www.youtube.com/shorts/{VIDEO}",
        f"https://www.youtube.com/live/{VIDEO}?feature=share",
    ],
)
def test_a_video_is_known_by_its_id_however_its_url_looks(entry):
    assert found(entry) == [("video", VIDEO)]


@pytest.mark.parametrize(
    ("entry", "target"),
    [
        ("https://www.youtube.com/playlist?list=PLabc&si=x", "https://www.youtube.com/playlist?list=PLabc"),
        ("https://www.youtube.com/watch?list=PLabc", "https://www.youtube.com/playlist?list=PLabc"),
        ("https://www.youtube.com/@EBS펭수", "https://www.youtube.com/@EBS펭수"),
        ("https://youtube.com/@name/videos", "https://www.youtube.com/@name/videos"),
        ("https://www.youtube.com/channel/UCabc", "https://www.youtube.com/channel/UCabc"),
        ("www.youtube.com/c/name", "https://www.youtube.com/c/name"),
        ("https://www.youtube.com/user/name", "https://www.youtube.com/user/name"),
    ],
)
def test_playlists_and_channels_of_youtube(entry, target):
    assert found(entry) == [("youtube", target)]


@pytest.mark.parametrize(
    ("entry", "target"),
    [
        ("podbbang.com/ch/88", "88"),
        ("https://www.podbbang.com/channels/88", "88"),
        ("http://www.podbbang.com/ch/88?e=1", "88"),
        ("https://www.podbbang.com/channels/88/episodes/123", "88/123"),
    ],
)
def test_channels_and_episodes_of_podbbang(entry, target):
    assert found(entry) == [("podbbang", target)]


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        ("https://a.example/show/EP1.MP3?token=x", "media"),
        ("http://a.example:8080/a%20b.m4a", "media"),
        ("https://a.example/feed", "link"),
        ("https://a.example/feed.xml", "link"),
        ("https://a.example/play.php?file=a.mp3", "link"),
    ],
)
def test_web_urls_are_media_by_their_ending_and_else_what_they_answer(entry, kind):
    assert found(entry) == [(kind, entry)]


def test_files_and_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "radio #1.mp3").touch()
    (tmp_path / "shows").mkdir()
    text = f"{tmp_path}/absent, ./absent2, ~/x/../y, shows"
    assert found(text) == [("local", str(tmp_path / name)) for name in ("absent", "absent2", "y", "shows")]
    assert Path(found(".")[0][1]) == tmp_path


@pytest.mark.parametrize(
    "entry",
    [
        "nothing",
        "ftp://a.example/a.mp3",
        "file:///etc/passwd",
        "https://",
        "http://[x/",
        "x" * 5000,
        "https://www.youtube.com/feed/trending",
    ],
)
def test_an_unknown_kind_is_named_with_what_is_understood(entry):
    with pytest.raises(StageError, match="Supported: a YouTube video, playlist or channel") as error:
        parse(f"sample:, {entry}")
    assert entry in str(error.value)


def test_all_that_is_understood_fits_the_line_that_an_error_is() -> None:
    with pytest.raises(StageError) as error:
        parse("https://www.youtube.com/feed/trending")
    assert one_line(error.value).endswith("sample:")


def test_a_bucket_is_a_source() -> None:
    assert [(s.kind, s.target) for s in parse("s3://bucket/show/a%2C b.mp3, s3://bucket")] == [
        ("bucket", "s3://bucket/show/a%2C b.mp3"),
        ("bucket", "s3://bucket"),
    ]


@pytest.mark.parametrize("entry", ["s3://", "s3:///a", "s3://A/b", "s3://a..b/c", "s3://key:hidden@bucket/a"])
def test_what_names_no_bucket_is_refused(entry: str) -> None:
    with pytest.raises(StageError, match=r"expected s3://BUCKET") as error:
        parse(entry)
    assert "hidden" not in str(error.value)


@pytest.mark.parametrize("text", ["", "\n\r\n", "# nothing, at all"])
def test_no_source_is_an_error(text):
    with pytest.raises(StageError, match="expected at least one, found none"):
        parse(text)


def test_names_hold_no_secrets():
    sources = parse("https://me:pw@a.example/feed?token=t&id=3, https://a.example/a.mp3?sig=s")
    assert [s.name for s in sources] == ["https://a.example/feed?id=3", "https://a.example/a.mp3"]
    with pytest.raises(StageError) as error:
        parse("gopher://me:pw@a.example/")
    assert "pw" not in str(error.value)
