"""A folder served over loopback HTTP."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.end_to_end.runs import Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    served = Server(tmp_path / "served")
    served.folder.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            served.requests.append(self.path)

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(served.folder))) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        served.url = f"http://127.0.0.1:{http.server_port}"
        yield served
        http.shutdown()
