"""A stand-in of Kubeflow Pipelines 2.17.0 on loopback: the paths of its API that commands ask, and what goes wrong on the way to it."""

import contextlib
import http.server
import itertools
import json
import os
import re
import signal
import threading
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from typing import Any

import yaml

from tests.command import speechmill

MADE = "2026-11-29T00:00:00Z"
LOST, INTERRUPTED = "the answer is lost", "somebody presses Ctrl-C"

Row = dict[str, Any]


class RefusedError(Exception):
    """What Kubeflow answers instead: a status and its words."""


@dataclass
class Script:
    """How a run goes: what each look at it finds, the last of which stays."""

    states: list[str] = field(default_factory=lambda: ["SUCCEEDED"])
    nodes: list[Row] = field(default_factory=list)
    """Argo's nodes, once the run is no more pending."""
    logs: Mapping[str, str] = field(default_factory=dict)
    """What pods printed, by the node's name."""
    message: str = ""
    """Argo's message about the run as a whole."""


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it printed."""

    status: Any
    stdout: str
    stderr: str


@dataclass
class StandIn:
    """What a Kubeflow has, by id."""

    url: str = ""
    experiments: dict[str, Row] = field(default_factory=dict)
    pipelines: dict[str, Row] = field(default_factory=dict)
    versions: dict[str, Row] = field(default_factory=dict)
    runs: dict[str, Row] = field(default_factory=dict)
    recurring_runs: dict[str, Row] = field(default_factory=dict)
    scripts: dict[str, Script] = field(default_factory=dict)
    script: Script = field(default_factory=Script)
    """Of runs that are started from now on, after those in `next`."""
    next: list[Script] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Method and path of every request."""
    faults: list[tuple[str, int | str]] = field(default_factory=list)
    """Pattern of a request, and what happens to the first that it fits: a status is answered, LOST, INTERRUPTED or nothing ("")."""
    texts: dict[str, str] = field(default_factory=dict)
    """The pipelines' files, by their version's id."""
    ids: Iterator[str] = field(default_factory=lambda: (f"{n:08x}-0000-4000-8000-000000000000" for n in itertools.count(1)))

    def command(self, *arguments: str) -> "Done":
        """`speechmill` with this Kubeflow, in this process; tests may change how long it waits."""
        done = speechmill(*arguments, KFP_HOST=self.url)
        return Done(done.returncode, done.stdout, done.stderr)

    def run(self, script: Script, **parameters: Any) -> str:
        """Puts a run there that somebody has started in another experiment."""
        return self._started({"experiment_id": "other", "runtime_config": {"parameters": parameters}}, script)["run_id"]

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Any:
        """What Kubeflow answers; refuses what it refuses."""
        match method, *path.split("/")[2:]:
            case "GET", _, "healthz":
                return {"multi_user": False}
            case "GET", "v1beta1", "runs", run:
                return {"pipeline_runtime": {"workflow_manifest": self._manifest(run)}}
            case "GET", "v1alpha1", "runs", run, "nodes", node, "log":
                return self.scripts[run].logs.get(node.removeprefix("id of "), "")
            case "GET", _, ("experiments" | "pipelines" | "runs" | "recurringruns") as kind:
                return self._page(kind.replace("ringruns", "ring_runs"), query)
            case "GET", _, "pipelines", pipeline, "versions":
                return {"pipeline_versions": [v for v in self.versions.values() if v["pipeline_id"] == pipeline]}
            case "GET", _, "pipelines", _, "versions", version:
                return self._found(self.versions, version)
            case "GET", _, "pipelines", pipeline:
                return self._found(self.pipelines, pipeline)
            case "GET", _, "runs", run:
                return self._looked_at(run)
            case "POST", _, "pipelines", "upload_version":
                version = self._made(
                    "pipeline_version",
                    self.versions,
                    {"display_name": query["name"], "pipeline_id": query["pipelineid"], "tags": json.loads(query["tags"])},
                )
                self.texts[version["pipeline_version_id"]] = body
                return version
            case "POST", _, ("experiments" | "pipelines") as kind:
                return self._made(kind[:-1], getattr(self, kind), body)
            case "POST", _, "runs":
                return self._started(self._accepted(body), self.next.pop(0) if self.next else self.script)
            case "POST", _, "recurringruns":
                return self._made("recurring_run", self.recurring_runs, self._accepted(body) | {"status": f"{body['mode']}D"})
            case "POST", _, "runs", run if run.endswith(":terminate"):
                self.scripts[run.partition(":")[0]].states[:] = ["CANCELING", "FAILED"]
                return {}
            case "POST", _, "recurringruns", schedule:
                identifier, _, action = schedule.partition(":")
                self._found(self.recurring_runs, identifier)["status"] = f"{action.upper()}D"
                return {}
            case "DELETE", _, "recurringruns", schedule:
                self._found(self.recurring_runs, schedule)
                del self.recurring_runs[schedule]
                return {}
        raise RefusedError(501, f"the stand-in knows no {method} {path}")

    def _started(self, run: Row, script: Script) -> Row:
        row = self._made("run", self.runs, {**run, "state": script.states[0]})
        self.scripts[row["run_id"]] = script
        return row

    def _made(self, kind: str, rows: dict[str, Row], row: Row) -> Row:
        identifier = next(self.ids)
        rows[identifier] = {"display_name": "", **row, f"{kind}_id": identifier, "created_at": MADE}
        return rows[identifier]

    def _found(self, rows: dict[str, Row], identifier: str) -> Row:
        if identifier not in rows:
            raise RefusedError(404, f"{identifier} not found")
        return rows[identifier]

    def _accepted(self, body: Row) -> Row:
        """Kubeflow 2.17.0 refuses parameters that the pipeline does not have."""
        text = self.texts[body["pipeline_version_reference"]["pipeline_version_id"]]
        known = next(yaml.safe_load_all(text))["root"]["inputDefinitions"]["parameters"]
        if extra := body["runtime_config"]["parameters"].keys() - known:
            raise RefusedError(400, f"parameter(s) provided are not required by pipeline: {', '.join(extra)}")
        return body

    def _looked_at(self, run: str) -> Row:
        row, states = self._found(self.runs, run), self.scripts[run].states
        row["state"] = states.pop(0) if len(states) > 1 else states[0]
        row["state_history"] = [*row.get("state_history", []), {"state": row["state"]}]
        return row

    def _manifest(self, run: str) -> str:
        if self.runs[run]["state"] == "PENDING":
            return ""
        script = self.scripts[run]
        return json.dumps({"status": {"nodes": {n["id"]: n for n in script.nodes}, "message": script.message}})

    def _page(self, kind: str, query: Mapping[str, str]) -> Row:
        rows: Iterable[Row] = reversed(list(getattr(self, kind).values()))
        for predicate in json.loads(query.get("filter") or "{}").get("predicates", []):
            wanted = {1: True, "EQUALS": True, "NOT_EQUALS": False}[predicate["operation"]]
            rows = [r for r in rows if (r[predicate["key"]] == predicate["stringValue"]) == wanted]
        rows = [r for r in rows if query.get("experiment_id", r.get("experiment_id")) == r.get("experiment_id")]
        start, size = int(query.get("page_token") or 0), int(query.get("page_size") or 10)
        name = "recurringRuns" if kind == "recurring_runs" else kind  # as Kubeflow has it
        return {name: rows[start : start + size], "next_page_token": str(start + size) if len(rows) > start + size else ""}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: StandIn

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # who is interrupted hangs up
            super().handle()

    def do_GET(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        query = {name: values[0] for name, values in urllib.parse.parse_qs(url.query).items()}
        body = self._body()
        request = f"{self.command} {urllib.parse.unquote(url.path)}"
        self.state.asked.append(request)
        fault = self._fault(request)
        if isinstance(fault, int):
            self._send(fault, {"error": "out of order"})
            return
        try:
            status, answer = 200, self.state.answer(*request.split(" ", 1), query, body)
        except RefusedError as refused:
            status, answer = refused.args[0], {"error": refused.args[1]}
        if fault == INTERRUPTED:
            os.kill(os.getpid(), signal.SIGINT)
        if fault == LOST:
            self.close_connection = True
        else:
            self._send(status, answer)

    def _body(self) -> Any:
        """JSON, or the file of a form."""
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kind = self.headers.get("Content-Type", "")
        if kind.startswith("multipart/"):
            (part,) = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + data).get_payload()
            return part.get_payload(decode=True).decode()
        return json.loads(data) if data else {}

    def _fault(self, request: str) -> int | str | None:
        for number, (pattern, fault) in enumerate(self.state.faults):
            if re.match(pattern, request):
                del self.state.faults[number]
                return fault
        return None

    def _send(self, status: int, answer: Any) -> None:
        data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serving() -> Iterator[StandIn]:
    """A Kubeflow for the time of a with block."""
    state = StandIn()
    methods = {"state": state, "do_POST": _Handler.do_GET, "do_DELETE": _Handler.do_GET}
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), methods)) as server:
        state.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield state
        server.shutdown()
