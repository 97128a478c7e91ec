"""`dataset log --mlflow`: a real MLflow server takes a version as the input of a run, and MLflow's own client reads it back."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.datasets.facts import facts_of
from pipelines.datasets.tracking import log_version
from store.datasets import DatasetStore
from store.objects import open_store
from tests import readers
from tests.command import speechmill
from tests.http_server import free_port
from tests.lineage_store import NAME, RUN, fill
from tests.receiver import receiving

INPUTS = """
import json, sys
import mlflow
from mlflow import MlflowClient
client = MlflowClient(sys.argv[1])
run = client.get_run(sys.argv[2])
inputs = [
    {
        "name": i.dataset.name,
        "digest": i.dataset.digest,
        "uri": mlflow.data.get_source(i).uri,
        "source": json.loads(i.dataset.source),
        "schema": json.loads(i.dataset.schema),
        "profile": json.loads(i.dataset.profile),
        "tags": {t.key: t.value for t in i.tags},
    }
    for i in run.inputs.dataset_inputs
]
experiment = client.get_experiment(run.info.experiment_id).name
print(json.dumps({"inputs": inputs, "status": run.info.status, "name": run.info.run_name, "experiment": experiment}))
"""
TRAINING = """
import json, sys
import mlflow
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("voices")
with mlflow.start_run() as run:
    mlflow.log_param("epochs", 3)
print(json.dumps(run.info.run_id))
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("radio") / "store")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an MLflow server with a database in SQLite."""
    folder = tmp_path_factory.mktemp("mlflow")
    port = free_port()
    kept = ["--backend-store-uri", f"sqlite:///{folder}/runs.db", "--artifacts-destination", folder / "artifacts"]
    command = [readers.python(), "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1", *kept]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=readers.environment(), stdout=log, stderr=log, start_new_session=True)
    try:
        _wait(f"http://127.0.0.1:{port}/health", process, folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    while process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"expected MLflow to start, found it ended: {log.read_text()}")


def logged(store: Path, *options: object, **environment: str) -> str:
    """Logs a version; returns the id of MLflow's run."""
    done = speechmill("dataset", "log", "radio", "--store", store, *options, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


def refused(store: Path, *options: object) -> str:
    done = speechmill("dataset", "log", "radio", "--store", store, *options)
    assert done.returncode != 0 and "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]


@pytest.mark.slow
def test_mlflow_s_client_reads_which_version_a_training_run_used(store: Path, server: str) -> None:
    training = readers.read(TRAINING, server)
    for _ in range(2):  # logging it again adds nothing
        assert logged(store, "--mlflow", server, "--run-id", training) == training
    found = readers.read(INPUTS, server, training)
    (used,) = found["inputs"]
    assert (found["experiment"], used["name"], used["uri"]) == ("voices", "radio", f"{store}/datasets/radio")
    assert used["source"] == {"uri": f"{store}/datasets/radio", "dataset": "radio", "version": 1}
    assert used["tags"] == {
        "mlflow.data.context": "training",
        "speechmill.version": "1",
        "speechmill.run": RUN,
        "speechmill.sources_sha256": "ab" * 32,
    }
    profile = used["profile"]
    assert [profile[k] for k in ("clips", "seconds", "recordings", "speakers", "rejected_clips")] == [3, 6.0, 3, 2, 1]
    assert profile["seconds_by_language"] == {"ko": 2.0, "en-us": 2.0, "unknown": 2.0}
    assert used["schema"]["speechmill_columns"]["licence"] == "string"

    new = readers.read(INPUTS, server, logged(store, "--mlflow", server, "--experiment", "목소리"))
    assert (new["experiment"], new["status"], new["name"]) == ("목소리", "FINISHED", "radio version 1")
    assert new["inputs"] == [used], "a version has the same digest in every run"

    dataset = DatasetStore(open_store(str(store)), NAME)
    bucket = readers.read(INPUTS, server, log_version(server, facts_of("s3://speech", dataset, dataset.version())))
    assert [i["uri"] for i in bucket["inputs"]] == ["s3://speech/datasets/radio"], "MLflow's client knows what a bucket is"

    said = refused(store, "--mlflow", server, "--run-id", "0" * 32)
    assert "to do runs/log-inputs, found a refusal: Run with id=" in said


def answer(method: str, path: str) -> tuple[int, dict[str, Any]]:
    """Answers as MLflow does, in a server without experiments."""
    if "get-by-name" in path:
        return 404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "none"}
    made = {"experiments/create": {"experiment_id": "7"}, "runs/create": {"run": {"info": {"run_id": "r1"}}}}
    return 200, next((found for end, found in made.items() if path.endswith(end)), {})


def test_the_credentials_of_the_environment_go_to_the_server_and_nowhere_else(store: Path) -> None:
    with receiving(answer) as server:
        assert logged(store, "--mlflow", server.url, MLFLOW_TRACKING_TOKEN="t0ken") == "r1"
        assert {r.headers["Authorization"] for r in server.received} == {"Bearer t0ken"}
        server.received.clear()
        logged(store, "--mlflow", server.url, MLFLOW_TRACKING_USERNAME="ann", MLFLOW_TRACKING_PASSWORD="pw")
        assert {r.headers["Authorization"] for r in server.received} == {"Basic YW5uOnB3"}
        assert "t0ken" not in json.dumps(server.bodies) and "pw" not in json.dumps(server.bodies)


def test_a_version_with_other_rules_has_another_digest(store: Path, tmp_path: Path) -> None:
    def digest(folder: Path) -> str:
        with receiving(answer) as server:
            logged(folder, "--mlflow", server.url)
            (sent,) = [r.body for r in server.received if r.path.endswith("log-inputs")]
        found: str = sent["datasets"][0]["dataset"]["digest"]
        return found

    assert digest(store) == digest(fill(tmp_path / "copy")), "the store's place does not matter"
    assert digest(fill(tmp_path / "copy", lineage={"stages": {}, "seconds": {}}, run="later")) != digest(store)


def test_what_cannot_be_logged_is_one_line(store: Path) -> None:
    assert "expected --openlineage or --mlflow URL, found neither" in refused(store)
    assert "expected them with --mlflow" in refused(store, "--openlineage", "--run-id", "r1")
    assert "expected the http or https URL of an MLflow server, found 'sqlite:///x.db'" in refused(store, "--mlflow", "sqlite:///x.db")
    assert "expected a run or an experiment for a new run, found both" in refused(
        store, "--mlflow", "http://127.0.0.1:9", "--run-id", "r1", "--experiment", "e"
    )
    nobody = refused(store, "--mlflow", "http://user:secret@127.0.0.1:9")
    assert "expected an MLflow server at http://127.0.0.1:9, found none" in nobody and "secret" not in nobody
    with receiving(lambda method, path: (403, {"error_code": "PERMISSION_DENIED", "message": "no"})) as server:
        assert "to do experiments/get-by-name, found a refusal: no" in refused(store, "--mlflow", server.url)
        assert "expected version 7 of dataset radio" in refused(store, "--mlflow", server.url, "--version", "7")
