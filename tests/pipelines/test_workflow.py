"""What is read out of Argo's workflow of a run and out of its pods' logs; the shapes are those of a real cluster."""

import base64
import gzip
import json
from typing import Any

import pytest

from pipelines import training
from pipelines.cluster.workflow import TaskStatus, failure, own_lines, read
from pipelines.dataset import STAGES

LOOP = "run.root.condition-branches-1.condition-2.shards.for-loop-1.iteration-iterations"
LAUNCHER = "I1122 23:08:38.681623      14 main.go:67] Setting log level to: '1'"
EXIT = "F1122 23:08:41.835210      14 main.go:59] failed to execute component: "
NO_INPUT = (
    'failed to download input artifact "model" from remote storage URI "s3://speechmill/models/a/1": '
    'failed to list objects in remote storage "models/a/1": blob (code=NotFound): NoSuchBucket: The specified bucket does not exist'
)
FULL = (
    'failed to upload output artifact "clips" to remote storage URI "s3://speechmill/runs/dataset/d2c9/cut/8a1e/clips": '
    'uploadFile(): unable to complete copying "/s3/speechmill/runs/dataset/d2c9/cut/8a1e/clips/rows.parquet" to remote storage '
    '"runs/dataset/d2c9/cut/8a1e/clips/rows.parquet": failed to close Writer for bucket: blob (code=Unknown): '
    "operation error S3: PutObject, https response error StatusCode: 507, RequestID: 18, api error XMinioStorageFull: "
    "Storage backend has reached its minimum free drive threshold. Please delete a few objects to proceed."
)
UNPUBLISHED = "failed to publish execution with error failed to publish results to ML Metadata: timeout after execution failed: "
NO_IMAGE = 'ImagePullBackOff: Back-off pulling image "speechmill/cut:1": ErrImagePull: failed to pull "docker.io/speechmill/cut:1"'


def node(name: str, phase: str, kind: str = "Pod", **more: Any) -> dict[str, Any]:
    times = {"startedAt": "2026-11-22T23:08:35Z", "finishedAt": "2026-11-22T23:08:43Z"}
    return {"id": f"id of {name}", "name": name, "type": kind, "phase": phase, **times, **more}


NODES = [
    node("run", "Running", "DAG"),
    node("run.root-driver", "Succeeded", templateName="system-dag-driver"),
    node("run.root.discover-driver", "Succeeded", templateName="system-container-driver"),
    node("run.root.discover", "Succeeded", "DAG"),
    node("run.root.discover.executor", "Succeeded"),
    node("run.root.condition-branches-1.condition-3", "Skipped", "Skipped"),
    node("run.root.condition-branches-1.condition-2-driver", "Pending", templateName="system-dag-driver"),
    node(f"{LOOP}(0:0)", "Succeeded", "DAG"),
    node(f"{LOOP}(0:0).iteration-item.download.executor", "Skipped", "Skipped", message="when 'true != true' evaluated false"),
    node(f"{LOOP}(1:1)", "Failed", "DAG"),
    node(f"{LOOP}(1:1).iteration-item.download.executor(0)", "Error", startedAt="2026-11-22T23:08:30Z"),
    node(f"{LOOP}(1:1).iteration-item.download.executor(1)", "Failed", message="main: Error (exit code 1)"),
    node(f"{LOOP}(1:1).iteration-item.download.executor", "Failed", "Retry"),
    node(f"{LOOP}(1:1).iteration-item.cut-driver", "Omitted", "Skipped"),
    node(f"{LOOP}(2:2)", "Running", "DAG"),
    node(f"{LOOP}(2:2).iteration-item.download.executor", "Running", finishedAt=None),
    node(f"{LOOP}(2:2).iteration-item.cut.executor", "Pending", message=NO_IMAGE, finishedAt=None),
    node("run.root.condition-branches-1.condition-2.publish-2.executor", "Pending", message="PodInitializing", finishedAt=None),
]


