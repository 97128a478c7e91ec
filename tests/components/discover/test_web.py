"""Answers over HTTP: what is tried again, what is refused, and what a reason says."""

import email.utils
import time

import pytest

from components.discover import web as web_module
from components.discover.items import SourceError
from components.discover.web import fetch


@pytest.mark.parametrize("fault", [(503, {}, b""), (429, {"Retry-After": "0"}, b""), (500, {}, b"oops")])
def test_faults_that_may_pass_are_tried_again(web, fault):
    web.pages["/feed"] = [fault, fault, b"there"]
    assert fetch(f"{web.url}/feed").data == b"there"


def test_a_server_that_stays_down_fails_after_three_tries(web):
    web.pages["/feed"] = (502, {}, b"")
    with pytest.raises(SourceError, match="HTTP 502, 3 times"):
        fetch(f"{web.url}/feed")
    assert len(web.asked) == 3


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_what_will_not_change_is_asked_once(web, status):
    web.pages["/feed"] = (status, {}, b"")
    with pytest.raises(SourceError, match=f"HTTP {status}$"):
        fetch(f"{web.url}/feed")
    assert len(web.asked) == 1


@pytest.mark.parametrize("as_date", [False, True])
def test_the_server_says_how_long_to_wait(web, as_date):
    after = email.utils.formatdate(time.time() + 2, usegmt=True) if as_date else "1"
    web.pages["/feed"] = [(429, {"Retry-After": after}, b""), b"there"]
    started = time.monotonic()
    assert fetch(f"{web.url}/feed").data == b"there"
    assert time.monotonic() - started > 0.9


def test_nobody_makes_us_wait_for_longer_than_a_minute(web, monkeypatch):
    waits = []
    monkeypatch.setattr(time, "sleep", waits.append)
    web.pages["/feed"] = [(429, {"Retry-After": "86400"}, b""), (429, {"Retry-After": "soon"}, b""), b"there"]
    fetch(f"{web.url}/feed")
    assert waits[0] == 60
    assert waits[1] < 1


def test_timeouts_are_tried_again_and_named(web, monkeypatch):
    monkeypatch.setattr(web_module, "READ_SECONDS", 0.1)

    def slow() -> bytes:
        time.sleep(0.3)
        return b"late"

    web.pages["/feed"] = slow
    with pytest.raises(SourceError, match="no answer in time, 3 times"):
        fetch(f"{web.url}/feed")


def test_an_answer_without_end_is_cut_off(web, monkeypatch):
    monkeypatch.setattr(web_module, "MAX_BYTES", 100_000)
    web.pages["/feed"] = b"x" * 300_000
    with pytest.raises(SourceError, match="larger than"):
        fetch(f"{web.url}/feed")


def test_media_is_recognized_and_not_read(web):
    web.pages["/play"] = (200, {"Content-Type": "audio/mpeg"}, b"x" * 1000)
    answer = fetch(f"{web.url}/play")
    assert answer.is_media
    assert answer.data == b""


def test_redirects_are_followed_to_http_alone(web):
    web.pages["/old"] = (301, {"Location": "/new"}, b"")
    web.pages["/new"] = b"there"
    web.pages["/out"] = (302, {"Location": "file:///etc/passwd"}, b"")
    web.pages["/round"] = (302, {"Location": "/round"}, b"")
    assert fetch(f"{web.url}/old").url == f"{web.url}/new"
    with pytest.raises(SourceError, match="redirected to one that is none"):
        fetch(f"{web.url}/out")
    with pytest.raises(SourceError, match="too many redirects"):
        fetch(f"{web.url}/round")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://name.invalid/feed?token=s3cr3t", "its host is not found"),
        ("http://127.0.0.1:1/?token=s3cr3t", "the connection failed, 3 times"),
    ],
)
def test_reasons_hold_no_secrets(web, url, reason):
    with pytest.raises(SourceError, match=reason) as error:
        fetch(url)
    assert "s3cr3t" not in str(error.value)
