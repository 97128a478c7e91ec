"""The pods of a run, for those who have the cluster's kubeconfig."""

import json
import os
import time

import pytest
from kubernetes import client, config

from tests.cluster.runs import NAMESPACE


def api() -> client.CoreV1Api:
    """The cluster itself; the test is skipped without a kubeconfig."""
    if not os.environ.get("KUBECONFIG"):
        pytest.skip("no KUBECONFIG: pods cannot be looked at")
    config.load_kube_config()
    return client.CoreV1Api()


def pods(run: str, stage: str) -> list[client.V1Pod]:
    """Pods in which a stage of a run worked or works; tasks from the cache have none."""
    return api().list_namespaced_pod(NAMESPACE, label_selector=f"pipeline/runid={run},speechmill/stage={stage}").items


def input_uri(pod: client.V1Pod, name: str) -> str:
    """Where an input of a stage lies, as Kubeflow's metadata and its launcher have it."""
    (main,) = [container for container in pod.spec.containers if container.name == "main"]
    words = [*(main.command or []), *(main.args or [])]
    task = json.loads(words[words.index("--executor_input") + 1])
    return str(task["inputs"]["artifacts"][name]["artifacts"][0]["uri"])


def kill(run: str, stage: str, within_seconds: float = 300) -> str:
    """Takes a pod away while its stage works, as a lost node does; returns its name."""
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        for pod in pods(run, stage):
            statuses = pod.status.container_statuses or []
            if pod.status.phase == "Running" and any(s.name == "main" and s.state.running for s in statuses):
                time.sleep(2)  # in the middle of its work
                api().delete_namespaced_pod(pod.metadata.name, NAMESPACE, grace_period_seconds=0)
                return pod.metadata.name
        time.sleep(0.5)
    raise AssertionError(f"no pod of {stage} ran within {within_seconds} s")