@pytest.mark.parametrize("packed", [False, True])
def test_tasks_with_their_shards_and_states(packed: bool) -> None:
    nodes = {n["id"]: n for n in NODES}
    large = base64.b64encode(gzip.compress(json.dumps(nodes).encode())).decode()  # as Argo keeps those of many shards
    workflow = read({"status": {"compressedNodes": large} if packed else {"nodes": nodes}})
    assert {t.name: t.state for t in workflow.tasks} == {
        "discover": "done",
        "download 1": "from the cache",
        "download 2": "failed",
        "download 3": "running",
        "cut 3": "waiting",
        "publish": "waiting",
    }
    assert (workflow.shards, workflow.finished_shards) == (3, 1)
    tasks = {t.name: t for t in workflow.tasks}
    assert tasks["discover"].seconds == 8
    assert tasks["download 2"].node.endswith("executor(1)")
    assert tasks["cut 3"].hindrance.startswith("no image: its node cannot get the image speechmill/cut:1: push it")
    assert tasks["publish"].hindrance == ""


def test_with_kubeflow_s_own_settings_every_node_is_an_attempt() -> None:
    """Argo then wraps each template, loops and pipelines as well, and numbers what it wraps."""
    loop = "run(0).root(0).shards(0).for-loop-1(0).iteration-iterations"
    nodes = [
        node("run(0).root(0).discover(0).executor(0)", "Error"),
        node("run(0).root(0).discover(1).executor(0)", "Succeeded", startedAt="2026-11-22T23:09:35Z"),
        node(f"{loop}(0:0)", "Succeeded", "Retry"),
        node(f"{loop}(0:0)(0)", "Succeeded", "DAG"),
        node(f"{loop}(0:0)(0).iteration-item(0).cut(0).executor(0)", "Running"),
        node(f"{loop}(0:0)(0).iteration-item(0).denoise-driver(0)", "Failed", templateName="system-container-driver"),
    ]
    workflow = read({"status": {"nodes": {n["id"]: n for n in nodes}}})
    assert {t.name: t.state for t in workflow.tasks} == {"discover": "done", "cut 1": "running", "denoise 1": "failed"}
    assert (workflow.shards, workflow.finished_shards) == (1, 1)


def task_of_kfp(parameter: str) -> dict[str, Any]:
    """The input `task` of an importer's node, as kfp's compiler writes it."""
    inputs = {"parameters": {"uri": {"componentInputParameter": f"pipelinechannel--{parameter}"}}}
    task = {"componentRef": {"name": "comp-importer-2"}, "inputs": inputs, "taskInfo": {"name": "importer-2"}}
    return {"parameters": [{"name": "task", "value": json.dumps(task)}, {"name": "parent-dag-id", "value": "7"}]}


def test_importers_are_shown_where_they_wait_or_fail_by_what_they_import() -> None:
    importer = {"templateName": "system-importer"}
    unschedulable = "Unschedulable: 0/1 nodes are available: 1 Insufficient memory."
    nodes = [
        node("run.root.importer", "Succeeded", **importer, inputs=task_of_kfp("separate_model")),
        node("run.root.importer-2", "Pending", **importer, inputs=task_of_kfp("tag_tone_model"), message=unschedulable, finishedAt=None),
        node("run.root.importer-3(0)", "Error", **importer),
        node("run.root.importer-3(1)", "Succeeded", **importer, startedAt="2026-11-22T23:09:35Z"),
        node("run.root.importer-4", "Failed", **importer),
        node("run.root.importer-5", "Running", **importer, finishedAt=None),
    ]
    tasks = read({"status": {"nodes": {n["id"]: n for n in nodes}}}).tasks
    assert {t.name: (t.state, t.hindrance) for t in tasks} == {
        "importer of tag_tone_model": ("waiting", unschedulable),
        "importer-4": ("failed", ""),
    }


