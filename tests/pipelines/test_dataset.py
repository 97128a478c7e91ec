"""The compiled pipeline's graph: what depends on what, which parameters a person can set, and what Kubernetes is told of each stage."""

import json
from typing import Any

import pytest
from google.protobuf import json_format

from components.deployment import LOCAL, ROOT, Deployment
from pipelines.dataset import SHARDS_AT_ONCE, STAGES, build

GPU = Deployment("registry.example/team/", gpu=True)
AZURE = Deployment(azure=True)
STORE = {"endpoint": "AWS_ENDPOINT_URL", "region": "AWS_REGION"}
KEYS = {"accesskey": "AWS_ACCESS_KEY_ID", "secretkey": "AWS_SECRET_ACCESS_KEY"}
COOKIES = {"speechmill-cookies": {"cookies": "SPEECHMILL_COOKIES"}}
TOKENS = {"speechmill-po-tokens": {"server": "SPEECHMILL_PO_TOKEN_SERVER"}}
LOGINS = {"speechmill-logins": {"logins": "SPEECHMILL_LOGINS"}}
PUBLISHER, RUNNER, READER = ({f"speechmill-{user}": KEYS} for user in ("publisher", "runner", "reader"))
PODS: dict[str, tuple[str, dict[str, dict[str, str]]]] = {
    "discover": ("internet", PUBLISHER | LOGINS),
    "download": ("internet", RUNNER | LOGINS | COOKIES | TOKENS),
    "fingerprint": ("none", {}),
    "separate": ("none", {}),
    "segment": ("none", {}),
    "diarize": ("none", {}),
    "extract": ("none", {}),
    "cut": ("none", {}),
    "denoise": ("none", {}),
    "tag_speaker": ("none", {}),
    "tag_tone": ("none", {}),
    "tag_quality": ("none", {}),
    "tag_events": ("none", {}),
    "transcribe": ("none", {}),
    "collect": ("store", PUBLISHER),
    "publish": ("store", PUBLISHER),
    "report": ("store", READER),
}
"""What network and which secrets a stage's pod has."""
WITH_AZURE = {"transcribe": ("internet", {"speechmill-azure": {"key": "AZURE_SPEECH_KEY", "endpoint": "AZURE_SPEECH_ENDPOINT"}})}
"""Whose pods have others where Azure writes the transcripts."""
UNCACHED = ("discover", "collect", "publish", "report")
IMPORTERS = ("importer", "importer-2", "importer-3", "importer-4", "importer-5", "importer-6", "importer-7")
SLOTS_IN_ORDER = (
    "separate_model",
    "extract_model",
    "tag_tone_model",
    "transcribe_model",
    "transcribe_second_model",
    "reference",
    "separate_effects",
)


def spec(deployment: Deployment = LOCAL) -> dict[str, Any]:
    return json_format.MessageToDict(build(deployment).pipeline_spec)


