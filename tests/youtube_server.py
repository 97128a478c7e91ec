"""A stand-in for YouTube behind an HTTPS proxy on loopback: yt-dlp's own requests, answered with what YouTube says of a video.

The fields are those that yt-dlp reads. Titles and names are invented.
"""

import http.server
import json
import ssl
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.certificates import self_signed

_PAGE = """<html><head><title>-</title></head><body>
<script>ytcfg.set({"VISITOR_DATA": "dmlzaXRvcg", "INNERTUBE_CONTEXT": {"client": {"clientName": "%s", "clientVersion": "1.0"}}});</script>
<script>var ytInitialData = {"contents": {"twoColumnWatchNextResults": {}}};</script></body></html>"""
_PLAYERS = {"/embed": "WEB_EMBEDDED_PLAYER", "/tv": "TVHTML5"}
"""Innertube names of the players of pages, by the beginning of the path."""
MEDIA = "https://rr1---sn-test.googlevideo.com/videoplayback"


@dataclass
class Video:
    """What YouTube has at one id."""

    media: bytes = b""
    status: str = "OK"
    reason: str = ""
    more: str = ""
    """The second sentence on the page of an error."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """More fields of `videoDetails`."""
    microformat: Mapping[str, Any] = field(default_factory=dict)
    media_status: int = 200
    """Status of the answer to a request for the media."""
    clients: tuple[str, ...] = ()
    """Innertube names of the players that get the media; empty means all."""
    needs_token: bool = False
    """Whether media is given to requests with a PO token alone."""


@dataclass
class YouTube:
    """What YouTube has, and what it was asked."""

    proxy: str = ""
    videos: dict[str, Video] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """`<video> <client>` of every request of a player."""
    tokens: list[str] = field(default_factory=list)
    """PO tokens of the requests for media."""

    def player(self, video_id: str, client: str) -> dict[str, Any]:
        """The answer to a player's request."""
        self.asked.append(f"{video_id} {client}")
        video = self.videos[video_id]
        refused = video.status != "OK" or (video.clients and client not in video.clients)
        status = (
            {"status": video.status if video.status != "OK" else "LOGIN_REQUIRED", "reason": video.reason} if refused else {"status": "OK"}
        )
        if refused and video.more:
            more = {"reason": {"simpleText": video.reason}, "subreason": {"simpleText": video.more}}
            status["errorScreen"] = {"playerErrorMessageRenderer": more}
        sound = {
            "itag": 140,
            "url": f"{MEDIA}?id={video_id}&itag=140",
            "mimeType": 'audio/mp4; codecs="mp4a.40.2"',
            "bitrate": 130_000,
            "contentLength": str(len(video.media)),
            "approxDurationMs": "4000",
        }
        details = {"videoId": video_id, "title": f"Title {video_id}", "author": "A channel", "channelId": "UC" + "x" * 22}
        return {
            "playabilityStatus": status,
            "videoDetails": {**details, "lengthSeconds": "4", **video.details},
            "microformat": {"playerMicroformatRenderer": dict(video.microformat)},
            "streamingData": {} if refused else {"adaptiveFormats": [sound]},
        }


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    youtube: YouTube
    context: ssl.SSLContext

    def do_CONNECT(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.connection = self.context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)  # type: ignore[assignment]  # http.server declares them as buffers
        self.close_connection = False

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        asked = dict(urllib.parse.parse_qsl(query))
        if path == "/videoplayback":
            video = self.youtube.videos[asked["id"]]
            self.youtube.tokens.append(asked.get("pot", ""))
            refused = video.needs_token and not asked.get("pot")
            self._answer(403 if refused else video.media_status, video.media, "audio/mp4")
        elif path == "/iframe_api":
            self._answer(200, b"player\\/00000001\\/", "text/javascript")
        elif path.endswith(".js"):
            self._answer(200, b"signatureTimestamp:20000", "text/javascript")
        else:
            mobile = "MWEB" if self.headers["Host"].startswith("m.") else "WEB"
            player = next((name for start, name in _PLAYERS.items() if path.startswith(start)), mobile)
            self._answer(200, (_PAGE % player).encode(), "text/html; charset=utf-8")

    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "/player" not in self.path:
            self._answer(200, b"{}", "application/json")
            return
        answer = self.youtube.player(question["videoId"], question["context"]["client"]["clientName"])
        self._answer(200, json.dumps(answer).encode(), "application/json")

    def _answer(self, status: int, data: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data) if status == 200 else 0))
        self.end_headers()
        if status == 200:
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def youtube(folder: Path) -> Iterator[YouTube]:
    """A YouTube for the time of a with block; its certificate is written into the folder."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*self_signed(folder, "youtube"))
    state = YouTube()
    handler = type("Handler", (_Handler,), {"youtube": state, "context": context})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        listening.daemon_threads = True
        state.proxy = f"http://127.0.0.1:{listening.server_address[1]}"
        threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
        yield state
        listening.shutdown()
