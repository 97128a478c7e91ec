"""The guard of components.shared.network under the libraries that fetch here: requests and yt-dlp."""

import http.client
import socket

import pytest
from yt_dlp.networking.exceptions import TransportError

from components.discover.items import SourceError
from components.discover.web import fetch
from components.discover.youtube import downloader
from components.shared.network import public_only

PUBLIC = "93.184.215.14"


@pytest.fixture
def guarded(web, monkeypatch):
    """The guard, above a resolver that knows show.example as a public address, which is this server."""
    for owner, name in [
        (socket.socket, "connect_ex"),
        (http.client.HTTPConnection, "putrequest"),
        (http.client.HTTPConnection, "set_tunnel"),
    ]:
        monkeypatch.setattr(owner, name, getattr(owner, name))
    look_up, connect = socket.getaddrinfo, socket.socket.connect
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *args, **kw: look_up(PUBLIC if host == "show.example" else host, *args, **kw))
    monkeypatch.setattr(socket.socket, "connect", lambda self, to: connect(self, ("127.0.0.1", web.port) if to[0] == PUBLIC else to))
    return public_only


def test_a_redirect_from_a_public_to_a_private_address_is_refused_at_once(web, guarded):
    web.pages |= {"/feed": (302, {"Location": f"{web.url}/secret"}, b""), "/secret": b"secret", "/open": b"open"}
    assert fetch("http://show.example/feed").data == b"secret", "without the guard it is there"
    guarded()
    web.asked.clear()
    assert fetch("http://show.example/open").data == b"open"
    with pytest.raises(SourceError, match=r"^127\.0\.0\.1 is a private address; --allow-private lets it be fetched$"):
        fetch("http://show.example/feed")
    assert web.asked == ["/open", "/feed"]


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest/", "https://10.0.0.1/", "http://show.example/away"])
def test_a_proxy_is_not_asked_for_private_addresses(web, guarded, monkeypatch, url):
    monkeypatch.setenv("http_proxy", web.url)
    monkeypatch.setenv("https_proxy", web.url)
    web.pages |= {
        "http://show.example/feed": b"there",
        "http://show.example/away": (302, {"Location": "http://169.254.169.254/latest/"}, b""),
    }
    guarded()
    assert fetch("http://show.example/feed").data == b"there"
    with pytest.raises(SourceError, match="is a private address"):
        fetch(url)
    assert not [path for path in web.asked if "169.254" in path or "10.0" in path]


def test_yt_dlp_is_guarded_as_well(web, guarded):
    web.pages |= {"/feed": (302, {"Location": f"{web.url}/secret"}, b""), "/secret": b"secret"}
    with downloader() as youtube:
        assert youtube.urlopen(f"{web.url}/secret").read() == b"secret"
        guarded()
        web.asked.clear()
        for url in (f"{web.url}/secret", "http://show.example/feed"):
            with pytest.raises(TransportError, match=r"127\.0\.0\.1 is a private address"):
                youtube.urlopen(url)
    assert web.asked == ["/feed"]
