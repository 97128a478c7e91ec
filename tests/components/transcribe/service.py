"""Azure's fast transcription as its documentation describes it, on loopback: POST /speechtotext/transcriptions:transcribe.

The request is multipart/form-data: `definition`, JSON; `audio`, a file. The answer is JSON: durationMilliseconds, combinedPhrases, phrases.
"""

import email
import email.policy
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import soundfile


@dataclass
class Request:
    """What the service was asked."""

    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    definition: dict[str, Any]
    file_name: str
    audio: bytes

    @property
    def samples(self) -> np.ndarray:
        """The 16-bit samples of the audio."""
        return soundfile.read(io.BytesIO(self.audio), dtype="int16")[0]

    @property
    def rate_hz(self) -> int:
        return int(soundfile.info(io.BytesIO(self.audio)).samplerate)


@dataclass
class Answer:
    """What it says."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    after_seconds: float = 0.0


@dataclass
class Service:
    """The service while it runs."""

    endpoint: str
    requests: list[Request]
    most_at_once: int = 0


def said(
    text: str, locale: str = "ko-KR", confidence: float = 0.9, milliseconds: int = 900, offset: int = 100, words: list[str] | None = None
) -> Answer:
    """A transcript with evenly timed words."""
    names = text.split() if words is None else words
    step = (milliseconds - offset) // max(1, len(names))
    timed = [{"text": w, "offsetMilliseconds": offset + i * step, "durationMilliseconds": step} for i, w in enumerate(names)]
    phrase = {
        "offsetMilliseconds": offset,
        "durationMilliseconds": milliseconds - offset,
        "text": text,
        "words": timed,
        "locale": locale,
        "confidence": confidence,
    }
    combined, phrases = ([{"text": text}], [phrase]) if text else ([], [])
    body = {"durationMilliseconds": milliseconds, "combinedPhrases": combined, "phrases": phrases}
    return Answer(body=json.dumps(body).encode())


def refused(status: int, code: str, message: str, **headers: str) -> Answer:
    """An error as the service words it."""
    return Answer(
        status,
        json.dumps({"error": {"code": code, "message": message}}).encode(),
        {name.replace("_", "-"): value for name, value in headers.items()},
    )


@contextmanager
def serving(answer: Callable[[Request, int], Answer]) -> Iterator[Service]:
    """A service that answers a request, of which there were so many before it, as it is told."""
    lock = threading.Lock()
    under_way = 0

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            nonlocal under_way
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                under_way += 1
                service.most_at_once = max(service.most_at_once, under_way)
                request = parsed(self.path, dict(self.headers), body)
                service.requests.append(request)
                before = len(service.requests) - 1
            reply = answer(request, before)
            time.sleep(reply.after_seconds)
            with lock:
                under_way -= 1
            try:
                self.send_response(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)
            except OSError:  # whoever asked has gone
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service = Service(f"http://127.0.0.1:{server.server_port}", [])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def parsed(path: str, headers: dict[str, str], body: bytes) -> Request:
    """A request taken apart."""
    head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + body, policy=email.policy.HTTP)
    parts = {part.get_param("name", header="content-disposition"): part for part in message.iter_parts()}
    place = urlsplit(path)
    audio = parts["audio"]
    return Request(
        place.path,
        parse_qs(place.query),
        {name.lower(): value for name, value in headers.items()},
        json.loads(parts["definition"].get_payload(decode=True)),
        audio.get_filename() or "",
        audio.get_payload(decode=True),
    )
