"""Feeds of strangers: whatever they say, their source is listed or fails with one line, and the others are listed."""

import gzip
import json
import re
from itertools import cycle, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.discover import __main__ as stage
from components.discover import feeds, listing, parser, reader
from components.discover.__main__ import list_all
from components.discover.feeds import list_link
from components.discover.items import MAX_URL, SourceError
from components.discover.parser import parsed
from components.discover.sources import parse
from components.shared.rows import Item
from store.parquet import to_bytes

HEAD = '<?xml version="1.0" encoding="utf-8"?>'
HALVES = "&#55357;&#56832;"


def rss(inside: str = "", title: str = "1화", head: str = HEAD) -> str:
    return f'{head}<rss version="2.0"><channel><title>쇼</title><item><title>{title}</title><guid>1</guid>{inside}' + (
        '<enclosure url="/1.mp3" type="audio/mpeg"/></item></channel></rss>'
    )


def bomb(levels: int) -> str:
    entities = "".join(f'<!ENTITY l{n} "' + f"&l{n - 1};" * 10 + '">' for n in range(1, levels))
    return f'{HEAD}<!DOCTYPE rss [<!ENTITY l0 "lol">{entities}]>' + rss(title=f"&l{levels - 1};", head="")


CORPUS = {
    "empty": b"",
    "spaces": b"  \n " * 300_000,
    "html": b"<!doctype html><html><body>moved</body></html>",
    "json": b'{"version": "https://jsonfeed.org/version/1.1"}',
    "json without end": b"[" * 200_000,
    "gzip garbage": b"\x1f\x8b\x08\0" + bytes(range(256)) * 20,
    "gzip": gzip.compress(rss().encode()),
    "picture": b"\x89PNG\r\n\x1a\n" + bytes(1000),
    "zeros": bytes(100_000),
    "opml": b'<opml version="2.0"><body/></opml>',
    "no such encoding": rss(head='<?xml version="1.0" encoding="no-such"?>').encode(),
    "nul in the encoding": rss(head='<?xml version="1.0" encoding="utf\x00-8"?>').encode(),
    "encoding is none of texts": rss(head='<?xml version="1.0" encoding="zlib"?>').encode(),
    "encoding that escapes": rss(head='<?xml version="1.0" encoding="unicode_escape"?>', title="\\ud83d").encode(),
    "long encoding": rss(head=f'<?xml version="1.0" encoding="{"u" * 100_000}"?>').encode(),
    "long declaration": rss(head="<?xml " + 'encoding="a" ' * 20_000).encode(),
    "nul": rss(title="a\x00b").encode(),
    "controls": rss(title="a\x01\x0b\x1fb\ufffe").encode(),
    "utf-16": rss().encode("utf-16"),
    "utf-32": rss().encode("utf-32"),
    "utf-16 declared as utf-8 without a mark": rss().encode("utf-16-le"),
    "half of utf-16": rss().encode("utf-16")[:-1],
    "mark of utf-16 before utf-8": b"\xff\xfe" + rss().encode(),
    "mark of utf-32 alone": b"\xff\xfe\0\0",
    "two marks": b"\xef\xbb\xbf\xef\xbb\xbf" + rss().encode(),
    "lone halves": rss(title="&#55357; &#xDE00; &#xD83D;&#xD83D;").encode(),
    "halves in an attribute": rss('<enclosure url="/&#55357;&#56832;.mp3"/>').encode(),
    "beyond unicode": rss(title="&#x110000; &#99999999999999999999; &#xFFFFFFFFFFFFFFFFF;").encode(),
    "not characters": rss(title="&#0; &#x1; &#xFFFE; &#xFFFF; &#;  &#x; &#xZ;").encode(),
    "a number of a million digits": rss(title=f"&#{'9' * 1_000_000};").encode(),
    "a reference without an end": rss(title="&#55357").encode(),
    "unknown entities": rss(title="&nbsp;&hellip;&unknown;& &amp").encode(),
    "billion laughs": bomb(12).encode(),
    "quadratic blowup": (f'{HEAD}<!DOCTYPE rss [<!ENTITY a "{"x" * 100_000}">]>' + rss(title="&a;" * 5_000, head="")).encode(),
    "entity of itself": (f'{HEAD}<!DOCTYPE rss [<!ENTITY a "&a;">]>' + rss(title="&a;", head="")).encode(),
    "file of this machine": (f'{HEAD}<!DOCTYPE rss [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + rss(title="&a;", head="")).encode(),
    "huge attribute": rss(f'<enclosure url="https://a.example/{"x" * 3_000_000}" type="audio/mpeg"/>').encode(),
    "huge title": rss(title="가" * 1_000_000).encode(),
    "huge name of an element": rss(f"<{'x' * 1_000_000}/>").encode(),
    "many attributes": rss("<a " + " ".join(f"a{n}='1'" for n in range(5_000)) + "/>").encode(),
    "deep": rss("<a>" * 50_000).encode(),
    "deep items": rss("<item>" * 5_000).encode(),
    "nothing is closed": rss().encode()[:-60],
    "cut in a letter": rss().encode()[: rss().encode().index("화".encode()) + 1],
    "cut in a tag": rss().encode()[: rss().index("<enclosure") + 15],
    "opened and never closed": b"<" * 200_000,
    "comments": (HEAD + "<!--" * 50_000).encode(),
    "cdata": rss("<![CDATA[" * 20_000).encode(),
    "declarations": rss("<!" * 50_000).encode(),
    "instructions": rss("<?" * 50_000).encode(),
    "undeclared namespaces": rss("<a:b c:d='1'/><itunes:duration>5</itunes:duration>").encode(),
    "broken urls": rss(
        "".join(f'<enclosure url="{u}"/>' for u in ("http://[", "http://a:b/", "//[", "http://a:99999/", "%zz", "\t"))
    ).encode(),
    "broken license and next": rss('<atom:link xmlns:atom="http://www.w3.org/2005/Atom" rel="next" href="http://["/>').encode(),
    "dates": rss("".join(f"<pubDate>{d}</pubDate>" for d in ("9" * 5000, "-1", "2024-99-99", "Mon, 99 Foo 99999 99:99:99 +9999"))).encode(),
    "lengths": rss('<x:duration xmlns:x="http://www.itunes.com/dtds/podcast-1.0.dtd">999999:99:99</x:duration>').encode(),
}


TYPES = ("application/rss+xml", "text/xml; charset=no-such", "")


@pytest.mark.parametrize(("data", "content_type"), list(zip(CORPUS.values(), cycle(TYPES))), ids=CORPUS.keys())
def test_a_feed_of_a_stranger_fails_alone_and_in_one_line(web, capsys, data, content_type):
    web.pages |= {"/strange": (200, {"Content-Type": content_type}, data), "/good": rss()}
    found, reasons = list_all(parse(f"{web.url}/strange, {web.url}/good"))
    assert found[-1].item.title == "1화" and found[-1].item.url == f"{web.url}/1.mp3"
    assert reasons[-1] == (f"{web.url}/good", "")
    assert all(reason.isprintable() for _, reason in reasons)
    to_bytes(Item, [entry.item for entry in found])  # what is listed can be stored
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err and all(line.isprintable() for line in said.out.splitlines())
    assert "root:" not in str(found)


@pytest.mark.parametrize(
    ("title", "read"),
    [
        (f"오늘의 사연 {HALVES}", "오늘의 사연 😀"),
        ("&#xD83D;&#xDE00; &#xd83d;&#56832;", "😀 😀"),
        (f"<![CDATA[사연 {HALVES}]]>", "사연 😀"),
        (f"{HALVES}{HALVES}&#65039;", "😀😀\ufe0f"),
        ("a&#55357;b&#56832;c", "abc"),
        ("a&#55357;&#55357;&#56832;c", "a😀c"),
        ("a&#x110000;&#0;b", "ab"),
        ("A&#44032;&#x1F600;&amp;&#38;&lt;", "A가😀&&<"),
    ],
)
def test_references_to_characters(title, read):
    assert parsed(rss(title=title).encode())["entries"][0]["title"] == read
    assert (
        parsed((rss(title=title) + "<").encode())["entries"][0]["title"].replace("&amp;", "&").replace("&#38;", "&").replace("&lt;", "<")
        == read
    )


FRAGMENTS = [
    "<item>",
    "</item>",
    "<title>",
    "</title>",
    "<enclosure url='/1.mp3'/>",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "<?",
    "?>",
    "&",
    ";",
]
FRAGMENTS += [
    "&#55357;",
    "&#xDE00;",
    "&#99999999;",
    "&lt;",
    "<",
    ">",
    '"',
    "'",
    "\x00",
    "가",
    "😀",
    "<!DOCTYPE rss [",
    '<!ENTITY a "b">',
    "]>",
]
FRAGMENTS += [
    "<pubDate>",
    "2024년 3월 5일",
    "</pubDate>",
    "<guid>",
    "</guid>",
    HEAD,
    "</rss>",
    "<a xmlns:b='c' b:d='e'>",
    "encoding='utf-16'",
]


@given(
    st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=5), max_size=40).map("".join),
    st.sampled_from(["utf-8", "cp949", "utf-16", "latin-1"]),
)
def test_any_mixture_of_markup_is_parsed_or_refused_by_an_error_of_python(inside, codec):
    try:
        found = parsed(rss(inside).encode(codec, "ignore"), "text/xml")
    except Exception:  # the other process reports it
        return
    json.dumps(found).encode()
    "".join(entry["title"] + entry["id"] + "".join(url for url, *_ in entry["media"]) for entry in found["entries"]).encode()


