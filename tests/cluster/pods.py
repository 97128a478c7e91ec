"""Looks at the pods of a run. Needs the cluster's kubeconfig."""

import json
import os
import time

import pytest
from kubernetes import client, config

from tests.cluster.runs import NAMESPACE


def api() -> client.CoreV1Api:
    """A client for the cluster's API; skips the test without a kubeconfig."""
    if not os.environ.get("KUBECONFIG"):
        pytest.skip("no KUBECONFIG: the test cannot list pods")
    config.load_kube_config()
    return client.CoreV1Api()


def pods(run: str, stage: str) -> list[client.V1Pod]:
    """All pods of a stage in a run, finished ones included. A task from the cache has none."""
    return api().list_namespaced_pod(NAMESPACE, label_selector=f"pipeline/runid={run},speechmill/stage={stage}").items


def has_workflow(run: str) -> bool:
    """Whether Kubernetes still has the Workflow of a run, or one of its pods."""
    label = f"pipeline/runid={run}"
    found = client.CustomObjectsApi(api().api_client).list_namespaced_custom_object(
        "argoproj.io", "v1alpha1", NAMESPACE, "workflows", label_selector=label
    )
    return bool(found["items"] or api().list_namespaced_pod(NAMESPACE, label_selector=label).items)


def input_uri(pod: client.V1Pod, name: str) -> str:
    """The URI of a stage's input, from the command of its launcher."""
    (main,) = [container for container in pod.spec.containers if container.name == "main"]
    words = [*(main.command or []), *(main.args or [])]
    task = json.loads(words[words.index("--executor_input") + 1])
    return str(task["inputs"]["artifacts"][name]["artifacts"][0]["uri"])


def kill(run: str, stage: str, within_seconds: float = 300) -> str:
    """Deletes a pod while its stage runs, as a lost node would; returns its name."""
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
