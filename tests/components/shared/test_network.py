"""The guard against private addresses, with real sockets: only the answers of the resolver are made up."""

import http.client
import http.server
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.shared.network import PrivateAddressError, is_public, public_only, public_text, public_url

PUBLIC = "93.184.215.14"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with its path, sends /away to the server's own loopback address, and stands in for an HTTP proxy."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        away = self.path.endswith("/away")
        self.send_response(302 if away else 200)
        if away:
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/secret")  # type: ignore[attr-defined]
        self.end_headers()
        self.wfile.write(b"" if away else self.path.encode())

    def do_CONNECT(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        self.send_error(502)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[http.server.ThreadingHTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def unguarded(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Undoes public_only() after the test, and runs it without proxies."""
    for owner, name in [
        (socket, "getaddrinfo"),
        (socket.socket, "connect"),
        (socket.socket, "connect_ex"),
        (http.client.HTTPConnection, "putrequest"),
        (http.client.HTTPConnection, "set_tunnel"),
    ]:
        monkeypatch.setattr(owner, name, getattr(owner, name))
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    return monkeypatch


def resolve(monkeypatch: pytest.MonkeyPatch, answers: dict[str, list[str]]) -> None:
    """Makes the resolver answer for some names, one answer a question, the last one for ever."""
    real = socket.getaddrinfo
    left = {name: list(addresses) for name, addresses in answers.items()}

    def answer(host, port, *args, **kwargs):  # type: ignore[no-untyped-def]
        if host in left:
            host = left[host].pop(0) if len(left[host]) > 1 else left[host][0]
        return real(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", answer)


def route(monkeypatch: pytest.MonkeyPatch, address: str, port: int) -> None:
    """Makes connections to a public address arrive at a loopback port: what is below the guard."""
    connect = socket.socket.connect
    monkeypatch.setattr(socket.socket, "connect", lambda self, to: connect(self, ("127.0.0.1", port) if to[0] == address else to))


def get(url: str) -> bytes:
    opener = urllib.request.build_opener()
    with opener.open(url, timeout=5) as answer:
        return answer.read()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0177.0.0.1", "0x7f.1", "127.1", "0.0.0.0", "[::ffff:127.0.0.1]"])
def test_every_spelling_of_loopback_is_refused(server, unguarded, host):
    url = f"http://{host}:{server.server_port}/secret"
    if host != "localhost":
        assert get(url) == b"/secret", "the server is there for whoever may ask"
    public_only()
    with pytest.raises(urllib.error.URLError) as error:
        get(url)
    assert isinstance(error.value.reason, PrivateAddressError)
    assert "is a private address; --allow-private lets it be fetched" in str(error.value.reason)
    assert "/secret" not in server.asked[1:]


@pytest.mark.parametrize("host", ["[::1]", "169.254.169.254", "10.0.0.1", "[fe80::1]", "[64:ff9b::a00:1]", "[2002:7f00:1::]", "224.0.0.1"])
def test_addresses_that_are_not_public_are_refused_without_a_packet(unguarded, host):
    public_only()
    with pytest.raises(urllib.error.URLError) as error:
        get(f"http://{host}:9/")
    assert isinstance(error.value.reason, PrivateAddressError)


def test_public_addresses_are_connected_to(server, unguarded):
    resolve(unguarded, {"show.example": [PUBLIC]})
    route(unguarded, PUBLIC, server.server_port)
    public_only()
    assert get("http://show.example/feed") == b"/feed"


def test_a_redirect_to_a_private_address_is_refused(server, unguarded):
    resolve(unguarded, {"show.example": [PUBLIC]})
    route(unguarded, PUBLIC, server.server_port)
    public_only()
    with pytest.raises(urllib.error.URLError) as error:
        get("http://show.example/away")
    assert isinstance(error.value.reason, PrivateAddressError)
    assert server.asked == ["/away"]


def test_a_name_that_turns_private_after_the_first_answer_is_refused(server, unguarded):
    resolve(unguarded, {"rebind.example": [PUBLIC, "127.0.0.1"]})
    public_only()
    socket.getaddrinfo("rebind.example", 80)
    with pytest.raises(PrivateAddressError, match=r"rebind.example \(127.0.0.1\) is a private address"), socket.socket() as sock:
        sock.connect(("rebind.example", server.server_port))


def test_a_socket_of_a_literal_address_is_checked_without_any_look_up(server, unguarded):
    public_only()
    with socket.socket() as sock, pytest.raises(PrivateAddressError):
        sock.connect(("127.0.0.1", server.server_port))
    with socket.socket() as sock, pytest.raises(PrivateAddressError):
        sock.connect_ex(("127.0.0.1", server.server_port))
    with ssl.create_default_context().wrap_socket(socket.socket(), server_hostname="localhost") as sock, pytest.raises(PrivateAddressError):
        sock.connect(("127.0.0.1", server.server_port))


def test_private_answers_beside_public_ones_are_left_out(unguarded):
    real = socket.getaddrinfo
    unguarded.setattr(socket, "getaddrinfo", lambda host, *args, **kw: real("10.0.0.1", *args, **kw) + real(PUBLIC, *args, **kw))
    public_only()
    assert {answer[4][0] for answer in socket.getaddrinfo("both.example", 80)} == {PUBLIC}


def test_a_proxy_of_the_environment_may_be_private_but_not_what_it_is_asked_for(server, unguarded):
    resolve(unguarded, {"show.example": [PUBLIC], "inside.example": ["10.0.0.1"]})
    proxy = f"http://127.0.0.1:{server.server_port}"
    unguarded.setenv("http_proxy", proxy)
    unguarded.setenv("https_proxy", proxy)
    public_only()
    assert get("http://show.example/feed") == b"http://show.example/feed"
    assert get("http://unknown.invalid/feed") == b"http://unknown.invalid/feed", "the proxy may know the name"
    for url in ["http://inside.example/", "https://inside.example/", "http://169.254.169.254/latest", "http://show.example/away"]:
        with pytest.raises((urllib.error.URLError, PrivateAddressError)) as error:
            get(url)
        assert "private address" in str(error.value)
    with pytest.raises(urllib.error.URLError, match="502"):
        get("https://show.example/")
    assert server.asked[2:] == ["http://show.example/away", "show.example:443"]


def test_the_store_s_server_may_be_private_and_nothing_beside_it(server, unguarded):
    unguarded.setenv("AWS_ENDPOINT_URL", f"http://localhost:{server.server_port}")
    public_only()
    with socket.create_connection(("localhost", server.server_port)):
        pass
    for host, port in [("localhost", server.server_port + 1), ("10.0.0.1", server.server_port)]:
        with pytest.raises(PrivateAddressError):
            socket.create_connection((host, port), timeout=5)


def test_two_calls_guard_once(unguarded):
    public_only()
    guard = socket.getaddrinfo
    public_only()
    assert socket.getaddrinfo is guard


@settings(deadline=None)
@given(st.ip_addresses(v=4))
def test_ipv4_inside_ipv6_is_judged_as_ipv4(ip):
    number = int(ip)
    inside = [f"::ffff:{ip}", f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}", f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1"]
    assert {is_public(address) for address in inside} == {is_public(str(ip))}


@settings(deadline=None)
@given(
    st.sampled_from(["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"]),
    st.data(),
)
def test_no_address_of_a_private_network_is_public(network, data):
    assert not is_public(str(data.draw(st.ip_addresses(network=network))))


@pytest.mark.parametrize(
    "address", ["::", "::1", "fe80::1", "fc00::1", "ff02::1", "2001:db8::1", "::7f00:1", "64:ff9b:1::1", "2001::1", "239.1.1.1"]
)
def test_special_addresses_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", PUBLIC, "2606:4700::1111", "2a00:1450:4001::200e", "::ffff:8.8.8.8"])
def test_hosts_on_the_internet_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("https://user:pass@host.example/a.mp3#t=3", "https://host.example/a.mp3"),
        ("https://host.example:8443/a.mp3?id=7&Signature=x&Expires=9&Key-Pair-Id=k&Policy=p", "https://host.example:8443/a.mp3?id=7"),
        ("https://b.example/a?X-Amz-Credential=c&X-Amz-Signature=s&x-goog-date=d&api_key=k&v=%20a", "https://b.example/a?v=%20a"),
        ("https://b.example/a?access_token=s&%74oken=s&sig=s", "https://b.example/a"),
        ("https://host.example/rss?show=keyboard&monkey=1", "https://host.example/rss?show=keyboard&monkey=1"),
        ("http://a:b@c@host.example", "http://host.example"),
        ("/radio/what? a #1 show.mp3", "/radio/what? a #1 show.mp3"),
        ("http://[broken/?token=s", "http://[broken/"),
    ],
)
def test_public_url_keeps_what_names_the_source_and_drops_what_opens_it(url, public):
    assert public_url(url) == public
    assert public_url(public) == public


@settings(deadline=None)
@given(st.text(), st.text())
def test_no_user_name_or_signature_survives(before, after):
    url = f"https://me:s3cr3t@host.example/{before}?a={after}&sig=s3cr3t"
    assert "s3cr3t" not in public_url(url) or "s3cr3t" in before + after


def test_public_text_cleans_the_urls_inside_a_text():
    text = "cannot open 'https://me:pw@host.example/a?token=t&id=1' (404), see http://other.example/#x"
    assert public_text(text) == "cannot open 'https://host.example/a?id=1' (404), see http://other.example/"
