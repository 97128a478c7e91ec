"""Redirects, and answers that are no HTTP: each is followed, or is one line of reason."""

import dataclasses
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.shared.http import HttpError, Limits, fetch, transfer
from tests.http_server import Server, raw_server, serving

DATA = random.Random(1).randbytes(1_000_000)
QUICK = Limits(attempts=4, pause_seconds=0.001)
REFUSED_PORT = "http://127.0.0.1:9"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def received(url: str, path: Path) -> bytes:
    transfer(url, path / "file", QUICK)
    return (path / "file").read_bytes()


@dataclasses.dataclass
class Hostile:
    """A server whose whole answer a test chooses."""

    url: str = ""
    answer: bytes = b""


@pytest.fixture(scope="module")
def hostile() -> Iterator[Hostile]:
    found = Hostile()
    with raw_server(lambda connection: connection.sendall(found.answer)) as found.url:
        yield found


def test_redirects_are_followed_to_http_alone(server: Server, tmp_path: Path) -> None:
    server.put("/f", DATA)
    url = server.put("/ad", b"", statuses=[302] * 9, headers={"Location": "/f"})
    assert received(url, tmp_path) == DATA
    assert fetch(url, QUICK).url == f"{server.url}/f"
    for target in ("file:///etc/hostname", "http://[bad/f"):
        with pytest.raises(HttpError, match="redirected to one that is none"):
            fetch(server.put("/out", b"", statuses=[302], headers={"Location": target}), QUICK)
    with pytest.raises(HttpError, match=r"^too many redirects$"):
        fetch(server.put("/round", b"", statuses=[302] * 99, headers={"Location": "/round"}), QUICK)


@pytest.mark.parametrize(
    ("sent", "asked"),
    [
        ("방송.mp3".encode("euc-kr"), "/%B9%E6%BC%DB.mp3"),
        ("방송.mp3".encode(), "/%EB%B0%A9%EC%86%A1.mp3"),
        (b"a b%20c.mp3", "/a%20b%20c.mp3"),
        (b"\xff\x00\x7f.mp3", "/%FF%00%7F.mp3"),
        (b"a.mp3?q=\xb9\xe6#x", "/a.mp3?q=%B9%E6"),
    ],
)
def test_a_redirect_to_raw_bytes_is_followed_with_the_bytes_as_they_are(server: Server, tmp_path: Path, sent: bytes, asked: str) -> None:
    server.put(asked.partition("?")[0], DATA)

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + f"{server.url}/".encode() + sent + b"\r\n\r\n")

    with raw_server(answer) as url:
        assert received(url, tmp_path) == DATA
    assert server.paths() == [asked]


@given(st.binary(max_size=40), st.binary(max_size=40))
@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_redirect_says_the_reason_is_one_line(hostile: Hostile, location: bytes, more: bytes) -> None:
    hostile.answer = b"HTTP/1.1 302 Found\r\nLocation: " + location.replace(b"\n", b"") + b"\r\nRetry-After: " + more + b"\r\n\r\n"
    try:
        fetch(hostile.url, dataclasses.replace(QUICK, attempts=1, read_seconds=5))
    except HttpError as error:
        assert str(error).isprintable()


@given(st.binary(max_size=200))
@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_server_sends_is_an_answer_or_a_reason(hostile: Hostile, tmp_path: Path, answer: bytes) -> None:
    for hostile.answer in (answer, b"HTTP/1.1 200 OK\r\n" + answer, b"HTTP/1.1 200 OK\r\nContent-Length: " + answer):
        for ask in (lambda limits: fetch(hostile.url, limits), lambda limits: transfer(hostile.url, tmp_path / "file", limits)):
            try:
                ask(dataclasses.replace(QUICK, attempts=1, read_seconds=5))
            except HttpError as error:
                assert str(error).isprintable() and "127.0.0.1" not in str(error)


@pytest.mark.parametrize("stated", ["9" * 5000, "²", "-1", "1e3"])
def test_a_length_that_is_no_number_is_none(tmp_path: Path, stated: str) -> None:
    answer = f"HTTP/1.1 200 OK\r\nContent-Length: {stated}\r\n\r\nhello".encode("latin-1")
    with raw_server(lambda connection: connection.sendall(answer)) as url:
        assert received(url, tmp_path) == b"hello"


def test_the_body_of_a_redirect_is_not_read() -> None:
    sent = 0

    def answer(connection: socket.socket) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: " + f"{REFUSED_PORT}/f".encode() + b"\r\n\r\n")
        while sent < 100 << 20:
            sent += connection.send(bytes(1 << 16))

    with raw_server(answer) as url, pytest.raises(HttpError, match="Connection refused"):
        fetch(url, dataclasses.replace(QUICK, attempts=1))
    assert sent < 50 << 20
