"""Transfers over HTTP from a real server that fails as servers do."""

import dataclasses
import email.utils
import time
from pathlib import Path

import pytest
from conftest import QUICK, Server

from components.download.policy import ItemError
from components.download.transfer import transfer

DATA = bytes(range(256)) * 2000


def received(url: str, tmp_path: Path, **settings: float) -> bytes:
    transfer(url, tmp_path / "file", dataclasses.replace(QUICK, **settings))
    return (tmp_path / "file").read_bytes()


def asked_from(server: Server) -> list[int]:
    """The first byte of every request."""
    return [int(asked.removeprefix("bytes=").partition("-")[0] or 0) for _, asked in server.asked]


def test_writes_what_the_server_sends(server: Server, tmp_path: Path) -> None:
    assert received(server.put("/a.mp3", DATA), tmp_path) == DATA


def test_an_answer_without_a_length_is_taken_to_its_end(server: Server, tmp_path: Path) -> None:
    assert received(server.put("/a.mp3", DATA, headers={"Content-Length": ""}), tmp_path) == DATA


def test_follows_redirects(server: Server, tmp_path: Path) -> None:
    server.put("/a.mp3", DATA)
    assert received(server.put("/ad", b"", statuses=[302], headers={"Location": "/a.mp3"}), tmp_path) == DATA


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
def test_a_refusal_is_final(server: Server, tmp_path: Path, status: int) -> None:
    url = server.put("/a.mp3", DATA, statuses=[status])
    with pytest.raises(ItemError, match=f"^HTTP {status}$"):
        received(url, tmp_path)
    assert len(server.asked) == 1


def test_a_server_that_recovers_is_asked_again(server: Server, tmp_path: Path) -> None:
    assert received(server.put("/a.mp3", DATA, statuses=[503, 503]), tmp_path) == DATA
    assert len(server.asked) == 3


def test_a_server_that_does_not_recover_is_given_up(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ItemError, match=r"^HTTP 500, 4 times$"):
        received(server.put("/a.mp3", DATA, statuses=[500] * 9), tmp_path)
    assert len(server.asked) == 4


def test_back_off_doubles(server: Server, tmp_path: Path) -> None:
    started = time.monotonic()
    received(server.put("/a.mp3", DATA, statuses=[500, 500]), tmp_path, backoff_seconds=0.2)
    assert 0.6 <= time.monotonic() - started < 2


@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_honored(server: Server, tmp_path: Path, as_date: bool) -> None:
    wish = email.utils.formatdate(time.time() + 3, usegmt=True) if as_date else "1"
    started = time.monotonic()
    received(server.put("/a.mp3", DATA, statuses=[429], headers={"Retry-After": wish}), tmp_path)
    assert 1 <= time.monotonic() - started < 5


def test_a_broken_transfer_goes_on_where_it_broke(server: Server, tmp_path: Path) -> None:
    assert received(server.put("/a.mp3", DATA, cuts=[100_000, 50_000]), tmp_path) == DATA
    starts = asked_from(server)
    assert 80_000 < starts[1] <= 100_000 < starts[2] <= 150_000 and len(starts) == 3


def test_a_busy_server_in_between_does_not_lose_what_is_there(server: Server, tmp_path: Path) -> None:
    url = server.put("/a.mp3", DATA, cuts=[100_000])
    server.resources["/a.mp3"].statuses = [200, 503]
    assert received(url, tmp_path) == DATA
    starts = asked_from(server)
    assert 80_000 < starts[1] == starts[2] and len(starts) == 3


def test_without_ranges_a_broken_transfer_begins_anew(server: Server, tmp_path: Path) -> None:
    assert received(server.put("/a.mp3", DATA, ranges=False, cuts=[100_000]), tmp_path) == DATA


def test_without_a_version_nothing_is_resumed(server: Server, tmp_path: Path) -> None:
    assert received(server.put("/a.mp3", DATA, headers={"ETag": ""}, cuts=[100_000]), tmp_path) == DATA
    assert asked_from(server) == [0, 0]


def test_a_file_that_changed_meanwhile_is_never_mixed(server: Server, tmp_path: Path) -> None:
    assert received(server.put("/a.mp3", DATA, cuts=[100_000], later=DATA[::-1]), tmp_path) == DATA[::-1]


def test_what_always_breaks_is_given_up(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ItemError, match=r"^the connection broke, 4 times$"):
        received(server.put("/a.mp3", DATA, ranges=False, cuts=[10] * 9), tmp_path)


def test_a_rest_that_cannot_be_had_begins_anew(server: Server, tmp_path: Path) -> None:
    url = server.put("/a.mp3", DATA, cuts=[100_000])
    server.resources["/a.mp3"].statuses = [200, 416]
    assert received(url, tmp_path) == DATA
    starts = asked_from(server)
    assert starts[1] > 80_000 and starts[2] == 0


def test_a_stream_without_an_end_is_refused(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ItemError, match="live stream"):
        received(server.put("/live", DATA, headers={"Content-Length": "", "icy-name": "Radio"}), tmp_path)


def test_a_redirect_to_a_local_file_is_refused(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ItemError, match="redirected"):
        received(server.put("/a.mp3", b"", statuses=[302], headers={"Location": "file:///etc/hostname"}), tmp_path)


def test_a_closed_port_is_a_reason_without_the_query(tmp_path: Path) -> None:
    with pytest.raises(ItemError, match=r"^the connection failed: Connection refused, 2 times$"):
        received("http://127.0.0.1:9/a.mp3?token=hidden", tmp_path, retries=1)


def test_the_rate_is_limited(server: Server, tmp_path: Path) -> None:
    started = time.monotonic()
    assert received(server.put("/a.mp3", DATA[:100_000]), tmp_path, rate_limit_bytes=100_000) == DATA[:100_000]
    assert time.monotonic() - started >= 0.9
