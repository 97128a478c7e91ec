"""RSS and Atom over real HTTP."""

import pytest

from components.discover import feeds as feeds_module
from components.discover.__main__ import list_all
from components.discover.feeds import list_link, list_sample
from components.discover.items import Listed, SourceError, recording_id
from components.discover.sources import parse

NAMESPACES = (
    'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:atom="http://www.w3.org/2005/Atom"'
    ' xmlns:creativeCommons="http://backend.userland.com/creativeCommonsRssModule" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    ' xmlns:podcast="https://podcastindex.org/namespace/1.0" xmlns:media="http://search.yahoo.com/mrss/"'
)


def rss(*items: str, head: str = "<title>Radio</title>") -> str:
    return f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0" {NAMESPACES}><channel>{head}{"".join(items)}</channel></rss>'


def item(guid: str = "", url: str = "https://cdn.example/a.mp3", more: str = "") -> str:
    identity = f"<guid>{guid}</guid>" if guid else ""
    return f'<item><title>{guid}</title>{identity}<enclosure url="{url}" type="audio/mpeg"/>{more}</item>'


def listing(web, path: str = "/feed") -> list[Listed]:
    return list(list_link(f"{web.url}{path}"))


def one(web, page: str):
    web.pages["/feed"] = page
    (found,) = listing(web)
    return found.item


def test_an_episode_with_everything_stated(web):
    more = "<pubDate>Mon, 02 Nov 2026 08:30:00 +0900</pubDate><itunes:duration>1:02:03</itunes:duration>"
    more += "<creativeCommons:license>https://creativecommons.org/licenses/by/4.0/</creativeCommons:license>"
    found = one(web, rss(item("episode-1", "/media/1.mp3?token=x", more)))
    assert (found.kind, found.title, found.channel) == ("feed", "episode-1", "Radio")
    assert found.url == f"{web.url}/media/1.mp3?token=x"
    assert found.published == "2026-11-02", "the day in Korea, which is not the day in UTC"
    assert found.licence == "https://creativecommons.org/licenses/by/4.0/"
    assert found.seconds == 3723


def test_what_is_not_stated_is_empty(web):
    found = one(web, rss(item("episode-1"), head=""))
    assert (found.channel, found.published, found.licence, found.seconds, found.failures) == ("", "", "", 0, 0)


@pytest.mark.parametrize(
    ("in_item", "in_channel", "licence"),
    [
        ("<license>CC0</license>", "", "CC0"),
        ("<dc:rights>All rights reserved</dc:rights>", "", "All rights reserved"),
        ("<podcast:license>cc-by-4.0</podcast:license>", "<dc:rights>MBC</dc:rights>", "cc-by-4.0"),
        ('<atom:link rel="license" href="https://l.example/by"/>', "", "https://l.example/by"),
        ("", "<copyright>MBC</copyright>", "MBC"),
    ],
)
def test_the_licence_as_it_is_stated_the_episode_before_the_feed(web, in_item, in_channel, licence):
    assert one(web, rss(item("1", more=in_item), head=in_channel)).licence == licence


@pytest.mark.parametrize(
    ("date", "day"),
    [
        ("Mon, 02 Nov 2026 00:30:00 +0900", "2026-11-02"),
        ("Mon, 02 Nov 2026 23:30:00 -0800", "2026-11-02"),
        ("2026-11-02T00:30:00+09:00", "2026-11-02"),
        ("2026-11-02", "2026-11-02"),
        ("one day", ""),
    ],
)
def test_the_day_of_publication_is_in_the_zone_it_is_written_in(web, date, day):
    assert one(web, rss(item("1", more=f"<pubDate>{date}</pubDate>"))).published == day


def test_an_episode_keeps_its_id_and_two_feeds_episodes_of_one_name_are_two(web):
    web.pages |= {"/feed": rss(item("episode-1")), "/other": rss(item("episode-1"))}
    (first,) = listing(web, "/feed?key=a")
    web.pages["/feed"] = rss(item("episode-2"), item("episode-1", "https://elsewhere.example/b.mp3"))
    later = listing(web, "/feed?key=b")
    (other,) = listing(web, "/other")
    assert later[1].item.recording == first.item.recording
    assert other.item.recording != first.item.recording


