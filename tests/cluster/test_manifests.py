"""The manifests on a real API server: every overlay is accepted, and `cpu` is deployed in a namespace of its own.

Needs kubectl on PATH or in KUBECTL, and a cluster with the images of `publish`, `models` and MinIO (MINIO_IMAGE names another MinIO
image). On a cluster without a StorageClass the tests must run on the cluster's own machine.
"""

import io
import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import compiler, dsl
from minio import Minio, S3Error

from components.publish.component import publish
from pipelines.inputs.slots import SLOTS, bundled
from store.datasets import DatasetStore
from store.models import ModelStore
from store.objects import open_store
from tests.cluster.runs import client
from tests.http_server import free_port
from tests.manifests.rendering import OVERLAYS, Document, find, prepare, render

KUBEFLOW = os.environ.get("KFP_NAMESPACE", "kubeflow")
NAMESPACE = f"speechmill-test-{secrets.token_hex(3)}"
IMAGE = ["--minio", os.environ["MINIO_IMAGE"]] if os.environ.get("MINIO_IMAGE") else []
Kubectl = Callable[..., str]


@pytest.fixture(scope="module")
def kubectl() -> Kubectl:
    program = os.environ.get("KUBECTL") or shutil.which("kubectl")
    if not program or not os.environ.get("KUBECONFIG"):
        pytest.skip("no kubectl: KUBECONFIG not set, or kubectl neither on PATH nor in KUBECTL")

    def call(*arguments: str, documents: list[Document] | None = None) -> str:
        text = yaml.safe_dump_all(documents) if documents is not None else None
        done = subprocess.run([program, *arguments], input=text, capture_output=True, text=True)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    return call


def apply(kubectl: Kubectl, documents: list[Document], *options: str) -> None:
    kubectl("apply", "--server-side", "--force-conflicts", "--field-manager=speechmill-test", *options, "--filename=-", documents=documents)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_api_server_accepts_an_overlay_as_it_is(kubectl: Kubectl, tmp_path: Path, overlay: str) -> None:
    apply(kubectl, render(prepare(tmp_path, *IMAGE) / "overlays" / overlay), "--dry-run=server")


@pytest.fixture(scope="module")
def applied(kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Document]]:
    """Applies the overlay `cpu` in a namespace of its own; its documents. Everything is deleted at the end."""
    folder = tmp_path_factory.mktemp("applied")
    documents = render(prepare(folder, *IMAGE, namespace=NAMESPACE) / "overlays" / "cpu")
    shared = [d for d in documents if d["kind"] == "PriorityClass"]
    ours = [d for d in shared if d["metadata"]["name"] not in kubectl("get", "priorityclass", "--output=name")]
    kubectl("create", "namespace", NAMESPACE)
    try:
        volume = _volume(folder) if not json.loads(kubectl("get", "storageclass", "--output=json"))["items"] else []
        apply(kubectl, volume + [d for d in documents if d not in shared] + ours)
        yield documents
    finally:
        kubectl("delete", "namespace", NAMESPACE)
        for left in [*ours, *volume]:
            kubectl("delete", left["kind"], left["metadata"]["name"])


def _volume(folder: Path) -> list[Document]:
    """A persistent volume in a folder of this machine, for a cluster that provides no volumes."""
    data = folder / "volume"
    data.mkdir()
    for path in (data, *data.parents[:3]):  # pytest creates folders that other users, such as the server's, cannot enter
        path.chmod(0o777 if path == data else 0o755)
    spec: dict[str, Any] = {
        "capacity": {"storage": "20Gi"},
        "accessModes": ["ReadWriteOnce"],
        "hostPath": {"path": str(data)},
        "claimRef": {"namespace": NAMESPACE, "name": "data-speechmill-minio-0"},
    }
    return [{"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": NAMESPACE}, "spec": spec}]


@pytest.fixture(scope="module")
def store(kubectl: Kubectl, applied: list[Document]) -> list[Document]:
    """The same, after the server is ready and both Jobs are complete."""
    _await(kubectl, "Job", "speechmill-init", "condition=complete")
    _await(kubectl, "Job", "speechmill-models", "condition=complete")
    _await(kubectl, "Pod", "speechmill-minio-0", "condition=Ready")
    return applied