@given(st.binary(max_size=400), st.text(max_size=20))
def test_any_bytes_are_parsed_or_refused_by_an_error_of_python(data, content_type):
    try:
        json.dumps(parsed(data, content_type)).encode()
    except Exception:
        return


def test_errors_of_a_parser_that_fails_become_one_line(web, monkeypatch, tmp_path):
    (tmp_path / "components" / "discover").mkdir(parents=True)
    (tmp_path / "components" / "discover" / "parser.py").write_text("raise ValueError('line\\nbreak')")
    monkeypatch.setattr(reader, "__file__", str(tmp_path / "components" / "discover" / "reader.py"))
    web.pages["/feed"] = rss()
    with pytest.raises(SourceError, match=r"^expected a feed that can be parsed, found one that breaks the parser: "):
        list(list_link(f"{web.url}/feed"))


@pytest.mark.parametrize("limit", ["memory", "time"])
def test_a_feed_that_exhausts_memory_or_time_is_a_failure_of_its_source(web, monkeypatch, limit):
    monkeypatch.setattr(reader, "MAX_SECONDS", 1 if limit == "time" else 60)
    monkeypatch.setattr(reader, "MAX_MEMORY_BYTES", (150 if limit == "memory" else 512) * 2**20)
    items = '<item><enclosure url="/1.mp3"/></item>' * 300_000
    web.pages |= {"/bomb": f'{HEAD}<rss version="2.0"><channel>{items}</channel></rss>', "/good": rss()}
    found, reasons = list_all(parse(f"{web.url}/bomb, {web.url}/good"))
    assert len(found) == 1
    assert re.match(r"expected a feed that can be (read with .* s|parsed), found one that ", reasons[0][1])


