"""What the list of sources may say."""

import unicodedata
from pathlib import Path

import pytest

from components.discover.sources import parse, sha256_of
from components.shared.logins import without_logins
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


def test_a_path_that_exists_may_hold_what_separates_entries(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["Talks, 2024", "Talks", "show #1", "#2", "a, b, c #3, d", 'it\'s "odd"', '"quoted"', "shows"]
    for name in names:
        (tmp_path / name).mkdir()

    def listed(text: str) -> list[str]:
        return [str(Path(target).relative_to(tmp_path)) for _, target in found(text)]

    for name in names:
        assert listed(f"./{name}") == listed(f"{tmp_path}/{name}") == [name]
    assert listed("\n".join(f"./{name}" for name in names)) == names
    assert listed("./Talks, 2024, ./show #1,./shows # the old ones, and more") == ["Talks, 2024", "show #1", "shows"]
    assert listed("./Talks # , 2024") == ["Talks"]
    assert listed("\"./Talks, 2024\", './show #1'  # both, quoted") == ["Talks, 2024", "show #1"]
    assert listed('"./absent, with a comma # and more",./shows') == ["absent, with a comma # and more", "shows"]
    assert listed("shows,./absent, ./gone # x") == ["shows", "absent", "gone"]


def test_quotes_keep_a_comma_in_a_url():
    assert found('"https://a.example/a,b.mp3", https://a.example/c.mp3') == [("media", f"https://a.example/{n}.mp3") for n in ("a,b", "c")]


@pytest.mark.parametrize("typed", ["NFC", "NFD"])
@pytest.mark.parametrize("stored", ["NFC", "NFD"])
def test_a_path_is_found_in_either_unicode_form(tmp_path, monkeypatch, typed, stored):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / unicodedata.normalize(stored, "여성시대") / unicodedata.normalize(stored, "2024, 봄")
    folder.mkdir(parents=True)
    (folder / "a.wav").touch()
    for path in ("./여성시대/2024, 봄", f"{tmp_path}/여성시대/2024, 봄/a.wav", "여성시대/2024, 봄"):
        (source,) = parse(unicodedata.normalize(typed, path))
        assert (source.kind, Path(source.target).is_relative_to(folder)) == ("local", True)
    assert found(unicodedata.normalize(typed, "./여성시대/가을"))[0][1].endswith(unicodedata.normalize(typed, "가을"))


def test_of_two_folders_that_look_the_same_each_is_found_by_its_own_form(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for form in ("NFC", "NFD"):
        (tmp_path / unicodedata.normalize(form, "봄")).mkdir()
    for form in ("NFC", "NFD"):
        assert found(unicodedata.normalize(form, "./봄")) == [("local", str(tmp_path / unicodedata.normalize(form, "봄")))]


@pytest.mark.parametrize(
    ("entry", "target"),
    [
        ("feed://a.example/rss", "http://a.example/rss"),
        ("feed:https://a.example/rss", "https://a.example/rss"),
        ("feed://https://a.example/rss", "https://a.example/rss"),
        ("pcast://a.example/rss?x=1", "http://a.example/rss?x=1"),
        ("itpc://a.example:8080/rss", "http://a.example:8080/rss"),
        ("PODCAST://a.example/rss", "http://a.example/rss"),
        ("feed://www.youtube.com/@name", "https://www.youtube.com/@name"),
    ],
)
def test_links_for_podcast_programs_are_feeds(entry, target):
    assert [target for _, target in found(entry)] == [target]


def test_the_hash_of_sources_tells_sources_apart_and_nothing_else():
    hashes = [
        sha256_of(parse(text))
        for text in (f"https://youtu.be/{VIDEO}", f"https://youtu.be/{VIDEO.lower()}", "https://a.example/A", "https://a.example/a")
    ]
    assert len(set(hashes)) == 4, "letters count"
    same = [
        f"https://a.example/A,https://youtu.be/{VIDEO}",
        f"# my list, of two\nhttps://youtu.be/{VIDEO}?t=3 # the first\r\n\r\nhttps://a.example/A#x",
        f"https://me:pw@a.example/A?token=s3cr3t,youtube.com/watch?v={VIDEO},https://a.example/A",
    ]
    assert len({sha256_of(parse(without_logins(text)[0])) for text in same}) == 1


def test_a_password_with_signs_that_a_url_cannot_hold_is_not_shown():
    with pytest.raises(StageError) as error:
        parse("https://me:pw/hidden@a.example/feed")
    assert "https://a.example/feed is not supported" in str(error.value) and "hidden" not in str(error.value)


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
