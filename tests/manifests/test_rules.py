"""Rules that every rendered overlay follows."""

import base64
import re
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from components import deployment
from components.deployment import ROOT, Deployment, deployed
from components.discover.component import discover
from components.publish.component import publish
from pipelines.dataset import STAGES, STORE
from pipelines.local.images import models_name
from store.init import ROLES, secret_variable
from store.minio import bucket_name
from tests.manifests.rendering import OVERLAYS, Document, find, prepare, render, run_prepare

overlays = pytest.mark.parametrize("overlay", OVERLAYS)
JOBS = {"speechmill-init", "speechmill-models"}


def pods(documents: list[Document]) -> dict[str, Document]:
    """The pod templates of an overlay, by the name of their StatefulSet, Job or Deployment."""
    return {d["metadata"]["name"]: d["spec"]["template"] for d in documents if d["kind"] in ("StatefulSet", "Job", "Deployment")}


@overlays
@pytest.mark.parametrize("version", ["1.30", "1.34", kubernetes_validate.latest_version()])
def test_every_document_is_valid_for_kubernetes(rendered: dict[str, list[Document]], overlay: str, version: str) -> None:
    for document in rendered[overlay]:
        kubernetes_validate.validate(document, version, strict=True)


def test_validation_sees_a_misspelt_field(rendered: dict[str, list[Document]]) -> None:
    document = find(rendered["cpu"], "StatefulSet", "speechmill-minio")
    wrong = document | {"spec": document["spec"] | {"replica": 2}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.34", strict=True)


@overlays
def test_every_container_has_limits_and_no_privileges(rendered: dict[str, list[Document]], overlay: str) -> None:
    found = pods(rendered[overlay])
    assert set(found) == JOBS | ({"speechmill-minio"} if overlay != "external-minio" else set())
    for name, template in found.items():
        pod = template["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == deployment.USER_ID
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            for bound in ("requests", "limits"):
                assert set(container["resources"][bound]) == {"cpu", "memory", "ephemeral-storage"}
            if name in JOBS:  # a job ends by itself
                assert "activeDeadlineSeconds" in find(rendered[overlay], "Job", name)["spec"]
            else:
                assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container)


@overlays
def test_every_image_has_an_immutable_tag(rendered: dict[str, list[Document]], overlay: str) -> None:
    images = [c["image"] for template in pods(rendered[overlay]).values() for c in template["spec"]["containers"]]
    assert images
    for image in images:
        assert re.fullmatch(r"speechmill/(publish|models|minio):[0-9a-f]{12,16}", image)


@overlays
def test_every_config_map_and_secret_that_tasks_use_exists(rendered: dict[str, list[Document]], overlay: str) -> None:
    """Names and keys are compared with those in compiled pipelines."""
    have = {
        (d["kind"], d["metadata"]["name"]): set(d["data"])
        for d in rendered[overlay]
        if d["kind"] in ("ConfigMap", "Secret") and "data" in d
    }
    assert have["ConfigMap", deployment._STORE_CONFIG] == {"endpoint", "region"}
    for role in ROLES:
        assert have["Secret", f"speechmill-{role}"] == {"accesskey", "secretkey"}
    for template in pods(rendered[overlay]).values():
        for container in template["spec"]["containers"]:
            for variable in container["env"]:
                for kind, reference in variable.get("valueFrom", {}).items():
                    wanted = {"configMapKeyRef": "ConfigMap", "secretKeyRef": "Secret"}[kind]
                    assert reference["key"] in have[wanted, reference["name"]]


@overlays
def test_the_secrets_name_the_users_that_the_job_makes(rendered: dict[str, list[Document]], overlay: str) -> None:
    (job,) = find(rendered[overlay], "Job", "speechmill-init")["spec"]["template"]["spec"]["containers"]
    *_, module, uri = job["command"]
    given = {v["name"]: v["valueFrom"]["secretKeyRef"]["name"] for v in job["env"] if "secretKeyRef" in v["valueFrom"]}
    assert module == "store.init"
    for role in ROLES:
        user = f"{bucket_name(uri)}-{role}"
        assert base64.b64decode(find(rendered[overlay], "Secret", f"speechmill-{role}")["data"]["accesskey"]).decode() == user
        assert given[secret_variable(role)] == f"speechmill-{role}"


@overlays
def test_the_root_user_puts_models_where_pipelines_look_for_them(rendered: dict[str, list[Document]], overlay: str) -> None:
    (job,) = find(rendered[overlay], "Job", "speechmill-models")["spec"]["template"]["spec"]["containers"]
    assert job["command"] == ["python", "-m", "store.bundled", STORE]
    assert {v["valueFrom"]["secretKeyRef"]["name"] for v in job["env"] if "secretKeyRef" in v["valueFrom"]} == {"speechmill-minio-root"}


def test_the_network_labels_of_all_stages_have_policies(rendered: dict[str, list[Document]]) -> None:
    networks = {"internet" if s.needs.internet else "store" if s.needs.store else "none" for s in STAGES}
    (selected,) = find(rendered["cpu"], "NetworkPolicy", "speechmill-tasks")["spec"]["podSelector"]["matchExpressions"]
    assert selected["key"] == "speechmill/network"
    assert networks <= set(selected["values"])


@overlays
def test_the_launcher_finds_the_store(rendered: dict[str, list[Document]], overlay: str) -> None:
    """Kubeflow's driver reads `providers` as YAML with the fields of its S3ProviderConfig."""
    launcher = find(rendered[overlay], "ConfigMap", "kfp-launcher")["data"]
    store = find(rendered[overlay], "ConfigMap", "speechmill-store")["data"]
    scheme, _, host = store["endpoint"].partition("://")
    assert launcher["defaultPipelineRoot"] == "s3://speechmill/runs"
    assert yaml.safe_load(launcher["providers"]) == {
        "s3": {
            "default": {
                "endpoint": host,
                "region": store["region"],
                "disableSSL": scheme == "http",
                "forcePathStyle": True,
                "credentials": {
                    "fromEnv": False,
                    "secretRef": {"secretName": "speechmill-runner", "accessKeyKey": "accesskey", "secretKeyKey": "secretkey"},
                },
            }
        }
    }


def test_the_endpoint_of_the_store_is_its_service(rendered: dict[str, list[Document]]) -> None:
    documents = rendered["cpu"]
    service, server = find(documents, "Service", "speechmill-minio"), find(documents, "StatefulSet", "speechmill-minio")
    endpoint = find(documents, "ConfigMap", "speechmill-store")["data"]["endpoint"]
    assert endpoint == f"http://{service['metadata']['name']}.{service['metadata']['namespace']}.svc:{service['spec']['ports'][0]['port']}"
    labels = server["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    assert service["spec"]["ports"][0]["targetPort"] in [p["name"] for p in server["spec"]["template"]["spec"]["containers"][0]["ports"]]


@overlays
def test_one_line_changes_the_namespace_everywhere(tmp_path: Path, overlay: str) -> None:
    documents = render(prepare(tmp_path, namespace="team-a") / "overlays" / overlay)
    assert {d["metadata"].get("namespace") for d in documents if d["kind"] != "PriorityClass"} == {"team-a"}
    text = yaml.safe_dump_all(documents)
    assert "kubeflow" not in text
    assert ("speechmill-minio.team-a.svc:9000" in text) == (overlay != "external-minio")


def test_the_manifests_contain_no_namespace_object(rendered: dict[str, list[Document]]) -> None:
    assert not [d for documents in rendered.values() for d in documents if d["kind"] == "Namespace"]


def test_tasks_may_read_only_one_secret(rendered: dict[str, list[Document]]) -> None:
    rules = find(rendered["cpu"], "Role", "speechmill-runner")["rules"]
    assert [r["resourceNames"] for r in rules if "secrets" in r["resources"]] == [["speechmill-runner"]]
    assert {verb for r in rules if "pods" in r["resources"] for verb in r["verbs"]} == {"get"}
    assert not [r for r in rules if "*" in r["resources"] + r["verbs"] + r["apiGroups"]]


def test_secrets_are_generated_once_and_only_their_owner_can_read_them(tmp_path: Path) -> None:
    manifests = prepare(tmp_path)
    folder = manifests / "base" / "secrets"
    examples = {p.with_suffix("").name for p in folder.glob("*.env.example")}
    drawn = {p.name: p.read_text() for p in folder.glob("*.env")}
    assert set(drawn) == examples == {"root.env", "publisher.env", "runner.env", "reader.env"}
    keys = [dict(line.split("=", 1) for line in text.splitlines())["secretkey"] for text in drawn.values()]
    assert len(set(keys)) == 4
    assert all(re.fullmatch("[0-9a-f]{40}", key) for key in keys)  # MinIO takes 8 to 40 characters
    assert all(p.stat().st_mode & 0o777 == 0o600 for p in folder.glob("*.env"))
    run_prepare(manifests)
    assert {p.name: p.read_text() for p in folder.glob("*.env")} == drawn


def test_secret_values_are_only_in_secrets(manifests: Path, rendered: dict[str, list[Document]]) -> None:
    keys = [p.read_text().split("secretkey=")[1].strip() for p in (manifests / "base" / "secrets").glob("*.env")]
    for documents in rendered.values():
        for document in documents:
            plain = yaml.safe_dump(document)
            assert not [key for key in keys if key in plain]
            if document["kind"] != "Secret":
                assert not [key for key in keys if base64.b64encode(key.encode()).decode() in plain]


def test_git_has_no_secret() -> None:
    tracked = subprocess.run(["git", "ls-files", "manifests"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert not [path for path in tracked if path.endswith(".env") or path.startswith("manifests/images/")]
    examples = [ROOT / path for path in tracked if path.endswith(".env.example")]
    assert examples
    assert all(path.read_text().endswith("\nsecretkey=\n") for path in examples)
    for path in ("manifests/base/secrets/root.env", "manifests/images/kustomization.yaml"):
        assert subprocess.run(["git", "check-ignore", "--quiet", path], cwd=ROOT).returncode == 0


def test_images_come_from_the_given_registry(tmp_path: Path) -> None:
    manifests = prepare(tmp_path, "--registry", "registry.example.org:5000/team", "--minio", "quay.example.org/minio:1.2")
    found = pods(render(manifests / "overlays" / "gpu"))
    with deployed(Deployment(registry="registry.example.org:5000/team/")):
        assert found["speechmill-init"]["spec"]["containers"][0]["image"] == publish.image
        assert found["speechmill-models"]["spec"]["containers"][0]["image"] == models_name()
    assert found["speechmill-minio"]["spec"]["containers"][0]["image"] == "quay.example.org/minio:1.2"


def test_a_shard_fits_on_the_disk_of_a_task(rendered: dict[str, list[Document]]) -> None:
    """A default shard in stereo and in mono, uncompressed, twice. A task's pod has two containers with a limit each."""
    (limit,) = find(rendered["cpu"], "LimitRange", "speechmill")["spec"]["limits"]
    pod_bytes = 2 * int(limit["default"]["ephemeral-storage"].removesuffix("Gi")) * 2**30
    assert pod_bytes > 2 * discover.settings["shard_seconds"].default * 44100 * 2 * (2 + 1)