def test_only_so_many_entries_of_a_feed_are_read_and_that_is_said(web, monkeypatch):
    items = "".join(f'<item><guid>{n}</guid><enclosure url="/{n}.mp3"/></item>' for n in range(9))
    web.pages["/feed"] = f'{HEAD}<rss version="2.0"><channel>{items}</channel></rss>'
    monkeypatch.setattr(feeds, "MAX_ENTRIES", 5)
    found = []
    with pytest.raises(SourceError, match="expected at most 5 entries, found more: only these were read"):
        for entry in list_link(f"{web.url}/feed"):
            found.append(entry.item.recording)
    assert len(set(found)) == 9, "of the page that exceeds it all are taken"
    monkeypatch.setattr(parser, "MAX_ENTRIES", 5)
    assert [(len(p["entries"]), p["more"]) for p in (parsed(web.pages["/feed"].encode()), parsed(rss().encode()))] == [
        (5, True),
        (1, False),
    ]


def test_the_parser_gets_no_secrets(web, monkeypatch, tmp_path):
    seen = tmp_path / "seen"
    (tmp_path / "components" / "discover").mkdir(parents=True)
    (tmp_path / "components" / "discover" / "parser.py").write_text(
        f"import os; open({str(seen)!r}, 'w').write(str(os.environ)); raise SystemExit(1)"
    )
    monkeypatch.setattr(reader, "__file__", str(tmp_path / "components" / "discover" / "reader.py"))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    monkeypatch.setenv("SPEECHMILL_LOGINS", "https://me:hidden@a.example/")
    web.pages["/feed"] = rss()
    with pytest.raises(SourceError):
        list(list_link(f"{web.url}/feed"))
    assert "PATH" in seen.read_text() and "hidden" not in seen.read_text()


ERRORS = [
    ValueError("a\nb"),
    UnicodeEncodeError("utf-8", "\ud83d", 0, 1, "surrogates not allowed"),
    RecursionError(),
    MemoryError(),
    KeyError("x"),
]
ERRORS += [
    OSError(5, "input/output error"),
    AssertionError(),
    AttributeError("'NoneType'"),
    RuntimeError("https://me:s3cr3t@a.example/?token=s3cr3t"),
]


@pytest.mark.parametrize(("error", "late"), list(product(ERRORS, [False, True])), ids=str)
def test_any_exception_is_the_failure_of_its_source_alone(monkeypatch, capsys, error, late):
    good = list(listing.list_source(parse("sample:")[0]))

    def list_source(source):
        if "bad" in source.target:
            yield from good[:late]
            raise error
        yield from good

    monkeypatch.setattr(stage, "list_source", list_source)
    found, reasons = list_all(parse("https://me:s3cr3t@bad.example/feed?key=s3cr3t, sample:"))
    assert len(found) == len(good)
    assert [bool(reason) for _, reason in reasons] == [True, False]
    assert reasons[0][1].startswith(type(error).__name__) and reasons[0][1].isprintable()
    said = capsys.readouterr().out
    assert f"https://bad.example/feed: failed: {type(error).__name__}" in said and "s3cr3t" not in said + str(reasons)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(143)])
def test_the_end_of_the_run_is_no_failure_of_a_source(monkeypatch, error):
    def list_source(source):
        raise error

    monkeypatch.setattr(stage, "list_source", list_source)
    with pytest.raises(type(error)):
        list_all(parse("sample:"))


def test_a_link_that_no_server_takes_is_refused(web):
    web.pages["/feed"] = rss(f'<enclosure url="https://a.example/{"x" * MAX_URL}" type="audio/mpeg"/>')
    (entry,) = list_link(f"{web.url}/feed")
    assert entry.refusal.startswith("expected an http or https link to its audio, found https://a.example/xxx")
    assert len(entry.refusal) < 150