def _await(kubectl: Kubectl, kind: str, name: str, state: str) -> None:
    try:
        kubectl("--namespace", NAMESPACE, "wait", f"--for={state}", "--timeout=180s", f"{kind}/{name}")
    except AssertionError as error:
        events = kubectl("--namespace", NAMESPACE, "get", "events", "--sort-by=.lastTimestamp")
        raise AssertionError(f"{error}\n{events}") from None


@contextmanager
def _forwarded(kubectl: Kubectl) -> Iterator[str]:
    """Forwards a local port to the server; host and port."""
    program = os.environ.get("KUBECTL") or shutil.which("kubectl")
    assert program
    port = free_port()
    command = [program, "--namespace", NAMESPACE, "port-forward", "service/speechmill-minio", f"{port}:9000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert "Forwarding" in process.stdout.readline()
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()


def _secret(kubectl: Kubectl, name: str) -> Mapping[str, str]:
    template = "--output=go-template={{range $k, $v := .data}}{{$k}}={{$v | base64decode}}\n{{end}}"
    text = kubectl("--namespace", NAMESPACE, "get", "secret", name, template)
    return dict(line.split("=", 1) for line in text.splitlines())


def test_each_user_can_write_only_the_keys_of_its_role(kubectl: Kubectl, store: list[Document], monkeypatch: pytest.MonkeyPatch) -> None:
    with _forwarded(kubectl) as host:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}")
        users = (("speechmill-publisher", "datasets/a/x"), ("speechmill-runner", "runs/x"), ("speechmill-reader", None))
        for name, may in users:
            keys = _secret(kubectl, name)
            server = Minio(host, keys["accesskey"], keys["secretkey"], secure=False, region="us-east-1")
            for key in ("datasets/a/x", "runs/x", "models/x", "x"):
                allowed = _writes(server, key)
                assert allowed == (key == may), (name, key)
        keys = _secret(kubectl, "speechmill-publisher")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys["accesskey"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys["secretkey"])
        assert DatasetStore(open_store("s3://speechmill"), "a").versions() == []
        assert [ModelStore(open_store("s3://speechmill"), slot.folder).model(slot.bundled) for slot in SLOTS.values()] == [
            bundled(slot) for slot in SLOTS.values()
        ]


def _writes(server: Minio, key: str) -> bool:
    try:
        server.put_object("speechmill", key, io.BytesIO(b"sound"), 5)
    except S3Error as error:
        assert error.code == "AccessDenied"
        return False
    return True


def test_objects_survive_a_restart_of_the_server(kubectl: Kubectl, store: list[Document]) -> None:
    keys = _secret(kubectl, "speechmill-runner")
    with _forwarded(kubectl) as host:
        assert _writes(Minio(host, keys["accesskey"], keys["secretkey"], secure=False, region="us-east-1"), "runs/kept")
    kubectl("--namespace", NAMESPACE, "delete", "pod", "speechmill-minio-0")
    _await(kubectl, "StatefulSet", "speechmill-minio", "jsonpath={.status.readyReplicas}=1")
    with _forwarded(kubectl) as host:
        server = Minio(host, keys["accesskey"], keys["secretkey"], secure=False, region="us-east-1")
        assert server.get_object("speechmill", "runs/kept").read() == b"sound"


def test_applying_the_same_manifests_again_changes_nothing(kubectl: Kubectl, store: list[Document]) -> None:
    mine = [d for d in store if d["kind"] not in ("PriorityClass", "Secret")]
    before = _generations(kubectl, mine)
    apply(kubectl, mine)
    assert _generations(kubectl, mine) == before


def _generations(kubectl: Kubectl, documents: list[Document]) -> dict[str, Any]:
    found = json.loads(kubectl("--namespace", NAMESPACE, "get", "--output=json", "--filename=-", documents=documents))["items"]
    return {f"{d['kind']} {d['metadata']['name']}": d["metadata"].get("generation", 0) for d in found}