def test_what_prepared_at_a_second_attempt_has_not_failed() -> None:
    nodes = [
        node("run.root.condition-2-driver(0)", "Error", templateName="system-dag-driver"),
        node("run.root.condition-2-driver(1)", "Succeeded", templateName="system-dag-driver", startedAt="2026-11-22T23:09:35Z"),
        node("run.root.condition-3-driver", "Failed", templateName="system-dag-driver"),
    ]
    assert [t.name for t in read({"status": {"nodes": {n["id"]: n for n in nodes}}}).tasks] == ["condition-3"]


@pytest.mark.parametrize("task", ["tag-speaker", "train-separator-2", "cut"])
def test_stages_have_their_own_names(task: str) -> None:
    (found,) = read({"status": {"nodes": {"1": node(f"run.root.{task}.executor", "Running")}}}).tasks
    assert found.stage in [s.name for s in (*STAGES, *training.STAGES)] and task.startswith(found.stage.replace("_", "-"))


def test_a_run_that_argo_has_not_begun_has_no_tasks() -> None:
    assert read(None).tasks == read({"status": {}}).tasks == []


def failed(message: str = "main: Error (exit code 1)") -> TaskStatus:
    (task,) = read({"status": {"nodes": {"1": node("run.root.cut.executor", "Failed", message=message)}}}).tasks
    return task


@pytest.mark.parametrize(
    ("lines", "error", "mendable"),
    [
        (["cutting", "error: no space left", f"{EXIT}exit status 2"], "no space left", True),
        (["Traceback", "error: ValueError: odd", LAUNCHER, f"{EXIT}exit status 1"], "ValueError: odd", False),
        (["progress", f"{EXIT}signal: killed"], "it was killed, probably because it exceeded the memory limit of its stage", False),
        (["sh: not found", f"{EXIT}exit status 127"], "main: Error (exit code 1): sh: not found", False),
        (
            ["F1122 23:22:37.6 15 main.go:127] KFP driver: driver.Container(a) failed: no input x"],
            "Kubeflow could not start it: no input x",
            True,
        ),
        (
            ['F1122 23:22:37.6 15 main.go:127] KFP driver: failed to retrieve workflow "dataset-x": forbidden'],
            'Kubeflow could not start it: failed to retrieve workflow "dataset-x": forbidden',
            True,
        ),
        ([f"{EXIT}{NO_INPUT}"], f"Kubeflow's launcher: {NO_INPUT}", True),
        (["done in 45.2 s, 12 s/s: clips 21", f"{EXIT}{FULL}"], f"Kubeflow's launcher: {FULL[:140]} … {FULL[-150:]}", True),
        (
            ["F1122 23:22:37.6 15 main.go:59] failed to execute importer component: empty artifact URI runtime value for parameter uri"],
            "Kubeflow's launcher: empty artifact URI runtime value for parameter uri",
            True,
        ),
        (["error: ValueError: odd", f"{EXIT}{UNPUBLISHED}exit status 1"], "ValueError: odd", False),
        (["error: no space left", f"{EXIT}{UNPUBLISHED}exit status 2"], "no space left", True),
        ([], "main: Error (exit code 1)", False),
    ],
)
def test_why_a_task_failed_is_in_its_log(lines: list[str], error: str, mendable: bool) -> None:
    why = failure(failed(), "\n".join([LAUNCHER, *lines]))
    assert (why.error, why.mendable) == (error, mendable)


def test_a_pod_without_a_log_has_the_message_of_kubernetes() -> None:
    ended = failure(failed("Step exceeded its deadline"), "error: an earlier one\nlistening")
    assert (ended.error, ended.mendable) == ("the deadline of the run ended it (--deadline-hours)", True)
    assert failure(failed("OOMKilled (exit code 137)"), "").error == "it used more memory than its stage may (OOMKilled (exit code 137))"
    assert failure(failed("pod deleted"), "").error == "pod deleted"
    assert failure(failed(""), "").error == "its pod was lost"


def test_the_launcher_s_lines_are_not_the_stage_s() -> None:
    assert own_lines(f"{LAUNCHER}\nfound 3\n\n{EXIT}exit status 1\n") == ["found 3"]
