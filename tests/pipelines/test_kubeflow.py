"""What is refused before and while a Kubeflow is looked for: one clear line, at once, and nothing of kfp's own noise."""

import contextlib
import os
import re
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipelines.cluster import client as kubeflow
from tests.certificates import self_signed
from tests.command import speechmill

COMMAND = str(Path(sys.executable).parent / "speechmill")
AWAY = ("KFP_HOST", "KF_PIPELINES_ENDPOINT", "KFP_TOKEN", "KFP_NAMESPACE", "KUBECONFIG", "SPEECHMILL_REGISTRY")
SUBMIT = ("submit", "--dataset", "mine", "--sources", "https://example.org/feed.xml")


def refused(*arguments: str, status: int = 1, **environment: str) -> str:
    """The error of a command, which must be all that it prints."""
    with pytest.MonkeyPatch.context() as patch:
        for name in AWAY:
            patch.delenv(name, raising=False)
        done = speechmill(*arguments, **environment)
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    lines = done.stderr.splitlines()
    assert status == 2 or len(lines) == 1, lines
    return lines[-1]


@contextlib.contextmanager
def serving(
    status: int, body: str, kind: str, certificate: Path | None = None, silent_after: int | None = None
) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A server that gives everybody the same answer, perhaps only so many times; its address, and the headers it was sent."""
    asked: list[dict[str, str]] = []
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(dict(self.headers))
            if silent_after is not None and len(asked) > silent_after:
                ended.wait()
                return
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}", asked
        ended.set()
        server.shutdown()


def test_without_an_address_the_error_says_how_to_give_one(tmp_path: Path) -> None:
    """In a process of its own, since the kubeconfig is looked for when its library is imported."""
    environment = {k: v for k, v in os.environ.items() if k not in AWAY} | {"HOME": str(tmp_path)}
    done = subprocess.run([COMMAND, "runs", "list"], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"error: expected the address of Kubeflow in --host or the variable KFP_HOST .*found none\n", done.stderr)


def test_nothing_answers() -> None:
    line = refused("runs", "list", "--host", "http://127.0.0.1:9")
    assert line.startswith("error: expected Kubeflow at http://127.0.0.1:9, found nothing that answers: ") and "refused" in line
    assert "found nothing that answers" in refused("runs", "list", KF_PIPELINES_ENDPOINT="http://kubeflow.invalid")


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (
            200,
            "<html>Sign in</html>",
            "text/html",
            "found another server: it answers with something else, perhaps a login page",
        ),
        (404, "<html>Not Found</html>", "text/html", "found another server: it has no /apis/v2beta1/healthz"),
        (200, '{"status": "ok"}', "application/json", "found another server"),
        (200, "[]", "application/json", "found another server"),
        (401, "no", "text/plain", "refused the token, or needs one .401.: give --token-file or the variable KFP_TOKEN"),
        (403, "RBAC: access denied", "text/plain", "refused the token, or needs one .403."),
        (503, "upstream", "text/plain", "refused the request .503."),
    ],
)
def test_what_answers_is_no_kubeflow(status: int, body: str, kind: str, said: str) -> None:
    with serving(status, body, kind) as (host, _):
        line = refused("runs", "list", KFP_HOST=host)
    assert re.search(said, line) and host in line


def test_the_token_comes_from_a_file_or_the_environment_and_is_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from-a-file\n")
    with serving(401, "no", "text/plain") as (host, asked):
        shown = refused("runs", "list", KFP_HOST=host, KFP_TOKEN="from-the-environment")
        shown += refused("runs", "list", "--token-file", str(file), KFP_HOST=host)
    assert [headers["authorization"] for headers in asked] == ["Bearer from-the-environment", "Bearer from-a-file"]
    assert "from-" not in shown
    assert "No such option" in refused("runs", "list", "--token", "secret", status=2)


@pytest.mark.parametrize("token", [b"\xff\xfe", b"two\nlines", "비밀".encode()])
def test_what_cannot_be_a_token_is_refused_and_not_shown(tmp_path: Path, token: bytes) -> None:
    (tmp_path / "token").write_bytes(token)
    line = refused("runs", "list", "--token-file", str(tmp_path / "token"), KFP_HOST="http://127.0.0.1:9")
    assert line == "error: expected a token of one line of ASCII in --token-file or KFP_TOKEN, found other characters"


def test_a_kubeflow_that_stops_answering_holds_nobody_up_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a port-forward does that has lost its pod: it takes connections and says nothing."""
    monkeypatch.setattr(kubeflow, "_WAIT_SECONDS", (1, 1))
    with serving(200, '{"multi_user": false}', "application/json", silent_after=1) as (host, asked):
        assert "found nothing that answers: " in refused("runs", "list", KFP_HOST=host)
    assert len(asked) > 1


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    authority, key = self_signed(tmp_path, "127.0.0.1", "IP:127.0.0.1")
    path = tmp_path / "server.pem"
    path.write_text(key.read_text() + authority.read_text())
    return path


