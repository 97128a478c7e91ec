"""Labels, deadlines and the removal of Workflows on a real Kubeflow. No image of a stage is needed."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from kfp import dsl
from kfp.compiler import Compiler

from components.deployment import Deployment, deployed, run_limits
from tests.cluster.pods import api, has_workflow, pods
from tests.cluster.runs import NAMESPACE, ClusterDataset, client, run_id
from tests.cluster.test_client import NOWHERE, succeed
from tests.end_to_end.runs import speechmill

QUEUE = "kueue.x-k8s.io/queue-name"
SECOND = 1 / 3600


def wait_for(condition: Callable[[], object], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(1)


def test_a_run_has_its_labels_and_ends_at_its_deadline(dataset: ClusterDataset) -> None:
    """Its pod cannot start, for which a run without a deadline waits for ever."""
    options = ("--deadline-hours", 100 * SECOND, "--label", f"{QUEUE}=speech", *NOWHERE)
    run = run_id(dataset.submit("--sources", "https://example.org/a.mp3", *options, wait=False))
    wait_for(lambda: pods(run, "discover"))
    (pod,) = pods(run, "discover")
    assert pod.metadata.labels[QUEUE] == "speech"
    waited = speechmill("runs", "wait", run)
    assert waited.returncode == 1
    assert waited.stderr.splitlines()[-1] == "error: discover: the deadline of the run ended it (--deadline-hours)"
    assert "the deadline of the run ended it" in succeed("runs", "show", run)


@dsl.container_component
def say(text: str):  # type: ignore[no-untyped-def]
    command = ["sh", "-c", 'echo "$0"; test "$0" = well || { echo "error: it is $0"; exit 1; }']
    return dsl.ContainerSpec(image="python:3.11-slim", command=command, args=[text])


@pytest.mark.parametrize(("text", "state"), [("well", "succeeded"), ("ill", "failed")])
def test_what_is_told_of_a_run_outlives_its_workflow(tmp_path: Path, text: str, state: str) -> None:
    """Kubeflow keeps what Argo's Workflow says in its database, and Argo has archived the logs."""
    api()  # skipped without a kubeconfig
    with deployed(Deployment(ttl_hours=20 * SECOND)):

        @dsl.pipeline(name="short", pipeline_config=run_limits())
        def short(text: str):  # type: ignore[no-untyped-def]
            say(text=text).set_caching_options(False)

    Compiler().compile(short, str(tmp_path / "short.yaml"))
    started = client().create_run_from_pipeline_package(
        str(tmp_path / "short.yaml"), {"text": text}, experiment_name="speechmill", namespace=NAMESPACE
    )
    client().wait_for_run_completion(started.run_id, timeout=300, sleep_duration=1)
    shown, logs = ([*command, started.run_id] for command in (["runs", "show"], ["runs", "logs"]))
    before = succeed(*shown), succeed(*logs, "say")
    assert state in before[0] and f"say | {text}" in before[1]
    assert ("it is ill" in before[0]) == (text == "ill")
    wait_for(lambda: not has_workflow(started.run_id))
    assert (succeed(*shown), succeed(*logs, "say")) == before
    assert speechmill("runs", "wait", started.run_id).returncode == (text == "ill")
