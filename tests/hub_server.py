"""A loopback server with the few endpoints of the Hugging Face hub that an upload of a dataset needs."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_token_of_a_test"
LARGE = (".parquet", ".tar", ".flac")
"""Files that go to the storage of large files; the others are in the commit itself."""


@dataclass
class Hub:
    """What the hub has: the datasets with their files, and the contents of large files."""

    url: str = ""
    datasets: dict[str, dict[str, bytes]] = field(default_factory=dict)
    private: dict[str, bool] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    uploads: list[str] = field(default_factory=list)
    """Hashes of large files that were sent."""
    titles: list[str] = field(default_factory=list)
    """Messages of commits."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def _answer(self, status: int, value: Any) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _dataset(self, after: str) -> str:
        return "/".join(self.path.split(after)[1].split("/")[:2]).removesuffix(".git")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._answer(401, {"error": "Invalid username or password."})
        if self.path == "/api/repos/create":
            said = json.loads(body)
            name = f"{said['organization']}/{said['name']}" if said.get("organization") else said["name"]
            if name in self.hub.datasets:
                return self._answer(409, {"error": "You already created this dataset repo", "url": f"{self.hub.url}/datasets/{name}"})
            self.hub.datasets[name], self.hub.private[name] = {}, said.get("private") or said.get("visibility") == "private"
            return self._answer(200, {"url": f"{self.hub.url}/datasets/{name}", "name": name})
        if self.path == "/api/validate-yaml":
            return self._answer(200, {"errors": [], "warnings": []})
        if self.path.endswith("/info/lfs/objects/batch"):
            wanted = json.loads(body)["objects"]
            new = {o["oid"]: {"upload": {"href": f"{self.hub.url}/large/{o['oid']}"}} for o in wanted if o["oid"] not in self.hub.large}
            objects = [{**o, **({"actions": new[o["oid"]]} if o["oid"] in new else {})} for o in wanted]
            return self._answer(200, {"transfer": "basic", "objects": objects})
        name = self._dataset("/api/datasets/")
        if "/preupload/" in self.path:
            modes = [(f["path"], "lfs" if f["path"].endswith(LARGE) else "regular") for f in json.loads(body)["files"]]
            return self._answer(200, {"files": [{"path": p, "uploadMode": m, "shouldIgnore": False, "oid": None} for p, m in modes]})
        if "/commit/" in self.path:
            return self._commit(name, [json.loads(line) for line in body.splitlines()])
        return self._answer(404, {"error": "not found"})

    def _commit(self, name: str, operations: list[dict[str, Any]]) -> None:
        files = self.hub.datasets[name]
        for operation in operations:
            kind, value = operation["key"], operation["value"]
            if kind == "header":
                self.hub.titles.append(value["summary"])
            elif kind == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif kind == "lfsFile":
                files[value["path"]] = self.hub.large[value["oid"]]
            elif kind == "deletedFile":
                del files[value["path"]]
        self._answer(200, {"commitUrl": f"{self.hub.url}/datasets/{name}/commit/1", "commitOid": "1" * 40, "pullRequestUrl": None})

    def do_GET(self) -> None:
        if "/tree/" in self.path:
            files = self.hub.datasets[self._dataset("/api/datasets/")]
            return self._answer(200, [{"type": "file", "path": p, "size": len(data), "oid": "0" * 40} for p, data in files.items()])
        return self._answer(404, {"error": "not found"})

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        oid = self.path.rpartition("/")[2]
        assert hashlib.sha256(data).hexdigest() == oid
        self.hub.large[oid] = data
        self.hub.uploads.append(oid)
        self._answer(200, {})

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[Hub]:
    """A hub for the time of a with block."""
    hub = Hub()
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub})) as listening:
        hub.url = f"http://127.0.0.1:{listening.server_address[1]}"
        threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
        yield hub
        listening.shutdown()
