"""yt-dlp itself, through its generic extractor on loopback pages: YouTube cannot be reached from a test."""

import dataclasses
from hashlib import sha256
from pathlib import Path

import pytest
import yt_dlp
from conftest import QUICK, Make, Server, fetch, ignore, item, run_task, tone

from components.download.policy import ItemError
from components.download.youtube import COOKIES, COOKIES_TEXT, check, completed, downloader, options
from components.shared.audio import ffmpeg
from components.shared.task import StageError


def page(server: Server, path: str, *media: str, title: str = "A page") -> str:
    """A page with players in it."""
    body = "".join(f'<audio src="{m}"></audio>' for m in media)
    html = f"<html><head><title>{title}</title></head><body>{body}</body></html>"
    return server.put(path, html.encode(), headers={"Content-Type": "text/html; charset=utf-8"})


def test_yt_dlp_finds_the_javascript_runtime_and_its_scripts(tmp_path: Path) -> None:
    """What YouTube needs now; without them it hides its formats."""
    from yt_dlp.extractor.youtube.jsc._director import initialize_jsc_director

    with downloader(tmp_path, QUICK, ignore) as found:
        extractor = found.get_info_extractor("Youtube")
        extractor.initialize()
        (deno,) = [p for p in initialize_jsc_director(extractor).providers.values() if p.is_available()]
        scripts = [deno._lib_script, deno._core_script]
        assert deno.PROVIDER_NAME == "deno"
        assert [s.source.value for s in scripts] == ["python package"] * 2  # yt-dlp-ejs, of the version that it asks for
        assert deno._run_js_runtime("console.log(6 * 7)") == "42\n"


def test_every_option_is_one_of_yt_dlp(tmp_path: Path) -> None:
    described = f"{yt_dlp.YoutubeDL.__doc__}{yt_dlp.downloader.FileDownloader.__doc__}{yt_dlp.downloader.fragment.FragmentFD.__doc__}"
    assert [name for name in options(tmp_path, tmp_path, QUICK, ignore) if f"    {name}:" not in described] == []


def test_a_page_becomes_a_recording(server: Server, episode: bytes, tmp_path: Path) -> None:
    title = "One/Two 🎙️ ../x %(id)s"
    url = page(server, "/watch", server.put("/media.mp3", episode), title=title)
    task = run_task(tmp_path, [item(url + "?v=1", "youtube")])
    (row,) = task.rows
    assert (row.reason, row.title, row.kind, row.url) == ("", f"{title} (1)", "youtube", url + "?v=1")
    assert row.seconds == pytest.approx(4, abs=0.1)
    assert {line.partition(" ")[0] for line in task.log.splitlines()} <= {"yt-dlp:", "progress", "1", "done"}


def test_a_licence_is_refused_before_the_media_is_fetched(server: Server, episode: bytes, tmp_path: Path) -> None:
    url = page(server, "/watch", server.put("/media.mp3", episode))
    asked_for = dataclasses.replace(QUICK, licences=frozenset({"creative commons attribution license (reuse allowed)"}))
    (row,) = fetch(tmp_path, item(url, "youtube"), policy=asked_for)
    assert row.reason == "license unknown is not in download_licences"
    assert set(server.paths()) == {"/watch"}
    (row,) = fetch(tmp_path, item(url, "youtube"), policy=dataclasses.replace(QUICK, licences=frozenset({"unknown"})))
    assert row.samples > 0 and "/media.mp3" in server.paths()


def test_the_licence_filter_knows_what_youtube_says() -> None:
    commons = dataclasses.replace(QUICK, licences=frozenset({"creative commons attribution license (reuse allowed)"}))
    check({"license": "Creative Commons Attribution license (reuse allowed)", "live_status": "was_live"}, commons)
    for info, reason in [({}, "license unknown"), ({"live_status": "is_live"}, "live"), ({"live_status": "is_upcoming"}, "live")]:
        with pytest.raises(ItemError, match=reason):
            check(info, commons)


def test_a_page_with_several_recordings_is_refused(server: Server, episode: bytes, tmp_path: Path) -> None:
    url = page(server, "/watch", server.put("/1.mp3", episode), server.put("/2.mp3", episode))
    (row,) = fetch(tmp_path, item(url, "youtube"))
    assert row.reason == "a playlist, not one recording"
    assert set(server.paths()) == {"/watch"}


def test_a_page_that_is_gone_is_a_reason(server: Server, tmp_path: Path) -> None:
    (row,) = fetch(tmp_path, item(server.url + "/gone?token=hidden", "youtube"))
    assert row.reason == "missing: Unable to download webpage: HTTP Error 404: Not Found"


def test_media_that_are_forbidden_are_a_reason(server: Server, tmp_path: Path) -> None:
    url = page(server, "/watch", server.put("/media.mp3", b"", statuses=[403] * 9))
    (row,) = fetch(tmp_path, item(url, "youtube"))
    assert "HTTP Error 403" in row.reason and row.samples == 0