@pytest.mark.parametrize(
    ("verb", "what", "may"),
    [
        ("get", "secret/speechmill-runner", True),
        ("get", "configmap/kfp-launcher", True),
        ("get", "pods", True),
        ("create", "workflowtaskresults.argoproj.io", True),
        ("get", "secret/speechmill-publisher", False),
        ("get", "secret/speechmill-minio-root", False),
        ("list", "secrets", False),
        ("create", "pods", False),
        ("create", "pods/exec", False),
        ("create", "jobs.batch", False),
    ],
)
def test_the_service_account_of_tasks_has_only_its_rights(
    kubectl: Kubectl, applied: list[Document], verb: str, what: str, may: bool
) -> None:
    who = f"--as=system:serviceaccount:{NAMESPACE}:speechmill-runner"
    try:
        answer = kubectl("--namespace", NAMESPACE, "auth", "can-i", verb, what, who)
    except AssertionError as error:  # "no" is also its exit status
        answer = "no" if ": no" in str(error) else str(error)
    assert answer.strip() == ("yes" if may else "no")


def test_a_container_without_a_disk_request_gets_the_default(kubectl: Kubectl, store: list[Document]) -> None:
    (limit,) = find(store, "LimitRange", "speechmill")["spec"]["limits"]
    container = {"name": "a", "image": find(store, "Job", "speechmill-init")["spec"]["template"]["spec"]["containers"][0]["image"]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bounded", "namespace": NAMESPACE}, "spec": {"containers": [container]}}
    made = json.loads(kubectl("create", "--dry-run=server", "--output=json", "--filename=-", documents=[pod]))
    resources = made["spec"]["containers"][0]["resources"]
    assert resources["limits"] == limit["default"]
    assert resources["requests"] == limit["defaultRequest"]


@dsl.container_component
def write(text: str, made: dsl.Output[dsl.Dataset]):  # type: ignore[no-untyped-def]
    command = [
        "python",
        "-c",
        "import pathlib, sys; p = pathlib.Path(sys.argv[1]); p.mkdir(parents=True); (p / 'a').write_text(sys.argv[2])",
    ]
    return dsl.ContainerSpec(image=publish.image, command=command, args=[made.path, text])


@dsl.container_component
def read(made: dsl.Input[dsl.Dataset], text: str):  # type: ignore[no-untyped-def]
    command = ["python", "-c", "import pathlib, sys; assert (pathlib.Path(sys.argv[1]) / 'a').read_text() == sys.argv[2]"]
    return dsl.ContainerSpec(image=publish.image, command=command, args=[made.path, text])


@dsl.pipeline(name="least-privilege")
def least_privilege(text: str):  # type: ignore[no-untyped-def]
    with dsl.ParallelFor(["a", "b"], parallelism=2):
        read(made=write(text=text).output, text=text)


@pytest.fixture
def account(kubectl: Kubectl, applied: list[Document]) -> Iterator[str]:
    """Copies the service account of runs and its role to Kubeflow's namespace, for the secret that its launcher uses there."""
    documents = [find(applied, kind, "speechmill-runner") for kind in ("ServiceAccount", "Role", "RoleBinding")]
    launcher = yaml.safe_load(
        json.loads(kubectl("--namespace", KUBEFLOW, "get", "configmap", "kfp-launcher", "--output=json"))["data"]["providers"]
    )
    secret = launcher["s3"]["default"]["credentials"]["secretRef"]["secretName"]
    text = (
        yaml.safe_dump_all(documents).replace("speechmill-runner", NAMESPACE).replace(f"namespace: {NAMESPACE}", f"namespace: {KUBEFLOW}")
    )
    copies = list(yaml.safe_load_all(text))
    for rule in copies[1]["rules"]:
        if rule["resources"] == ["secrets"]:
            rule["resourceNames"] = [secret]
    apply(kubectl, copies)
    yield NAMESPACE
    for copy in copies:
        kubectl("--namespace", KUBEFLOW, "delete", copy["kind"], copy["metadata"]["name"])


def test_a_run_succeeds_with_only_the_rights_of_its_role(account: str, tmp_path: Path) -> None:
    """The run uses driver, launcher and Argo's executor: a loop whose tasks write and read artifacts."""
    compiled = tmp_path / "pipeline.yaml"
    compiler.Compiler().compile(least_privilege, str(compiled))
    kubeflow = client()
    run = kubeflow.create_run_from_pipeline_package(
        str(compiled), {"text": NAMESPACE}, run_name=NAMESPACE, namespace=KUBEFLOW, service_account=account, enable_caching=False
    )
    try:
        assert kubeflow.wait_for_run_completion(run.run_id, timeout=300, sleep_duration=3).state == "SUCCEEDED"
    finally:
        kubeflow.delete_run(run.run_id)
