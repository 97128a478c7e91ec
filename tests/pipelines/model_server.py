"""A loopback server that behaves as mirrors do on bad days."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Resource:
    """What the server does at one path. Statuses and cuts are used up by one request each, then it behaves."""

    data: bytes
    etag: str
    ranges: bool = True
    stated_more: int = 0
    """By how much the stated length is larger than what comes."""
    unstated: bool = False
    statuses: list[int] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    """After so many bytes of an answer the connection breaks."""


@dataclass
class Server:
    """What the server has, and what it was asked."""

    url: str = ""
    resources: dict[str, Resource] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """Path, Range and If-Range of every request."""

    def put(self, path: str, data: bytes, **behavior: Any) -> str:
        """Serves data at a path and returns its URL."""
        behavior.setdefault("etag", f'"{hashlib.sha256(data).hexdigest()[:16]}"')
        self.resources["/" + path] = Resource(data, **behavior)
        return self.url + path


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: Server

    def do_GET(self) -> None:
        path, wanted, unless = self.path.partition("?")[0], self.headers.get("Range", ""), self.headers.get("If-Range", "")
        self.state.asked.append((path, wanted, unless))
        found = self.state.resources.get(path)
        status = found.statuses.pop(0) if found and found.statuses else 200
        if found is None or status != 200:
            self.send_response(status if found else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        data = found.data
        start = int(wanted[6:].partition("-")[0]) if wanted and found.ranges and unless in ("", found.etag) else 0
        if start >= len(data) > 0:
            self.send_response(416)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if found.etag:
            self.send_header("ETag", found.etag)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if found.unstated:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(data) - start + found.stated_more))
        self.end_headers()
        cut = found.cuts.pop(0) if found.cuts else None
        self.wfile.write(data[start:][:cut])
        if cut is not None or found.stated_more or found.unstated:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[Server]:
    """A server for the time of a with block."""
    state = Server()
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"state": state}))
    state.url = f"http://127.0.0.1:{httpd.server_address[1]}/"
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield state
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()
