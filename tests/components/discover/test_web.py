"""What `discover` asks of web servers: its limits, and reasons that become SourceErrors (components/shared/http.py)."""

import dataclasses
import time

import pytest

from components.discover import web as web_module
from components.discover.items import SourceError
from components.discover.web import LIMITS, fetch


def test_a_server_that_stays_down_fails_after_three_tries(web):
    web.pages["/feed"] = [(503, {}, b""), (429, {"Retry-After": "0"}, b""), b"there"]
    assert fetch(f"{web.url}/feed").data == b"there"
    web.pages["/feed"] = (502, {}, b"")
    web.asked.clear()
    with pytest.raises(SourceError, match=r"^HTTP 502, 3 times$"):
        fetch(f"{web.url}/feed")
    assert len(web.asked) == 3


@pytest.mark.parametrize("status", [403, 404, 410])
def test_what_will_not_change_is_asked_once(web, status):
    web.pages["/feed"] = (status, {}, b"")
    with pytest.raises(SourceError, match=f"^HTTP {status}$"):
        fetch(f"{web.url}/feed")
    assert len(web.asked) == 1


def test_answers_are_bounded_in_time_and_size(web, monkeypatch):
    assert (LIMITS.connect_seconds, LIMITS.read_seconds, LIMITS.total_seconds, LIMITS.max_bytes) == (15, 30, 300, 64 * 2**20)
    monkeypatch.setattr(web_module, "LIMITS", dataclasses.replace(web_module.LIMITS, read_seconds=0.1, max_bytes=100_000))

    def slow() -> bytes:
        time.sleep(0.3)
        return b"late"

    web.pages |= {"/slow": slow, "/large": b"x" * 300_000}
    with pytest.raises(SourceError, match=r"^no answer in time, 3 times$"):
        fetch(f"{web.url}/slow")
    with pytest.raises(SourceError, match=r"^more than 100000 bytes$"):
        fetch(f"{web.url}/large")


@pytest.mark.parametrize(
    ("content_type", "data", "skipped"),
    [
        ("Audio/MPEG", b"x" * 1000, True),
        ("video/mp4", b"", True),
        ("application/octet-stream", b"ID3\x04\0\0\0\0\0\0", True),
        ("application/force-download", b"\xff\xfb\x90\x64\0\0", True),
        ("file", b"OggS\0\2", True),
        ("", b"RIFF\0\0\0\0WAVE", True),
        ("text/plain; charset=utf-8", b"ID3\x04\0\0\0\0\0\0", True),
        ("text/plain", b"moved", False),
        ("application/octet-stream", b"<rss/>", False),
        ("", "<rss>".encode("utf-16-le"), False),
        ("binary/octet-stream", b"", False),
        ("image/jpeg", b"\xff\xd8\xff\xe0\0\x10JFIF", False),
        ("text/html", b"\0", False),
    ],
)
def test_media_is_recognized_by_its_type_or_its_first_bytes_and_not_read(web, content_type, data, skipped):
    web.pages["/play"] = (200, {"Content-Type": content_type}, data)
    answer = fetch(f"{web.url}/play")
    assert answer.skipped == skipped
    assert answer.data == data or skipped
