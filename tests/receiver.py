"""A loopback server that keeps what is sent to it, as JSON."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

Answer = Callable[[str, str], tuple[int, dict[str, Any]]]
"""Returns status and body for a method and a path."""


@dataclass(frozen=True)
class Received:
    """One request."""

    method: str
    path: str
    headers: Message
    body: Any


@dataclass
class Receiver:
    url: str = ""
    received: list[Received] = field(default_factory=list)

    @property
    def bodies(self) -> list[Any]:
        return [r.body for r in self.received]


@contextmanager
def receiving(answer: Answer = lambda method, path: (200, {})) -> Iterator[Receiver]:
    """A server for the time of a with block."""
    state = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            state.received.append(Received(self.command, self.path, self.headers, json.loads(data or b"null")))
            status, found = answer(self.command, self.path)
            said = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        state.url = f"http://127.0.0.1:{listening.server_address[1]}"
        threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
        yield state
        listening.shutdown()
