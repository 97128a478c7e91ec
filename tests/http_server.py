"""A loopback server that behaves as podcast hosts and mirrors do on bad days."""

import base64
import hashlib
import http.server
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@dataclass
class Resource:
    """What the server does at one path. Each request uses up one of the statuses and cuts; after them the server behaves."""

    data: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    """In place of the usual ones; an empty text leaves a header out."""
    ranges: bool = True
    stated_more: int = 0
    """How much larger the stated length is than what comes."""
    statuses: list[int] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    """After so many bytes of a body the connection breaks."""
    later: bytes = b""
    """What is there from the second request on, if it changes."""
    endless: float | None = None
    """If set, the data come again and again, with so many seconds between them, until the client leaves."""
    logins: tuple[str, ...] = ()
    """USER:PASSWORD of those who may have it; empty means everybody."""


class Asked(NamedTuple):
    """One request."""

    path: str
    range: str
    if_range: str


@dataclass
class Server:
    """What the server has, and what it was asked."""

    url: str = ""
    resources: dict[str, Resource] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    cookies: list[str] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    """USER:PASSWORD of every request, or an empty text."""

    def put(self, path: str, data: bytes, **behavior: Any) -> str:
        """Serves data at a path and returns its URL."""
        headers = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "Content-Type": "audio/mpeg"} | behavior.pop("headers", {})
        self.resources[path] = Resource(data, headers, **behavior)
        return self.url + path

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.asked]

    def starts(self) -> list[int]:
        """The first byte of every request."""
        return [int(wanted.removeprefix("bytes=").partition("-")[0] or 0) for _, wanted, _ in self.asked]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: Server

    def do_GET(self) -> None:
        wanted, unless = self.headers.get("Range", ""), self.headers.get("If-Range", "")
        self.state.asked.append(Asked(self.path, wanted, unless))
        self.state.cookies.append(self.headers.get("Cookie", ""))
        login = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic ")).decode()
        self.state.authorizations.append(login)
        found = self.state.resources.get(self.path.partition("?")[0], Resource(statuses=[404]))
        status = 401 if found.logins and login not in found.logins else found.statuses.pop(0) if found.statuses else 200
        data, headers = found.data, dict(found.headers)
        unchanged = unless in ("", headers.get("ETag"), headers.get("Last-Modified"))
        if status == 200 and wanted.startswith("bytes=") and found.ranges and unchanged:
            start = int(wanted[6:].partition("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            status, data = (206, data[start:]) if start < len(data) else (416, b"")
        if status >= 300:
            data = b""
        if found.later:
            found.data, found.headers["ETag"] = found.later, '"later"'
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(data) + found.stated_more)} | headers).items():
            if value:
                self.send_header(name, value)
        cut = found.cuts.pop(0) if found.cuts and status in (200, 206) else None
        if cut is not None or found.stated_more or not headers.get("Content-Length", "stated"):
            self.send_header("Connection", "close")
        self.end_headers()
        with suppress(ConnectionError):
            while self.command != "HEAD":
                self.wfile.write(data[:cut])
                if found.endless is None:
                    return
                time.sleep(found.endless)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[Server]:
    """A server for the time of a with block."""
    state = Server()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"state": state})) as listening:
        state.url = f"http://127.0.0.1:{listening.server_address[1]}"
        threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
        yield state
        listening.shutdown()


@contextmanager
def raw_server(answer: Callable[[socket.socket], None], context: ssl.SSLContext | None = None) -> Iterator[str]:
    """URL of a server that answers each request by a function of its connection."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):  # the client has gone
                connection = context.wrap_socket(self.request, server_side=True) if context else self.request
                connection.recv(65536)
                answer(connection)
                connection.close()

    class Threads(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Threads(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
        yield f"{'https' if context else 'http'}://localhost:{listening.server_address[1]}"
        listening.shutdown()