def test_a_port_in_the_guid_or_the_enclosure_changes_no_id(web):
    first = one(web, rss(item("http://127.0.0.1:4711/1")))
    assert one(web, rss(item("http://127.0.0.1:4712/1"))).recording == first.recording
    bare = one(web, rss(item("", "http://127.0.0.1:4711/1.mp3?sig=a")))
    assert one(web, rss(item("", "http://127.0.0.1:4712/1.mp3?sig=b"))).recording == bare.recording
    assert one(web, rss(item("", "http://127.0.0.1:4712/2.mp3?sig=b"))).recording != bare.recording


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "data:audio/mp3;base64,AAAA", "ftp://a.example/a.mp3", "//[broken/a.mp3", "http://:80/a.mp3"]
)
def test_an_enclosure_that_is_no_web_url_is_refused_and_the_others_are_not(web, url):
    web.pages["/feed"] = rss(item("bad", url), item("good"))
    bad, good = listing(web)
    assert "expected an http or https link to its audio" in bad.refusal
    assert good.refusal == ""


def test_links_are_resolved_against_the_feed_after_redirects_whatever_base_it_claims(web):
    web.pages |= {"/feed": (302, {"Location": "/deep/down/feed"}, b""), "/deep/down/feed": rss(item("1", "../a.mp3"))}
    assert listing(web)[0].item.url == f"{web.url}/deep/a.mp3"
    web.pages["/based"] = rss(item("1", "a.mp3")).replace("<channel>", '<channel xml:base="file:///etc/">')
    assert listing(web, "/based")[0].item.url == f"{web.url}/a.mp3"


def test_entries_without_audio_are_none(web, capsys):
    text = '<item><title>t</title><link>https://a.example/post</link><enclosure url="https://a.example/c.jpg" type="image/jpeg"/></item>'
    video = '<item><guid>v</guid><media:content url="https://a.example/v" type="video/mp4"/></item>'
    web.pages["/feed"] = rss(text, video, item("1"))
    assert [entry.item.url for entry in listing(web)] == ["https://a.example/v", "https://cdn.example/a.mp3"]
    assert "left out 1 entries without audio: 1 image/jpeg" in capsys.readouterr().out


def test_atom(web):
    entry = "<entry><id>urn:1</id><title>One</title><published>2026-11-02T00:30:00+09:00</published>"
    entry += '<link rel="enclosure" type="audio/ogg" href="/1.ogg"/></entry>'
    found = one(web, f'<feed xmlns="http://www.w3.org/2005/Atom"><title>Radio</title>{entry}</feed>')
    assert (found.url, found.title, found.channel, found.published) == (f"{web.url}/1.ogg", "One", "Radio", "2026-11-02")


def test_a_feed_of_many_pages_is_read_to_its_end_once(web):
    for page in range(1, 4):
        following = f'<atom:link rel="next" href="/feed?page={page % 3 + 1}"/>'  # the last one leads back to the first
        web.pages[f"/feed?page={page}"] = rss(item(f"{page}-a"), item(f"{page}-b"), item("every page"), head=following)
    titles = [entry.item.title for entry in listing(web, "/feed?page=1")]
    assert titles == ["1-a", "1-b", "every page", "2-a", "2-b", "3-a", "3-b"]
    assert len(web.asked) == 3


def test_pages_that_go_on_for_ever_with_nothing_new_end(web):
    numbers = iter(range(1000))
    web.pages["/feed"] = lambda: rss(item("1"), head=f'<atom:link rel="next" href="/feed?page={next(numbers)}"/>').encode()
    assert len(listing(web)) == 1
    assert len(web.asked) == 2


def test_a_feed_whose_pages_take_for_ever_is_left(web, monkeypatch):
    monkeypatch.setattr(feeds_module, "MAX_SECONDS", 0)
    web.pages["/feed"] = lambda: rss(item(str(len(web.asked))), head=f'<atom:link rel="next" href="/feed?{len(web.asked)}"/>').encode()
    found = []
    with pytest.raises(SourceError, match=r"^expected its pages within 0 s, found more: only 1 were read$"):
        for entry in list_link(f"{web.url}/feed"):
            found.append(entry.item.title)
    assert found == ["1"]


def test_what_was_listed_before_a_page_failed_counts(web):
    web.pages["/feed"] = rss(item("1"), head='<atom:link rel="next" href="/gone"/>')
    found = []
    with pytest.raises(SourceError, match="HTTP 404"):
        for entry in list_link(f"{web.url}/feed"):
            found.append(entry.item.title)
    assert found == ["1"]


def test_an_empty_feed_is_no_failure(web):
    web.pages["/feed"] = rss()
    assert listing(web) == []


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/html", b"<body>Not here</body>"),
        ("application/json", b'["feed"]'),
        ("text/xml", b"<foo/>"),
        ("text/xml", b""),
        ("text/plain", b"/etc/hostname"),
        ("text/plain", b"http://127.0.0.1/"),
        ("image/png", b"\x89PNG\r\n\x1a\n"),
    ],
)
def test_what_is_no_feed_is_said_and_never_opened_as_a_name(web, content_type, body):
    web.pages["/feed"] = (200, {"Content-Type": content_type}, body)
    with pytest.raises(SourceError, match=rf"expected a feed \(RSS or Atom\) or audio, found {content_type}, which is neither"):
        listing(web)


