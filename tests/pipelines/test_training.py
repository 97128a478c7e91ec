"""The compiled training pipeline: its two branches, its parameters, and what Kubernetes is told of its stage."""

from typing import Any

import pytest
from google.protobuf import json_format

from components.deployment import LOCAL, Deployment
from pipelines.training import STAGES, build

GPU = Deployment("registry.example/team/", gpu=True)


def spec(deployment: Deployment = LOCAL) -> dict[str, Any]:
    return json_format.MessageToDict(build(deployment).pipeline_spec)


def tasks(component: dict[str, Any]) -> dict[str, Any]:
    return {task["taskInfo"]["name"]: task for task in component["dag"]["tasks"].values()}


def test_each_kind_of_model_is_a_branch_and_so_is_a_separator_to_start_from() -> None:
    whole = spec()
    groups = [tasks(c) for name, c in {"root": whole["root"], **whole["components"]}.items() if "dag" in c]
    conditions = {name: task["triggerPolicy"]["condition"] for group in groups for name, task in group.items() if "triggerPolicy" in task}
    kind, start = "inputs.parameter_values['pipelinechannel--kind']", "inputs.parameter_values['pipelinechannel--start'] != ''"
    kinds = {name: f"{kind} == '{name}'" for name in ("voicefilter", "tone", "separator")}
    assert conditions == kinds | {"from-a-model": start, "from-scratch": f"!({start})"}
    bodies = {
        name: tasks(whole["components"][group[name]["componentRef"]["name"]]) for group in groups for name in group if name in conditions
    }
    assert set(bodies["voicefilter"]) == {"train-voicefilter"} and set(bodies["tone"]) == {"train-tone"}
    assert set(bodies["from-a-model"]) == {"importer-2", "train-separator"}
    assert set(bodies["from-scratch"]) == {"train-separator-2"}
    inputs = {
        name: set(body[next(n for n in body if n.startswith("train"))]["inputs"]["artifacts"])
        for name, body in bodies.items()
        if name != "separator"
    }
    assert inputs == {"voicefilter": {"sounds"}, "tone": {"sounds"}, "from-a-model": {"sounds", "start"}, "from-scratch": {"sounds"}}


def test_every_setting_is_a_parameter_and_the_rest_says_what_to_train_on() -> None:
    parameters = spec()["root"]["inputDefinitions"]["parameters"]
    settings = {f"{stage.name}_{name}": p.default for stage in STAGES for name, p in stage.settings.items()}
    assert {n: p.get("defaultValue") for n, p in parameters.items() if n in settings} == settings
    assert set(parameters) - set(settings) == {"kind", "sounds", "start", "dataset", "store"}
    offered = {n: p["literals"] for n, p in parameters.items() if "literals" in p}
    assert offered["kind"] == ["separator", "voicefilter", "tone"]
    assert offered["train_voicefilter_configuration"] == ["small", "full"]
    assert offered["train_tone_classifier"] == ["best", "logistic", "discriminant", "mlp"]


def test_a_training_is_never_taken_from_the_cache_since_a_folder_or_a_newest_version_may_be_another_one() -> None:
    for component in spec()["components"].values():
        for name, task in (tasks(component) if "dag" in component else {}).items():
            assert not name.startswith("train") or not task.get("cachingOptions", {}).get("enableCache"), name


@pytest.mark.parametrize("deployment", [LOCAL, GPU], ids=["cpu", "gpu"])
def test_its_pod_reads_the_store_and_asks_for_a_gpu_where_there_are_some_and_it_can_use_one(deployment: Deployment) -> None:
    pipeline = build(deployment)
    containers = json_format.MessageToDict(pipeline.pipeline_spec)["deploymentSpec"]["executors"]
    platform = json_format.MessageToDict(pipeline.platform_spec)["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert set(platform) == {"exec-train-separator", "exec-train-separator-2", "exec-train-voicefilter", "exec-train-tone"}
    for name, pod in platform.items():
        container, stage = containers[name]["container"], name.removeprefix("exec-").removesuffix("-2").replace("-", "_")
        assert pod["podMetadata"]["labels"] == {"speechmill/stage": stage, "speechmill/network": "store"}
        network = stage != "train_tone"  # the others keep checkpoints in the store, and use a GPU
        assert [s["secretName"] for s in pod["secretAsEnv"]] == ["speechmill-publisher" if network else "speechmill-reader"]
        assert container["image"].startswith(f"{deployment.registry}speechmill/{stage}:")
        assert ("accelerator" in container["resources"]) == (deployment.gpu and network) == ("nodeSelector" in pod)
        assert int(pod["activeDeadlineSeconds"]) == (7 * 24 if network else 24) * 3600
