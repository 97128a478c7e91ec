"""What the components change in Kubeflow's own objects. Stand-ins have their names and the fields that change."""

from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from tests.manifests.rendering import Document, find, render


def deployment(name: str, container: str, variables: dict[str, str]) -> Document:
    environment = [{"name": key, "value": value} for key, value in variables.items()]
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": container, "image": "i:1", "env": environment}]}}
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "kubeflow"}, "spec": spec}


KUBEFLOW = [
    {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "workflow-controller-configmap", "namespace": "kubeflow"},
        "data": {
            "artifactRepository": "archiveLogs: true\n",
            "executor": "imagePullPolicy: IfNotPresent\n",
            "workflowDefaults": "spec: {}\n",
        },
    },
    deployment("workflow-controller", "workflow-controller", {"TRANSIENT_ERROR_PATTERN": "evict"}),
    deployment("ml-pipeline", "ml-pipeline-api-server", {"DEFAULTPIPELINERUNNERSERVICEACCOUNT": "pipeline-runner", "LOG_LEVEL": "info"}),
]


def tuned(manifests: Path, *components: str) -> list[Document]:
    folder = manifests.parent / "-".join(components)
    folder.mkdir(exist_ok=True)
    (folder / "kubeflow.yaml").write_text(yaml.safe_dump_all(KUBEFLOW))
    parts = {"resources": ["kubeflow.yaml"], "components": [f"../manifests/components/{name}" for name in components]}
    (folder / "kustomization.yaml").write_text(
        yaml.safe_dump({"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"} | parts)
    )
    return render(folder)


def variables(documents: list[Document], name: str) -> dict[str, str]:
    (container,) = find(documents, "Deployment", name)["spec"]["template"]["spec"]["containers"]
    return {v["name"]: v["value"] for v in container["env"]}


def test_tuning_changes_only_what_it_documents(manifests: Path) -> None:
    documents = tuned(manifests, "kubeflow-tuning")
    for document in documents:
        kubernetes_validate.validate(document, "1.34", strict=True)
    assert variables(documents, "workflow-controller") == {"TRANSIENT_ERROR_PATTERN": "evict", "DEFAULT_REQUEUE_TIME": "1s"}
    assert variables(documents, "ml-pipeline") == {"DEFAULTPIPELINERUNNERSERVICEACCOUNT": "speechmill-runner", "LOG_LEVEL": "info"}
    data = find(documents, "ConfigMap", "workflow-controller-configmap")["data"]
    assert {key: data[key] for key in ("artifactRepository", "executor")} == {
        key: text for key, text in KUBEFLOW[0]["data"].items() if key != "workflowDefaults"
    }


@pytest.mark.parametrize(
    ("components", "retry"),
    [
        (("kubeflow-tuning",), {"limit": "2", "retryPolicy": "OnError"}),
        (("kubeflow-tuning", "retry-failures"), {"limit": "0", "retryPolicy": "Always"}),
    ],
)
def test_the_defaults_for_argo_have_our_priority_class_and_retries(
    manifests: Path, rendered: dict[str, list[Document]], components, retry
) -> None:
    data = find(tuned(manifests, *components), "ConfigMap", "workflow-controller-configmap")["data"]
    spec = yaml.safe_load(data["workflowDefaults"])["spec"]
    assert spec["templateDefaults"]["retryStrategy"] == retry
    assert find(rendered["cpu"], "PriorityClass", spec["podPriorityClassName"])["value"] < 0