def test_a_broken_transfer_is_resumed_and_leaves_nothing_to_the_next(server: Server, make: Make, episode: bytes, tmp_path: Path) -> None:
    other = tone(make, "next.mp3", 300, 3).read_bytes()
    pages = [
        page(server, "/a", server.put("/a.mp3", episode, cuts=[20_000])),
        page(server, "/b", server.put("/b.mp3", episode[:-1], ranges=False, cuts=[10_000] * 99)),
        page(server, "/c", server.put("/c.mp3", other)),
    ]
    rows = fetch(tmp_path, *(item(p, "youtube") for p in pages))
    assert [bool(r.reason) for r in rows] == [False, True, False]
    assert [r.seconds for r in rows] == [pytest.approx(4, abs=0.1), 0, pytest.approx(3, abs=0.1)]
    assert [r.media_sha256 for r in rows] == [sha256(episode).hexdigest(), "", sha256(other).hexdigest()]


def test_a_playlist_of_segments_is_fetched_without_ffmpeg(server: Server, make: Make, tmp_path: Path) -> None:
    segments = [tone(make, f"{n}.ts", 400, 2, "-c:a", "aac", "-f", "mpegts").read_bytes() for n in range(2)]
    names = [server.put(f"/{n}.ts", data) for n, data in enumerate(segments)]
    lines = "".join(f"#EXTINF:2,\n{name}\n" for name in names)
    playlist = f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n{lines}#EXT-X-ENDLIST\n"
    url = server.put("/list.m3u8", playlist.encode(), headers={"Content-Type": "application/vnd.apple.mpegurl"})
    (row,) = fetch(tmp_path, item(url, "youtube"))
    assert row.reason == "" and row.seconds == pytest.approx(4, abs=0.2)


def test_a_playlist_of_local_files_is_refused(server: Server, make: Make, tmp_path: Path) -> None:
    secret = tone(make, "secret.ts", 400, 2, "-c:a", "aac")
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{secret}\n#EXT-X-ENDLIST\n"
    url = server.put("/list.m3u8", playlist.encode(), headers={"Content-Type": "application/vnd.apple.mpegurl"})
    (row,) = fetch(tmp_path, item(url, "youtube"))
    assert row.samples == 0 and row.reason
    assert list((tmp_path / "audio").iterdir()) == []


def test_yt_dlp_has_no_programs_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ffmpeg that yt-dlp starts would connect to private addresses, unseen by the guard."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ffmpeg").symlink_to(ffmpeg())
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with downloader(tmp_path, QUICK, ignore) as found:
        assert not yt_dlp.postprocessor.FFmpegPostProcessor(found).available
        for protocol in ("m3u8", "m3u8_native", "http_dash_segments"):
            chosen = yt_dlp.downloader.get_suitable_downloader({"protocol": protocol, "url": "http://a/b", "ext": "mp4"}, found.params)
            assert "FFmpeg" not in chosen.__name__


@pytest.mark.parametrize("variable", [COOKIES, COOKIES_TEXT])
def test_cookies_are_sent_but_neither_changed_nor_logged(server: Server, episode: bytes, tmp_path: Path, variable: str) -> None:
    url = page(server, "/watch", server.put("/media.mp3", episode), title="t")
    server.resources["/watch"].headers["Set-Cookie"] = "fresh=1"
    jar = tmp_path / "cookies.txt"
    jar.write_text("# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t2524608000\tsession\thidden\n")
    jar.chmod(0o400)
    before = jar.read_bytes()
    task = run_task(tmp_path, [item(url, "youtube")], environment={variable: str(jar) if variable == COOKIES else before.decode()})
    assert task.rows[0].reason == "" and server.cookies[0] == "session=hidden"
    assert jar.read_bytes() == before
    assert "hidden" not in task.log and "cookies" not in task.log


def test_a_cookie_file_that_is_absent_is_an_error(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(COOKIES, str(tmp_path / "hidden-place"))
    with pytest.raises(StageError, match=COOKIES) as error:
        fetch(tmp_path, item(server.url, "youtube"))
    assert "hidden-place" not in str(error.value)


def test_what_the_plan_knows_stays_and_the_rest_is_filled_in() -> None:
    info = {
        "title": "half \ud83d",
        "channel": "Channel",
        "uploader": "Uploader",
        "upload_date": "20260131",
        "license": "CC BY",
        "duration": 61,
    }
    full = completed(item("u", "youtube"), info)
    assert (full.title, full.channel, full.published, full.licence, full.seconds) == ("half ?", "Channel", "2026-01-31", "CC BY", 61.0)
    known = item("u", "youtube", title="T", channel="C", published="2020-01-01", licence="L", seconds=5.0)
    assert completed(known, info) == known
    assert completed(item("u", "youtube"), {}) == item("u", "youtube")
