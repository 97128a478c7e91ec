"""A web server on loopback whose pages a test writes."""

import dataclasses
import http.server
import threading
from collections.abc import Callable, Iterator

import pytest

from components.discover import web as web_module

Page = bytes | str | tuple[int, dict[str, str], bytes]


class Web:
    """Pages by path and query, and what was asked for. A list of pages is answered one after the other, the last one for ever."""

    def __init__(self, port: int) -> None:
        self.port, self.url = port, f"http://127.0.0.1:{port}"
        self.pages: dict[str, Page | list[Page] | Callable[[], Page]] = {}
        self.asked: list[str] = []

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(path)
        page = self.pages.get(path, self.pages.get(path.partition("?")[0], (404, {}, b"")))
        if callable(page):
            page = page()
        if isinstance(page, list):
            page = page.pop(0) if len(page) > 1 else page[0]
        if isinstance(page, str):
            page = page.encode()
        return (200, {"Content-Type": "application/xml"}, page) if isinstance(page, bytes) else page


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = site.answer(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setattr(web_module, "LIMITS", dataclasses.replace(web_module.LIMITS, pause_seconds=0.01))
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site = Web(server.server_port)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield site
        server.shutdown()