def test_a_link_that_answers_with_audio_is_one_recording(web):
    web.pages["/play.php"] = (200, {"Content-Type": "audio/mpeg"}, b"x")
    (found,) = listing(web, "/play.php?id=7")
    assert (found.item.kind, found.item.url) == ("media", f"{web.url}/play.php?id=7")


def test_a_feed_that_ends_in_the_middle_gives_what_it_has_and_says_so(web, capsys):
    whole = rss(item("1"), item("2"))
    web.pages["/feed"] = whole[: whole.index("<guid>2")]
    assert [entry.item.title for entry in listing(web)] == ["1"]
    assert "not well-formed XML" in capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["euc-kr", "utf-8", "utf-16"])
def test_the_encoding_of_a_feed(web, encoding):
    page = rss(item("여성시대")).replace("utf-8", encoding).encode(encoding)
    web.pages["/feed"] = (200, {"Content-Type": "text/xml"}, page)
    assert listing(web)[0].item.title == "여성시대"


def test_entities_of_the_outside_are_not_read(web, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s3cr3t")
    page = rss(item("1", more="<itunes:author>&x;</itunes:author>"), head="<title>&x;</title>")
    page = page.replace("<rss", f'<!DOCTYPE rss [<!ENTITY x SYSTEM "file://{secret}">]><rss', 1)
    web.pages["/feed"] = page
    assert "s3cr3t" not in "".join(str(entry) for entry in listing(web))


def test_the_bundled_feed_names_files_that_download_carries(tmp_path, monkeypatch):
    monkeypatch.setattr(feeds_module, "SAMPLE", tmp_path / "feed.xml")
    with pytest.raises(SourceError, match="expected the bundled sample's feed, found none"):
        list(list_sample())
    (tmp_path / "feed.xml").write_text(rss(item("one", "one.opus", "<itunes:duration>60</itunes:duration>"), item("two", "two.opus")))
    found = [entry.item for entry in list_sample()]
    assert [(f.kind, f.url, f.title, f.seconds) for f in found] == [
        ("sample", "sample:one.opus", "one", 60),
        ("sample", "sample:two.opus", "two", 0),
    ]
    assert len({f.recording for f in found}) == 2


def ids(web, path: str = "/feed") -> dict[str, str]:
    return {entry.item.url.removeprefix(web.url): entry.item.recording for entry in listing(web, path)}


def test_feeds_whose_guids_are_unique_keep_the_ids_of_before(web):
    """These ids are in datasets that exist."""
    page = rss(
        item("episode-1"),
        item("http://a.example:80/?p=2#x", "https://cdn.example/b.mp3?id=7&amp;sig=x"),
        item("", "https://cdn.example/c.mp3?id=7&amp;sig=x"),
    )
    web.pages["/feed"] = page
    own = ("episode-1", "a.example/?p=2#x", "cdn.example/c.mp3?id=7")
    assert [entry.item.recording for entry in listing(web)] == [recording_id("feed", "127.0.0.1/feed", o) for o in own]
    assert recording_id("feed", "127.0.0.1/feed", "episode-1") == "83c5feeedb9a37b0"


def test_episodes_under_one_guid_are_told_apart_by_their_media_whatever_comes_later(web):
    episodes = [item("show", f"/{n}.mp3", f"<title>{n}화</title>") for n in range(1, 5)]
    web.pages["/feed"] = rss(*episodes[:3])
    first = ids(web)
    assert len(set(first.values())) == 3
    web.pages["/feed"] = rss(*reversed(episodes))
    later = ids(web)
    assert len(set(later.values())) == 4
    assert {url: later[url] for url in first} == first, "the newest comes first, and nothing else moves"


def test_an_episode_that_is_listed_twice_with_one_medium_is_one(web):
    web.pages["/feed"] = rss(item("1", "/1.mp3?sig=a"), item("1", "/1.mp3?sig=b"), item("2", "/2.mp3"))
    found, _ = list_all(parse(f"{web.url}/feed"))
    assert [entry.item.url for entry in found] == [f"{web.url}/1.mp3?sig=a", f"{web.url}/2.mp3"]


def test_one_guid_on_two_pages_with_a_changing_path_is_one_episode(web):
    """An episode that is published meanwhile moves the others to the next page, and some hosts put a ticket into the path."""
    web.pages["/feed"] = rss(item("2", "/ticket-a/2.mp3"), item("1", "/ticket-a/1.mp3"), head='<atom:link rel="next" href="/page-2"/>')
    web.pages["/page-2"] = rss(item("1", "/ticket-b/1.mp3"), item("0", "/ticket-b/0.mp3"))
    assert list(ids(web)) == ["/ticket-a/2.mp3", "/ticket-a/1.mp3", "/ticket-b/0.mp3"]


def test_a_guid_that_is_shared_on_one_page_is_shared_on_the_next(web):
    web.pages["/feed"] = rss(item("show", "/3.mp3"), item("show", "/2.mp3"), head='<atom:link rel="next" href="/page-2"/>')
    web.pages["/page-2"] = rss(item("show", "/1.mp3"))
    assert len(set(ids(web).values())) == 3


def test_two_feeds_that_differ_in_the_query_alone_lose_no_episode(web, capsys):
    first, second = (rss(item("1", f"/{ch}1.mp3"), item("2", f"/{ch}2.mp3")) for ch in "ab")
    web.pages |= {"/rss?ch=1": first, "/rss?ch=2": second, "/rss?ch=1&key=x": first}
    found, _ = list_all(parse(f"{web.url}/rss?ch=1,{web.url}/rss?ch=2,{web.url}/rss?ch=1&key=x"))
    assert [entry.item.url.rpartition("/")[2] for entry in found] == ["a1.mp3", "a2.mp3", "b1.mp3", "b2.mp3"]
    assert [entry.item.recording for entry in found][:2] == [entry.item.recording for entry in listing(web, "/rss?ch=1")]
    assert "2 recordings, 2 of them listed before" in capsys.readouterr().out


def test_links_are_judged_by_what_they_are(web, capsys):
    types = ["mp3", "binary/octet-stream", "application/force-download", "file", "image/jpeg", "application/pdf", "text/html"]
    web.pages["/feed"] = rss(*(item(str(n), f"/play?{n}").replace("audio/mpeg", kind) for n, kind in enumerate(types)))
    assert list(ids(web)) == [f"/play?{n}" for n in range(4)]
    assert "left out 3 entries without audio: 1 image/jpeg, 1 application/pdf, 1 text/html" in capsys.readouterr().out


def test_the_audio_of_an_entry_is_found_beside_its_picture(web):
    cover, torrent = '<enclosure url="/cover" type="image/png"/>', '<enclosure url="/a.torrent" type="application/x-bittorrent"/>'
    odd, plain = '<enclosure url="/odd" type="application/x-odd"/>', '<enclosure url="/a.mp3" type="audio/mpeg"/>'
    web.pages["/feed"] = rss(f"<item><guid>1</guid>{cover}{torrent}{odd}{plain}</item>", f"<item><guid>2</guid>{cover}{odd}</item>")
    assert list(ids(web)) == ["/a.mp3", "/odd"]


def test_a_damaged_text_is_read_and_told(web, capsys):
    page = rss(item("여성시대 |"), item("둘째 사연", "/2.mp3"), head="<title>라디오</title>")
    web.pages["/feed"] = page.encode().replace(b"|", b"\xea\xb0")
    assert [(entry.item.title, entry.item.channel) for entry in listing(web)] == [("여성시대 \ufffd", "라디오"), ("둘째 사연", "라디오")]
    assert f"{web.url}/feed: its text is damaged: 2 pieces are not utf-8 and became U+FFFD" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content_type", "body", "hint"),
    [
        (
            "text/html",
            '<html><head><link href="/rss?a=1&amp;b=2" rel=alternate type="application/rss+xml"></head>',
            ": list the feed that this page names, {}/rss",
        ),
        ("text/html", "<!DOCTYPE html><p>podcast</p>", ": it is a web page: list the address of the show's RSS feed"),
        ("application/xhtml+xml", '<?xml version="1.0"?><html/>', ": it is a web page: list the address of the show's RSS feed"),
        ("text/x-opml", '<?xml version="1.0"?><opml version="2.0"/>', ": it is a list of feeds (OPML): list its feeds"),
        ("application/feed+json", '{"version": 1}', ": a JSON feed is not supported: list the RSS or Atom feed of the show"),
        ("text/plain", "<link type='application/rss+xml' href='http://['>", ""),
    ],
)
def test_what_is_no_feed_is_told_with_what_to_list_instead(web, content_type, body, hint):
    web.pages["/show"] = (200, {"Content-Type": content_type}, body.encode())
    with pytest.raises(SourceError) as error:
        listing(web, "/show")
    assert f"found {content_type}, which is neither{hint.format(web.url)}" in str(error.value)


def test_a_link_that_answers_with_audio_under_another_type_is_one_recording(web):
    web.pages["/download"] = (200, {"Content-Type": "application/octet-stream"}, b"ID3\x04\0\0\0\0\0\0" + bytes(100_000))
    (found,) = listing(web, "/download?id=7")
    assert (found.item.kind, found.item.url) == ("media", f"{web.url}/download?id=7")