def test_a_certificate_of_an_unknown_authority_is_refused_until_the_authority_is_named(certificate: Path) -> None:
    with serving(404, "", "text/html", certificate) as (host, _):
        assert "is not trusted here: give its authority's certificate with --ca-cert" in refused("runs", "list", "--host", host)
        assert "found another server" in refused("runs", "list", "--host", host, "--ca-cert", str(certificate.with_name("certificate.pem")))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--sources", "./a.mp3"), "sources: ./a.mp3 is on this machine, and a cluster cannot read it"),
        (
            ("--discover-max-shards", "17"),
            "discover_max_shards: expected 1 to 16, since Kubernetes keeps no larger run of Kubeflow, found 17: start",
        ),
        (
            ("--discover-max-shards", "0"),
            "discover_max_shards: expected 1 to 16, since Kubernetes keeps no larger run of Kubeflow, found 0: start",
        ),
        (("--sources", "https://example.org/feed.xml,/data/recordings"), "/data/recordings is on this machine"),
        (("--sources", "nonsense"), "sources: nonsense is not supported"),
        (("--sources", "https://me:pw@example.org/feed"), "found one for https://example.org/feed: give it to the cluster as the secret"),
        (("--sources", ""), "sources: expected at least one"),
        (("--store", "data"), "expected a bucket such as s3://speechmill in --store, found data"),
        (("--dataset", "../other"), "other"),
        (("--cut-max-seconds", "-1"), "cut_max_seconds"),
        (("--denoise-chain", "magic:1"), "magic"),
        (("--separate-batch-segments", "65"), "separate_batch_segments"),
    ],
)
@pytest.mark.parametrize("command", [("submit",), ("schedule", "add", "weekly", "--cron", "0 3 * * 1")], ids=["submit", "schedule"])
def test_what_a_cluster_could_not_run_is_refused_before_it_is_asked(
    command: tuple[str, ...], arguments: tuple[str, ...], said: str
) -> None:
    assert said in refused(*command, *SUBMIT[1:], *arguments)


def test_a_list_of_sources_that_no_pod_can_be_handed_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "sources.txt"
    file.write_text("\n".join(f"https://example.org/episode-{n}.mp3" for n in range(1200)))
    nothing_answers = subprocess.run([COMMAND, *SUBMIT, "--sources", file, "--host", "http://127.0.0.1:9"], capture_output=True, text=True)
    assert nothing_answers.returncode and "found nothing that answers" in nothing_answers.stderr
    file.write_text("\n".join(f"https://example.org/episode-{n}.mp3" for n in range(3000)))
    assert re.search(
        "sources: expected at most 64 KiB, the limit for a pod of a cluster, found 1[0-9]{2}: name feeds",
        refused(*SUBMIT, "--sources", str(file)),
    )


@pytest.mark.parametrize("cron", ["0 0 3 * * 1", "soon", "0 3 * * 1#1", "61 * * * *"])
def test_a_schedule_that_is_none_is_refused(cron: str) -> None:
    assert refused("schedule", "add", "weekly", "--cron", cron, *SUBMIT[1:]).startswith("error: cron: ")


def test_options_and_names_that_do_not_exist_are_refused() -> None:
    assert "No such option '--cut-max-second'" in refused(*SUBMIT, "--cut-max-second", "3", status=2)
    assert "Missing option '--cron'" in refused("schedule", "add", "weekly", status=2)
    assert "expected --dataset NAME" in refused("submit", "--sources", "https://example.org/a.mp3", status=2)
    assert "time zone" in refused("schedule", "add", "weekly", "--cron", "0 3 * * 1", "--cron-timezone", "Mars", *SUBMIT[1:])
