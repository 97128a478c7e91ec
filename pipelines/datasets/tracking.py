"""Tells an MLflow server which version of a dataset a run uses, by MLflow's REST API.

The client of MLflow would bring 24 packages more; this takes five requests.
"""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version as version_of
from typing import Any

import requests

from components.shared.network import public_text, public_url
from components.shared.rows import DatasetRow
from components.shared.rules import UNKNOWN
from components.shared.table import schema
from components.shared.task import StageError, one_line
from pipelines.datasets.facts import Facts, amounts, distinct, total_seconds

DEFAULT_EXPERIMENT = "Default"
CONTEXT = "training"
"""What MLflow's page says that the dataset is for."""
_SECONDS = 30
"""Time limit of a request."""
_MISSING = "RESOURCE_DOES_NOT_EXIST"


class TrackingError(StageError):
    """The MLflow server cannot be used, or refuses."""


@dataclass(frozen=True)
class Server:
    """An MLflow tracking server. Credentials come from MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and _PASSWORD."""

    url: str

    def call(self, method: str, path: str, **given: Any) -> dict[str, Any]:
        """Calls a method of the API; returns its answer.

        Raises:
            TrackingError: The server does not answer or refuses; its `code` is that of MLflow.
        """
        place = f"{self.url.rstrip('/')}/api/2.0/mlflow/{path}"
        sent: dict[str, Any] = {"params": given} if method == "GET" else {"json": given}
        try:
            answer = requests.request(method, place, timeout=_SECONDS, auth=_login(), headers=_token(), **sent)
            found = answer.json() if answer.content else {}
        except (requests.RequestException, ValueError) as error:
            said = one_line(public_text(str(error)))
            raise TrackingError(f"expected an MLflow server at {public_url(self.url)}, found none: {said}: check --mlflow") from None
        if answer.ok and isinstance(found, dict):
            return found
        raise _RefusedError(self.url, path, answer.status_code, found if isinstance(found, dict) else {})


class _RefusedError(TrackingError):
    """The server refuses a call."""

    def __init__(self, url: str, path: str, status: int, found: Mapping[str, Any]) -> None:
        self.code = found.get("error_code", "")
        said = one_line(found.get("message") or f"HTTP {status}")
        super().__init__(f"expected the MLflow server {public_url(url)} to do {path}, found a refusal: {said}")


def log_version(url: str, facts: Facts, *, experiment: str = "", run_id: str = "") -> str:
    """Logs a version as an input of a run of MLflow. The same version is logged once, however often this is called.

    Args:
        url: URL of the server, http or https.
        facts: The version.
        experiment: Name of the experiment in which a new run is made, which is made if it does not exist; default: Default.
        run_id: Id of a run that exists, in place of a new one.

    Returns:
        The id of the run.

    Raises:
        TrackingError: `url` is none of a server, the server does not answer or refuses, or both a run and an experiment are given.
    """
    if not url.lower().startswith(("http://", "https://")):
        raise TrackingError(
            f"expected the http or https URL of an MLflow server, found {public_url(url)!r}: start `mlflow server` for a folder"
        )
    if run_id and experiment:
        raise TrackingError("expected a run or an experiment for a new run, found both: leave one of them out")
    server = Server(url)
    run = run_id or _new_run(server, experiment or DEFAULT_EXPERIMENT, f"{facts.dataset} version {facts.version.number}")
    server.call("POST", "runs/log-inputs", run_id=run, datasets=[dataset_input(facts)])
    if not run_id:
        server.call("POST", "runs/update", run_id=run, status="FINISHED", end_time=_now_ms())
    return run


def dataset_input(facts: Facts) -> dict[str, Any]:
    """A version as MLflow describes an input. MLflow's own client resolves its source to the dataset's folder or prefix."""
    tags = {
        "mlflow.data.context": CONTEXT,
        "speechmill.version": str(facts.version.number),
        "speechmill.run": facts.version.run,
        "speechmill.sources_sha256": facts.sources_sha256,
    }
    dataset = {
        "name": facts.dataset,
        "digest": facts.identity,
        "source_type": "s3" if facts.place.startswith("s3://") else "local",
        "source": json.dumps({"uri": facts.place, "dataset": facts.dataset, "version": facts.version.number}),
        "schema": json.dumps({"speechmill_columns": {f.name: str(f.type) for f in schema(DatasetRow)}}),
        "profile": json.dumps(profile(facts), ensure_ascii=False),
    }
    return {"tags": [{"key": k, "value": v} for k, v in tags.items()], "dataset": dataset}


def profile(facts: Facts) -> dict[str, Any]:
    """The counts of a version that MLflow shows."""
    kept = facts.kept
    return {
        "clips": kept.num_rows,
        "seconds": round(total_seconds(kept), 3),
        "recordings": distinct(kept, "recording"),
        "speakers": distinct(kept, "speaker"),
        "rejected_clips": facts.rows.num_rows - kept.num_rows,
        "seconds_by_outcome": {name: round(seconds, 3) for name, seconds in facts.seconds_by_outcome.items()},
        "seconds_by_licence": {a.value or UNKNOWN: round(a.seconds, 3) for a in amounts(kept, "licence")},
        "seconds_by_language": {a.value or UNKNOWN: round(a.seconds, 3) for a in amounts(kept, "language")},
    }


def _new_run(server: Server, experiment: str, name: str) -> str:
    tags = [{"key": "mlflow.source.name", "value": f"speechmill {version_of('speechmill')}"}]
    number = _experiment(server, experiment)
    made = server.call("POST", "runs/create", experiment_id=number, run_name=name, start_time=_now_ms(), tags=tags)
    return str(made["run"]["info"]["run_id"])


def _experiment(server: Server, name: str) -> str:
    """The id of an experiment, which is made if it does not exist."""
    try:
        return str(server.call("GET", "experiments/get-by-name", experiment_name=name)["experiment"]["experiment_id"])
    except _RefusedError as refusal:
        if refusal.code != _MISSING:
            raise
    return str(server.call("POST", "experiments/create", name=name)["experiment_id"])


def _token() -> dict[str, str]:
    token = os.environ.get("MLFLOW_TRACKING_TOKEN", "")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _login() -> tuple[str, str] | None:
    user = os.environ.get("MLFLOW_TRACKING_USERNAME", "")
    return (user, os.environ.get("MLFLOW_TRACKING_PASSWORD", "")) if user else None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
