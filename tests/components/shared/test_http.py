"""GET with retries and limits, from real servers that fail as servers do."""

import dataclasses
import email.utils
import gzip
import random
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from components.shared.http import BLOCK_BYTES, HttpError, Limits, fetch, state_at, transfer
from tests.certificates import self_signed
from tests.http_server import Server, raw_server, serving

DATA = random.Random(1).randbytes(1_000_000)
QUICK = Limits(attempts=4, pause_seconds=0.001)
REFUSED_PORT = "http://127.0.0.1:9"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def received(url: str, path: Path, expected_bytes: int = 0, **limits: float) -> bytes:
    transfer(url, path / "file", dataclasses.replace(QUICK, **limits), expected_bytes)
    assert [p.name for p in path.iterdir()] == ["file"]
    return (path / "file").read_bytes()


def drip(connection: socket.socket) -> None:
    """A body that comes one byte each 0.1 s, for a day."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        connection.sendall(b"x")
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("expected_bytes", "headers", "total"), [(len(DATA), {}, len(DATA)), (0, {}, len(DATA)), (0, {"Content-Length": ""}, 0)]
)
def test_a_file_comes_whole_and_its_progress_is_told(
    server: Server, tmp_path: Path, expected_bytes: int, headers: dict[str, str], total: int
) -> None:
    told: list[tuple[int, int]] = []
    transfer(server.put("/f", DATA, headers=headers), tmp_path / "file", QUICK, expected_bytes, lambda *now: told.append(now))
    assert (tmp_path / "file").read_bytes() == DATA
    assert told[-1] == (len(DATA), total) and len(told) > 1 and told == sorted(told)


@pytest.mark.parametrize("behavior", [{}, {"ranges": False}, {"cuts": [10_000]}])
def test_a_server_states_the_same_state_with_and_without_the_file(server: Server, tmp_path: Path, behavior: dict[str, object]) -> None:
    url = server.put("/f", DATA, **behavior)
    state = transfer(url, tmp_path / "file", QUICK)
    assert state == state_at(url, QUICK) == f"etag {server.resources['/f'].headers['ETag']}; bytes {len(DATA)}"


@pytest.mark.parametrize("status", [400, 403, 404, 410, 451])
def test_a_refusal_is_final(server: Server, tmp_path: Path, status: int) -> None:
    with pytest.raises(HttpError, match=f"^HTTP {status}$"):
        received(server.put("/f", DATA, statuses=[status]), tmp_path)
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_a_server_that_recovers_is_asked_again(server: Server, tmp_path: Path, status: int) -> None:
    assert received(server.put("/f", DATA, statuses=[status] * 3), tmp_path) == DATA
    assert len(server.asked) == 4


def test_a_server_that_does_not_recover_is_given_up(server: Server, tmp_path: Path) -> None:
    with pytest.raises(HttpError, match=r"^HTTP 500, 4 times$"):
        received(server.put("/f", DATA, statuses=[500] * 9), tmp_path)
    assert len(server.asked) == 4


def test_pauses_double(server: Server, tmp_path: Path, waits: list[float]) -> None:
    received(server.put("/f", DATA, statuses=[500] * 3), tmp_path, pause_seconds=0.2)
    assert len(waits) == 3 and all(0.2 * 2**n <= wait <= 0.25 * 2**n for n, wait in enumerate(waits))


def test_pauses_are_bounded() -> None:
    assert all(600 <= Limits(attempts=99, pause_seconds=1).pause_after(n) <= 750 for n in (11, 99, 5000))
    assert 3600 <= Limits(attempts=9, pause_seconds=3600).pause_after(9) <= 4500, "a first pause that is set longer"
    assert Limits(attempts=5000, pause_seconds=0).pause_after(4999) == 0


@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_honored(server: Server, tmp_path: Path, waits: list[float], as_date: bool) -> None:
    wish = email.utils.formatdate(time.time() + 50, usegmt=True) if as_date else "50"
    received(server.put("/f", DATA, statuses=[429], headers={"Retry-After": wish}), tmp_path)
    (wait,) = waits
    assert (1 < wait <= 50) if as_date else wait == 50


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ("86400", 60),
        ("9" * 400, 60),
        ("9" * 9999, 0),
        ("Fri, 31 Dec 2999 23:59:59 GMT", 60),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0),
        ("soon", 0),
        ("²", 0),
        ("-1", 0),
    ],
)
def test_no_server_makes_us_wait_longer_than_a_minute(
    server: Server, tmp_path: Path, waits: list[float], wish: str, expected: float
) -> None:
    header = wish.encode().decode("latin-1")  # as it is on the wire
    received(server.put("/f", DATA, statuses=[503], headers={"Retry-After": header}), tmp_path)
    assert expected <= waits[0] < expected + 0.01


def test_a_broken_transfer_is_resumed_where_it_broke(server: Server, tmp_path: Path) -> None:
    url = server.put("/f", DATA, cuts=[300_000, 300_000])
    assert received(url, tmp_path) == DATA
    etag = server.resources["/f"].headers["ETag"]
    assert [version for _, _, version in server.asked] == ["", etag, etag]
    assert all(0 <= cut - start < BLOCK_BYTES for cut, start in zip((0, 300_000, 600_000), server.starts(), strict=True))


def test_last_modified_names_a_version_and_a_weak_etag_does_not(server: Server, tmp_path: Path) -> None:
    day = "Sun, 29 Nov 2026 10:00:00 GMT"
    url = server.put("/f", DATA, headers={"ETag": 'W/"1"', "Last-Modified": day}, cuts=[300_000])
    assert received(url, tmp_path) == DATA
    assert server.asked[-1].if_range == day


def test_a_server_that_breaks_off_more_often_than_it_is_asked_still_gets_there(server: Server, tmp_path: Path) -> None:
    assert received(server.put("/f", DATA, cuts=[50_000] * 3 * QUICK.attempts), tmp_path) == DATA


def test_a_busy_server_in_between_does_not_lose_what_is_there(server: Server, tmp_path: Path) -> None:
    assert received(server.put("/f", DATA, cuts=[100_000], statuses=[200, 503]), tmp_path) == DATA
    starts = server.starts()
    assert 80_000 < starts[1] == starts[2] and len(starts) == 3


def test_a_file_that_is_there_is_not_asked_for(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(DATA)
    assert received(f"{REFUSED_PORT}/f", tmp_path, len(DATA)) == DATA


@pytest.mark.parametrize("behavior", [{"ranges": False}, {"headers": {"ETag": ""}}], ids=["no ranges", "no version"])
def test_where_nothing_can_be_resumed_it_begins_anew(server: Server, tmp_path: Path, behavior: dict[str, object]) -> None:
    assert received(server.put("/f", DATA, cuts=[300_000], **behavior), tmp_path) == DATA
    assert ("headers" in behavior) == (server.starts() == [0, 0])


def test_a_file_that_changed_meanwhile_is_never_mixed(server: Server, tmp_path: Path) -> None:
    assert received(server.put("/f", DATA, cuts=[100_000], later=DATA[::-1]), tmp_path) == DATA[::-1]


def test_another_url_does_not_continue_the_file_of_the_first(server: Server, tmp_path: Path) -> None:
    same = {"ETag": '"1"'}
    with pytest.raises(HttpError):
        received(server.put("/one", bytes(len(DATA)), headers=same, cuts=[400_000, 0, 0, 0]), tmp_path)
    assert received(server.put("/two", DATA, headers=same), tmp_path) == DATA


@pytest.mark.parametrize("cuts", [[10] * 9, [300_000, 200_000, 100_000, 250_000, 1]])
def test_what_always_breaks_before_it_gets_further_is_given_up(server: Server, tmp_path: Path, cuts: list[int]) -> None:
    with pytest.raises(HttpError, match=r"^the connection broke, 4 times$"):
        received(server.put("/f", DATA, ranges=False, cuts=cuts), tmp_path)
    assert len(server.asked) == 4


def test_a_rest_that_cannot_be_had_begins_anew(server: Server, tmp_path: Path) -> None:
    assert received(server.put("/f", DATA, cuts=[100_000], statuses=[200, 416]), tmp_path) == DATA
    starts = server.starts()
    assert starts[1] > 80_000 and starts[2] == 0


def test_a_part_that_is_longer_than_what_the_server_has_is_thrown_away(server: Server, tmp_path: Path) -> None:
    same = {"ETag": '"1"'}
    with pytest.raises(HttpError):
        received(server.put("/f", DATA, headers=same, cuts=[400_000, 0, 0, 0]), tmp_path)
    assert received(server.put("/f", DATA[:1000], headers=same), tmp_path) == DATA[:1000]


def test_another_range_than_the_one_that_was_asked_for_is_not_taken(server: Server, tmp_path: Path) -> None:
    url = server.put("/f", DATA, cuts=[100_000], statuses=[200, 206], headers={"Content-Range": f"bytes 0-999999/{len(DATA)}"})
    assert received(url, tmp_path) == DATA
    assert server.starts()[-1] == 0


def test_a_server_that_states_more_than_it_sends_is_found_out(server: Server, tmp_path: Path) -> None:
    with pytest.raises(HttpError, match="4 times"):
        received(server.put("/f", DATA, stated_more=1000), tmp_path)


def test_a_file_of_another_size_is_refused_before_it_comes(server: Server, tmp_path: Path) -> None:
    with pytest.raises(HttpError, match=r"^1000001 bytes: it is another file$"):
        received(server.put("/f", DATA + b"1"), tmp_path, len(DATA))
    assert len(server.asked) == 1 and not (tmp_path / "file").exists()


def test_a_server_that_states_no_length_and_ends_early_is_found_out(server: Server, tmp_path: Path) -> None:
    assert received(server.put("/f", DATA, headers={"Content-Length": ""}, cuts=[10, 20]), tmp_path, len(DATA)) == DATA


def test_more_bytes_than_allowed_are_not_taken(server: Server, tmp_path: Path) -> None:
    zeros = gzip.compress(bytes(50 << 20))
    urls = [
        server.put("/stated", DATA),
        server.put("/unstated", DATA, headers={"Content-Length": ""}),
        server.put("/packed", zeros, headers={"Content-Encoding": "gzip"}),
    ]
    for url in urls:
        with pytest.raises(HttpError, match=r"^more than 100000 bytes$"):
            received(url, tmp_path, max_bytes=100_000)
        assert (tmp_path / "file").stat().st_size == 0
        with pytest.raises(HttpError, match=r"^more than 100000 bytes$"):
            fetch(url, dataclasses.replace(QUICK, max_bytes=100_000))


@pytest.mark.parametrize("data", [b"", b"x", DATA, bytes(1 << 20)], ids=["empty", "short", "random", "zeros"])
def test_compressed_bodies_are_unpacked(server: Server, tmp_path: Path, data: bytes) -> None:
    url = server.put("/f", gzip.compress(data), headers={"Content-Encoding": "gzip"}, cuts=[15])
    assert fetch(url, QUICK).data == data
    assert received(url, tmp_path) == data
    assert set(server.starts()) == {0}, "the bytes of the file are not those of the response"


def test_chunked_bodies_are_read_to_their_end(tmp_path: Path) -> None:
    bodies = [b"5\r\nhello\r\n3\r\n", b"5\r\nhello\r\n", b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"]

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + bodies[0])
        if len(bodies) > 1:
            del bodies[0]

    with raw_server(answer) as url:
        assert received(url, tmp_path) == b"hello world"
        assert fetch(url, QUICK).data == b"hello world"


def test_a_stream_without_an_end_is_refused(server: Server, tmp_path: Path) -> None:
    with pytest.raises(HttpError, match="live stream"):
        received(server.put("/live", DATA, headers={"Content-Length": "", "icy-name": "Radio"}), tmp_path)


def test_a_server_that_is_silent_is_asked_again_and_named() -> None:
    with raw_server(lambda connection: time.sleep(0.5)) as url, pytest.raises(HttpError, match=r"^no answer in time, 4 times$"):
        fetch(url, dataclasses.replace(QUICK, read_seconds=0.1))


def test_a_server_that_falls_silent_in_a_body_is_named() -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        time.sleep(0.5)

    with raw_server(answer) as url, pytest.raises(HttpError, match=r"^no answer in time, 4 times$"):
        fetch(url, dataclasses.replace(QUICK, read_seconds=0.1))


def test_a_body_that_drips_ends_in_time() -> None:
    with raw_server(drip) as url, pytest.raises(HttpError, match=r"^not complete after 0.3 s, 2 times$"):
        fetch(url, dataclasses.replace(QUICK, attempts=2, total_seconds=0.3))


def test_the_rate_is_limited(server: Server, tmp_path: Path, waits: list[float]) -> None:
    assert received(server.put("/f", DATA), tmp_path, max_bytes_per_second=100_000) == DATA
    assert len(waits) > 10 and sum(waits) == pytest.approx(len(DATA) / 100_000)


def test_skipped_types_are_not_read() -> None:
    read = threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: Audio/MPEG; a=B\r\nContent-Length: 1000000\r\n\r\n")
        read.wait()

    with raw_server(answer) as url:
        found = fetch(url, QUICK, skip=lambda kind, start: kind.startswith(("video/", "audio/")))
        read.set()
    assert (found.content_type, found.data) == ("audio/mpeg; a=b", b"")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"{REFUSED_PORT}/f?token=hidden", r"^the connection failed: Connection refused, 4 times$"),
        ("http://user:hidden@name.invalid/f?token=hidden", "^its host is not found"),
        ("ftp://127.0.0.1/f?token=hidden", "^not an http or https URL"),
        ("http://user:hidden@[bad/f?token=hidden", "^not an http or https URL"),
        (f"http://{'a' * 64}.example/f?token=hidden", "^not an http or https URL"),
    ],
)
def test_reasons_and_logs_hold_no_secrets(tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str, reason: str) -> None:
    with pytest.raises(HttpError, match=reason) as error:
        received(url, tmp_path)
    assert "hidden" not in str(error.value) + capsys.readouterr().out


def test_a_host_that_no_resolver_knows_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    for code, times in ((socket.EAI_NONAME, 1), (socket.EAI_AGAIN, 4)):
        look_up = Mock(side_effect=socket.gaierror(code, "what the resolver says"))
        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        with pytest.raises(HttpError, match="its host is not found"):
            fetch("http://show.example/f", QUICK)
        assert look_up.call_count == times


def test_a_proxy_of_the_environment_is_used(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setenv("no_proxy", "")
    server.put("/f", DATA)
    server.resources["http://models.example/f"] = server.resources["/f"]
    assert received("http://models.example/f", tmp_path) == DATA
    monkeypatch.setenv("http_proxy", REFUSED_PORT)
    with pytest.raises(HttpError, match=r"^the proxy failed, 4 times$"):
        fetch("http://models.example/f", QUICK)


def test_certificates_are_checked_against_those_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = self_signed(tmp_path, "localhost", "DNS:localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    asked: list[int] = []

    def answer(connection: socket.socket) -> None:
        asked.append(1)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthere")

    with raw_server(answer, context) as url:
        with pytest.raises(HttpError, match=r"^a certificate that this machine does not trust; REQUESTS_CA_BUNDLE"):
            fetch(url, QUICK)
        assert not asked
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        assert fetch(url, QUICK).data == b"there"
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "absent.pem"))
        with pytest.raises(HttpError, match=r"TLS CA certificate bundle, invalid path: .*absent.pem$"):
            fetch(url, QUICK)