def pods(deployment: Deployment) -> dict[str, dict[str, Any]]:
    """What Kubernetes is told of each executor, by its name: the container, and the settings of its pod."""
    pipeline = build(deployment)
    executors = json_format.MessageToDict(pipeline.pipeline_spec)["deploymentSpec"]["executors"]
    containers = {name: executor for name, executor in executors.items() if "container" in executor}
    assert executors.keys() - containers.keys() == {f"exec-{name}" for name in IMPORTERS}  # Kubeflow's own pods
    platform = json_format.MessageToDict(pipeline.platform_spec)["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert containers.keys() == platform.keys()
    return {name.removeprefix("exec-"): containers[name]["container"] | platform[name] for name in containers}


def stage_of(executor: str) -> str:
    return executor.removesuffix("-2").replace("-", "_")


def environment(sources: list[dict[str, Any]], name: str, key: str) -> dict[str, dict[str, str]]:
    return {source[name]: {entry[key]: entry["envVar"] for entry in source["keyToEnv"]} for source in sources}


def graph(dag: dict[str, Any]) -> dict[str, list[str]]:
    names = {name: task["taskInfo"]["name"] for name, task in dag["tasks"].items()}
    return {names[name]: sorted(names[d] for d in task.get("dependentTasks", [])) for name, task in dag["tasks"].items()}


def flattened(component: str, dag: dict[str, Any], components: dict[str, Any]) -> dict[str, dict[str, list[str]]]:
    """The graph of a component and of all below it, by name."""
    found = {component: graph(dag)}
    for task in dag["tasks"].values():
        inner = components[task["componentRef"]["name"]]
        if "dag" in inner:
            found |= flattened(task["taskInfo"]["name"], inner["dag"], components)
    return found


def test_the_graph() -> None:
    whole = spec()
    assert flattened("dataset", whole["root"]["dag"], whole["components"]) == {
        "dataset": {"discover": [], "condition-branches-1": ["discover"]},
        "condition-branches-1": {"anything-new": [], "nothing-new": []},
        "anything-new": {**{name: [] for name in IMPORTERS}, "shards": [*IMPORTERS], "publish": ["shards"], "report": ["publish"]},
        "nothing-new": {"publish-2": [], "report-2": ["publish-2"]},
        "shards": {"shard": []},
        "shard": {
            "download": [],
            "fingerprint": ["download"],
            "separate": ["download"],
            "segment": ["separate"],
            "diarize": ["segment", "separate"],
            "cut": ["diarize", "segment", "separate"],
            "denoise": ["segment", "separate"],
            "extract": ["denoise", "diarize"],
            "tag-speaker": ["cut", "diarize"],
            "tag-tone": ["cut", "denoise", "diarize", "extract"],
            "tag-quality": ["cut", "denoise", "extract"],
            "tag-events": ["cut", "download"],
            "transcribe": ["cut", "denoise", "extract"],
            "collect": [
                "cut",
                "denoise",
                "diarize",
                "download",
                "extract",
                "fingerprint",
                "segment",
                "separate",
                "tag-events",
                "tag-quality",
                "tag-speaker",
                "tag-tone",
                "transcribe",
            ],
        },
    }


def test_every_setting_of_every_stage_is_a_parameter_under_the_stage_s_name() -> None:
    parameters = spec()["root"]["inputDefinitions"]["parameters"]
    settings = {f"{stage.name}_{name}": p.default for stage in STAGES for name, p in stage.settings.items()}
    assert {n: p.get("defaultValue") for n, p in parameters.items() if n in settings} == settings
    assert set(parameters) - set(settings) == {"sources", "dataset", "store", "allow_private", *SLOTS_IN_ORDER}


def test_kubeflow_s_form_offers_a_choice_where_it_is_fixed() -> None:
    parameters = spec()["root"]["inputDefinitions"]["parameters"]
    switches = {n for n, p in parameters.items() if p["parameterType"] == "BOOLEAN"}
    assert {n: p["literals"] for n, p in parameters.items() if n in switches} == {name: [True, False] for name in switches}
    assert {"allow_private", "discover_again"} < switches
    offered = {n: p["literals"] for n, p in parameters.items() if "literals" in p and n not in switches}
    assert offered.keys() == {"diarize_engine", "segment_engine", "transcribe_engine", "transcribe_second", "transcribe_compute_type"}
    assert offered["segment_engine"] == ["smn", "sm"]
    assert offered["transcribe_engine"] == ["whisper", "vosk", "pocketsphinx", "none"], "azure would have no key"
    with_azure = spec(AZURE)["root"]["inputDefinitions"]["parameters"]
    assert with_azure["transcribe_engine"]["literals"] == ["azure", "whisper", "vosk", "pocketsphinx", "none"]


def test_a_deployment_s_labels_are_on_every_pod_and_its_limits_on_the_run() -> None:
    queue = {"kueue.x-k8s.io/queue-name": "speech"}
    deployment = Deployment(labels=queue, deadline_hours=36, ttl_hours=0.5)
    for pod in pods(deployment).values():
        assert queue.items() < pod["podMetadata"]["labels"].items()
    limits, without = (json_format.MessageToDict(build(d).platform_spec)["platforms"]["kubernetes"] for d in (deployment, LOCAL))
    ttl = {f"resourceTtlOn{end}": 1800 for end in ("Completion", "Success", "Failure")}
    assert limits["pipelineConfig"] == {"activeDeadlineSeconds": 129_600, **ttl}
    assert "pipelineConfig" not in without


def test_models_and_reference_are_imported_once_outside_the_loop_and_by_default_they_are_the_bundled_ones() -> None:
    whole = spec()
    parameters = whole["root"]["inputDefinitions"]["parameters"]
    bundled = {"models": ("speech-2stems-small", "none", "tone-4", "none", "none"), "references": ("none",), "effects": ("none",)}
    described = [
        (f"{folder}/{name}", json.loads((ROOT / "bundled" / folder / name / "model.json").read_text()))
        for folder in bundled
        for name in bundled[folder]
    ]
    assert [parameters[name]["defaultValue"] for name in SLOTS_IN_ORDER] == [f"s3://speechmill/{p}/{m['version']}" for p, m in described]
    executors = whole["deploymentSpec"]["executors"]
    for name, kind in zip(IMPORTERS, ["system.Model"] * 5 + ["system.Dataset"] * 2, strict=True):
        importer = executors[f"exec-{name}"]["importer"]
        assert importer["artifactUri"] == {"runtimeParameter": "uri"} and importer["typeSchema"]["schemaTitle"] == kind
        assert "reimport" not in importer, "the same URI is the same artifact, which the cache goes by"
    slots = [executors[f"exec-{name}"]["importer"]["metadata"]["slot"] for name in IMPORTERS]
    assert sorted(slots) == sorted(SLOTS_IN_ORDER), "two slots with the same URI are two artifacts"
    tasks = {t["taskInfo"]["name"]: t for c in whole["components"].values() for t in c.get("dag", {}).get("tasks", {}).values()}
    for stage, name, slot in (
        ("separate", "model", "separate_model"),
        ("extract", "model", "extract_model"),
        ("tag-tone", "model", "tag_tone_model"),
        ("transcribe", "model", "transcribe_model"),
        ("transcribe", "second_model", "transcribe_second_model"),
        ("diarize", "reference", "reference"),
        ("separate", "effects", "separate_effects"),
    ):
        assert tasks[stage]["inputs"]["artifacts"][name] == {"componentInputArtifact": f"pipelinechannel--{slot}"}


def test_what_differs_from_run_to_run_reaches_no_cached_task() -> None:
    for stage in STAGES:
        if stage.name not in UNCACHED:
            assert not {"run", "sources", "dataset"} & set(stage.signature.parameters), stage.name
    cached = [
        task["taskInfo"]["name"]
        for component in spec()["components"].values()
        for task in component.get("dag", {}).get("tasks", {}).values()
        if task.get("cachingOptions", {}).get("enableCache")
    ]
    assert {*UNCACHED, "publish-2", "report-2"}.isdisjoint(cached)
    assert {stage.name.replace("_", "-") for stage in STAGES if stage.name not in UNCACHED} <= set(cached)


@pytest.mark.parametrize("deployment", [LOCAL, GPU, AZURE], ids=["cpu", "gpu", "azure"])
def test_every_pod_has_its_stage_s_label_network_secrets_and_bounds_and_no_more(deployment: Deployment) -> None:
    found = pods(deployment)
    expected = PODS | (WITH_AZURE if deployment.azure else {})
    assert {stage_of(name) for name in found} == set(expected)
    for name, pod in found.items():
        stage = stage_of(name)
        network, secrets = expected[stage]
        assert pod["podMetadata"]["labels"] == {"speechmill/stage": stage, "speechmill/network": network}
        assert environment(pod.get("secretAsEnv", []), "secretName", "secretKey") == secrets
        assert environment(pod.get("configMapAsEnv", []), "configMapName", "configMapKey") == (
            {"speechmill-store": STORE} if secrets and stage != "transcribe" else {}
        )
        assert all(source["optional"] for source in pod.get("secretAsEnv", []) + pod.get("configMapAsEnv", []))
        assert pod["securityContext"] == {"runAsUser": "10001", "runAsGroup": "10001", "runAsNonRoot": True}
        assert pod["imagePullPolicy"] == "IfNotPresent"
        assert 3600 <= int(pod["activeDeadlineSeconds"]) <= 24 * 3600
        assert pod["command"] == ["python", "-m", f"components.{stage}"]
        assert pod["image"].startswith(f"{deployment.registry}speechmill/{stage}:")
        resources = pod["resources"]
        assert {"resourceCpuRequest", "resourceCpuLimit", "resourceMemoryRequest", "resourceMemoryLimit"} <= set(resources)


def test_networks_ask_for_a_gpu_and_only_where_there_are_some() -> None:
    assert not any("accelerator" in pod["resources"] or "nodeSelector" in pod or "tolerations" in pod for pod in pods(LOCAL).values())
    found = {name: pod for name, pod in pods(GPU).items() if "accelerator" in pod["resources"]}
    assert set(found) == {"separate", "segment", "diarize", "transcribe"}
    for pod in found.values():
        assert pod["resources"]["accelerator"]["resourceType"] == "nvidia.com/gpu"
        assert pod["resources"]["accelerator"]["resourceCount"] == "1"
        assert pod["nodeSelector"] == {"labels": {"nvidia.com/gpu.present": "true"}}
        assert [t["key"] for t in pod["tolerations"]] == ["nvidia.com/gpu"]


def test_shards_are_a_loop_over_what_discover_found_and_publish_waits_for_all_of_them() -> None:
    components = spec()["components"]
    (loop,) = [t for c in components.values() for t in c.get("dag", {}).get("tasks", {}).values() if "parameterIterator" in t]
    assert loop["iteratorPolicy"]["parallelismLimit"] == SHARDS_AT_ONCE
    branches = components["comp-condition-branches-1"]["dag"]["tasks"]
    conditions = {task["taskInfo"]["name"]: task["triggerPolicy"]["condition"] for task in branches.values()}
    assert conditions == {
        "anything-new": "int(inputs.parameter_values['pipelinechannel--discover-count']) > 0",
        "nothing-new": "!(int(inputs.parameter_values['pipelinechannel--discover-count']) > 0)",
    }
    (publish,) = [t for c in components.values() for n, t in c.get("dag", {}).get("tasks", {}).items() if n == "publish"]
    assert publish["inputs"]["artifacts"]["parts"]["taskOutputArtifact"]["producerTask"] == "shards"
