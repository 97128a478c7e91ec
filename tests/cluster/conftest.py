"""Tests against a real Kubeflow. The Makefile explains what `make test-cluster` needs."""

import contextlib
import json
import os
import secrets
import socket
import threading
import urllib.parse
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from kubernetes.client import ApiException
from playwright.sync_api import Page

from store.init import ROLES, initialize
from store.interface import StoreError
from tests.browser import chromium
from tests.cluster.pods import api
from tests.cluster.runs import NAMESPACE, STORE, ClusterDataset
from tests.end_to_end.runs import Server, speechmill

WANTED = ("KFP_HOST", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.fixture(autouse=True, scope="session")
def _a_cluster() -> None:
    if absent := [name for name in WANTED if not os.environ.get(name)]:
        pytest.skip(f"no cluster: {', '.join(absent)} not set")


@pytest.fixture(autouse=True, scope="session")
def _a_store(_a_cluster: None, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Creates the store's ConfigMap and its users' secrets in the namespace of runs, as manifests/ do. Existing ones stay.

    The users get the permissions of this checkout: another one may have made them.
    """
    if not os.environ.get("KUBECONFIG"):
        return
    cluster = api()
    try:
        cluster.read_namespaced_config_map("speechmill-store", NAMESPACE)
        with contextlib.suppress(StoreError):  # whoever is not the store's root user cannot set permissions
            initialize(STORE)
    except ApiException as error:
        assert error.status == 404
        launcher = yaml.safe_load(cluster.read_namespaced_config_map("kfp-launcher", NAMESPACE).data["providers"])["s3"]["default"]
        data = {"endpoint": f"http{'' if launcher['disableSSL'] else 's'}://{launcher['endpoint']}", "region": launcher["region"]}
        folder, bucket = tmp_path_factory.mktemp("users"), STORE.removeprefix("s3://")
        initialize(STORE, folder, renew=True)
        for role in ROLES:
            cluster.create_namespaced_secret(NAMESPACE, json.loads((folder / f"{bucket}-{role}.yaml").read_text()))
        cluster.create_namespaced_config_map(NAMESPACE, {"metadata": {"name": "speechmill-store"}, "data": data})


@pytest.fixture
def dataset() -> ClusterDataset:
    """A dataset with a name of its own."""
    return ClusterDataset(f"test-{secrets.token_hex(4)}")


@pytest.fixture
def schedule(dataset: ClusterDataset) -> Iterator[str]:
    """A name for a schedule; a schedule of this name is removed after the test."""
    yield dataset.name
    speechmill("schedule", "remove", dataset.name)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Serves a folder to the cluster's pods, on the address of this machine that connects to the cluster."""
    host = urllib.parse.urlsplit(os.environ["KFP_HOST"])
    with socket.create_connection((host.hostname or "", host.port or 80)) as connection:
        address = connection.getsockname()[0]
    served = Server(tmp_path / "served")
    served.folder.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            served.requests.append(self.path)

    with ThreadingHTTPServer((address, 0), partial(Handler, directory=str(served.folder))) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        served.url = f"http://{address}:{http.server_port}"
        yield served
        http.shutdown()


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of a browser on this machine."""
    if not os.environ.get("KFP_UI"):
        pytest.skip("no KFP_UI: the address of Kubeflow's web page")
    with chromium() as browser:
        yield browser.new_page(viewport={"width": 1280, "height": 900})
