"""The compiled pipeline's graph: what depends on what, and which parameters a person can set."""

from typing import Any

from google.protobuf import json_format

from components.deployment import LOCAL
from pipelines.dataset import STAGES, build


def spec() -> dict[str, Any]:
    return json_format.MessageToDict(build(LOCAL).pipeline_spec)


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
        "anything-new": {"shards": [], "publish": ["shards"]},
        "nothing-new": {"publish-2": []},
        "shards": {"shard": []},
        "shard": {
            "download": [],
            "segment": ["download"],
            "cut": ["download", "segment"],
            "denoise": ["download"],
            "collect": ["cut", "denoise", "download", "segment"],
        },
    }


def test_every_setting_of_every_stage_is_a_parameter_under_the_stage_s_name() -> None:
    parameters = spec()["root"]["inputDefinitions"]["parameters"]
    settings = {f"{stage.name}_{name}": p.default for stage in STAGES for name, p in stage.settings.items()}
    assert {n: p.get("defaultValue") for n, p in parameters.items() if n in settings} == settings
    assert set(parameters) - set(settings) == {"sources", "dataset", "store", "allow_private"}


def test_what_differs_from_run_to_run_reaches_no_cached_task() -> None:
    for stage in STAGES:
        if stage.name not in ("discover", "collect", "publish"):
            assert not {"run", "sources", "dataset"} & set(stage.signature.parameters), stage.name
    cached = [
        task["taskInfo"]["name"]
        for component in spec()["components"].values()
        for task in component.get("dag", {}).get("tasks", {}).values()
        if task.get("cachingOptions", {}).get("enableCache")
    ]
    assert {"discover", "collect", "publish", "publish-2"}.isdisjoint(cached)
    assert {"download", "segment", "cut", "denoise"} <= set(cached)
