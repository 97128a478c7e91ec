"""Runs on a cluster, started, followed, stopped and read by the commands, against a stand-in of Kubeflow."""

import dataclasses
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from components.shared.table import empty
from pipelines.cluster import follow
from pipelines.cluster.client import connect
from pipelines.cluster.remaining import Weights, remaining
from pipelines.cluster.workflow import DONE, RUNNING, Failure, TaskStatus, Workflow
from store.ledger import Ledger, LedgerRow
from store.objects import open_store
from tests.pipelines.kubeflow_server import INTERRUPTED, LOST, Script, StandIn, serving
from tests.pipelines.test_workflow import EXIT, LAUNCHER, LOOP, NO_INPUT, node

SUBMIT = ("submit", "--dataset", "mine", "--sources", "https://example.org/feed.xml", "--separate-model", "speech-2stems-small")
WELL = [node("run.root.discover.executor", "Succeeded"), node(f"{LOOP}(0:0)", "Succeeded", "DAG")]
WELL += [node(f"{LOOP}(0:0).iteration-item.tag-quality.executor", "Succeeded"), node("run.root.publish-2.executor", "Succeeded")]
HALF = [node("run.root.discover.executor", "Succeeded"), node(f"{LOOP}(0:0)", "Running", "DAG")]
HALF += [node(f"{LOOP}(0:0).iteration-item.{stage}.executor", "Succeeded") for stage in ("download", "separate", "segment")]
SECOND = f"{LOOP}(1:1).iteration-item.download.executor"


@pytest.fixture
def kubeflow(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A Kubeflow that is asked often; the environment leads to no store."""
    monkeypatch.setattr(follow, "POLL_SECONDS", 0.01)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with serving() as stand_in:
        yield stand_in


def failing(*lines: str) -> Script:
    """A run whose second shard fails at its download with these last lines."""
    nodes = [*WELL[:2], node(f"{LOOP}(1:1)", "Failed", "DAG"), node(SECOND, "Failed", message="main: Error (exit code 1)")]
    return Script(["RUNNING", "FAILED"], nodes, {SECOND: "\n".join([LAUNCHER, *lines])})


def test_a_run_that_succeeds_is_followed_to_the_last_words_of_its_last_stage(kubeflow: StandIn) -> None:
    logs = {"run.root.publish-2.executor": f"{LAUNCHER}\nnaming\ndone in 3.2 s: version 1"}
    kubeflow.script = Script(["PENDING", "RUNNING", "RUNNING", "SUCCEEDED"], WELL, logs)
    done = kubeflow.command(*SUBMIT, "--wait")
    assert (done.status, done.stderr) == (0, "")
    assert "tag_quality 1 | done in 8 s" in done.stdout
    assert done.stdout.endswith("publish: done in 3.2 s: version 1\n1 shards are done\n")
    (run,) = kubeflow.runs.values()
    assert run["runtime_config"]["parameters"]["dataset"] == "mine" and f"run {run['run_id']}" in done.stdout


def test_further_runs_follow_while_a_run_is_full(kubeflow: StandIn) -> None:
    def full() -> Script:
        return Script(["RUNNING", "SUCCEEDED"], WELL)

    kubeflow.next = [full(), full(), Script(["SUCCEEDED"], WELL[-1:])]
    done = kubeflow.command(*SUBMIT, "--until-done", "--discover-max-shards", "1")
    assert (done.status, len(kubeflow.runs)) == (0, 3)
    assert done.stdout.count("1 shards are done") == 2 and done.stdout.endswith("nothing new was found\n")
    kubeflow.next = [full(), failing("error: odd", f"{EXIT}exit status 1"), full()]
    assert kubeflow.command(*SUBMIT, "--until-done", "--discover-max-shards", "1").status == 1
    assert len(kubeflow.runs) == 5, "no run after one that failed"
    assert kubeflow.command(*SUBMIT, "--until-done").status == 0 and len(kubeflow.runs) == 6, "its one shard was all that there was"


def test_a_run_says_how_much_of_it_is_left(kubeflow: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "LINE_SECONDS", 0.0)
    kubeflow.script = Script(["RUNNING", "RUNNING", "SUCCEEDED"], HALF)
    done = kubeflow.command(*SUBMIT, "--wait")
    assert re.search(r" run \| \d+% of the work is done, about \d+ min left", done.stdout), done.stdout
    assert "for 60.0 min of audio in a shard; 4 shards at a time" in done.stdout
    run = kubeflow.run(Script(["RUNNING"], HALF), dataset="mine")
    assert "of the work is done" in kubeflow.command("runs", "show", run).stdout
    trained = kubeflow.run(Script(["RUNNING"], [node("run.root.train-separator.executor", "Running")]))
    assert "of the work is done" not in kubeflow.command("runs", "show", trained).stdout


def test_what_is_left_falls_as_stages_end_and_grows_with_the_shards() -> None:
    weights = Weights({"download": 10, "cut": 30, "publish": 5}, frozenset({"download", "cut"}), at_once=1)
    start = datetime(2026, 12, 1, tzinfo=UTC)

    def status(stage: str, shard: int, seconds: float, state: str = DONE) -> TaskStatus:
        return TaskStatus(stage, shard, state, "", "", start, start + timedelta(seconds=seconds))

    tasks = [status("download", 1, 20)]
    assert remaining(Workflow([], 1, 0), weights) is None
    assert remaining(Workflow(tasks, 1, 0), weights) == pytest.approx((10 / 45, 70))  # twice as slow as the weights say
    assert remaining(Workflow(tasks, 2, 0), weights) == pytest.approx((10 / 85, 60 + 80 + 10))
    tasks += [status("cut", 1, 60), status("download", 2, 10), status("cut", 2, 1, RUNNING)]
    assert remaining(Workflow(tasks, 2, 1), weights) == pytest.approx((1 - 39 / 129, 30 + 9))
    assert remaining(Workflow([*tasks[:3], status("cut", 2, 30), status("publish", 0, 5)], 2, 2), weights) == pytest.approx((1, 0))


def test_a_run_that_fails_names_stage_shard_and_error(kubeflow: StandIn) -> None:
    kubeflow.script = failing("error: ValueError: odd", f"{EXIT}exit status 1")
    done = kubeflow.command(*SUBMIT, "--wait")
    assert (done.status, done.stderr) == (1, "error: download 2: ValueError: odd\n")
    assert "download 2 | failed after 8 s: ValueError: odd" in done.stdout


def test_a_run_that_kubeflow_fails_without_a_stage_says_so(kubeflow: StandIn) -> None:
    done = kubeflow.command("runs", "wait", kubeflow.run(Script(["FAILED"])))
    assert (done.status, done.stderr) == (1, "error: the run failed and none of its stages did\n")


def test_a_run_that_argo_gave_up_says_why(kubeflow: StandIn) -> None:
    done = kubeflow.command("runs", "wait", kubeflow.run(Script(["FAILED"], message="offload node status is\nnot supported")))
    assert done.stderr == "error: the run failed and none of its stages did: offload node status is not supported\n"


@pytest.mark.parametrize("states", [["RUNNING", "CANCELING", "FAILED"], ["CANCELED"]])
def test_a_run_that_was_stopped_has_not_failed(kubeflow: StandIn, states: list[str]) -> None:
    done = kubeflow.command("runs", "wait", kubeflow.run(Script(states, WELL)))
    assert (done.status, done.stderr) == (1, "error: the run was stopped\n")


def test_nobody_waits_for_ever_for_a_run_that_is_being_stopped(kubeflow: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "PATIENCE_SECONDS", 0.05)
    done = kubeflow.command("runs", "wait", kubeflow.run(Script(["CANCELING"], WELL)))
    assert done.status == 1 and "a stop of the run was requested, but the cluster has not confirmed it" in done.stderr


def test_a_kubeflow_that_comes_back_is_asked_again(kubeflow: StandIn) -> None:
    kubeflow.faults = [("GET .*v1beta1/runs/0", 502), *[("GET .*v1beta1/runs/0", LOST)] * 4]
    done = kubeflow.command("runs", "wait", kubeflow.run(Script(["RUNNING", "SUCCEEDED"], WELL)))
    assert done.status == 0 and done.stdout.count("this does not affect the run, asking again") == 2
    assert not kubeflow.faults


def test_a_kubeflow_that_stays_away_is_given_up(kubeflow: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "PATIENCE_SECONDS", 0.1)
    run = kubeflow.run(Script(["RUNNING"], WELL))
    kubeflow.faults = [("GET .*v1beta1/runs/0", 503)] * 1000
    done = kubeflow.command("runs", "wait", run)
    assert done.status == 1 and "refused the request (503)" in done.stderr


def test_who_does_not_want_to_wait_ends_no_run(kubeflow: StandIn) -> None:
    run = kubeflow.run(Script(["RUNNING"], WELL))
    kubeflow.faults = [("GET .*v1beta1/runs/0", INTERRUPTED)]
    done = kubeflow.command("runs", "wait", run)
    assert (done.status, done.stderr) == (130, f"the run goes on: speechmill runs wait {run}, or runs stop\n")
    assert not any("terminate" in request for request in kubeflow.asked)


def test_many_failures_are_told_in_ten_lines_and_blame_recordings_if_one_does() -> None:
    failures = {f"cut {n}": Failure("full", True) for n in range(12)}
    text, mendable = follow.why(failures)
    assert mendable and text.splitlines()[9:] == ["cut 9: full", "and 2 more"]
    assert not follow.why(failures | {"cut 12": Failure("odd", False)})[1] and not follow.why({})[1]


def attempts(store: str, run: str = "") -> int:
    """Of the one recording that a dataset has, which a run has planned at its second attempt."""
    ledger = Ledger(open_store(store), "mine")
    if run:
        ledger.write(lambda _: [dataclasses.replace(empty(LedgerRow), recording="a", run=run, attempts=2)])
    return ledger.rows()["a"].attempts


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        (["error: no space left", f"{EXIT}exit status 2"], 1),
        ([f"{EXIT}{NO_INPUT}"], 1),
        (["error: ValueError: odd", f"{EXIT}exit status 1"], 2),
    ],
)
def test_a_failure_that_a_person_can_mend_counts_against_no_recording_however_often_it_is_told(
    kubeflow: StandIn, bucket: str, lines: list[str], left: int
) -> None:
    """As for a run of a schedule, which somebody looks at when it has long failed."""
    run = kubeflow.run(failing(*lines), dataset="mine", store=bucket)
    assert attempts(bucket, run) == 2
    for _ in range(2):
        assert kubeflow.command("runs", "wait", run).status == 1
    assert attempts(bucket) == left


def test_a_run_that_is_stopped_counts_against_no_recording(kubeflow: StandIn, bucket: str) -> None:
    run = kubeflow.run(Script(["RUNNING"]), dataset="mine", store=bucket)
    attempts(bucket, run)
    done = kubeflow.command("runs", "stop", run)
    assert (done.status, done.stdout, done.stderr) == (0, f"run {run} is ending\n", "")
    assert attempts(bucket) == 1
    ended = kubeflow.run(Script(["SUCCEEDED"]))
    assert f"expected a run that is at work, found {ended} succeeded" in kubeflow.command("runs", "stop", ended).stderr


def test_without_a_way_to_the_store_it_is_said_that_the_run_counts(kubeflow: StandIn) -> None:
    kubeflow.script = failing("error: no space left", f"{EXIT}exit status 2")
    done = kubeflow.command(*SUBMIT, "--wait")
    assert done.stderr.splitlines() == [
        "this run counts as an attempt at its recordings, since no AWS_ENDPOINT_URL leads to the store",
        "error: download 2: no space left",
    ]


@pytest.mark.parametrize("parameters", [{"store": "s3://speechmill", "dataset": ""}, {"word": "a"}], ids=["training", "foreign"])
def test_a_run_that_makes_no_dataset_is_stopped_without_a_word_on_recordings(
    kubeflow: StandIn, monkeypatch: pytest.MonkeyPatch, parameters: dict[str, str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    done = kubeflow.command("runs", "stop", kubeflow.run(Script(["RUNNING"]), **parameters))
    assert (done.status, done.stderr) == (0, "")


def test_a_second_run_of_a_dataset_is_refused_also_beside_one_from_kubeflow_s_page(kubeflow: StandIn) -> None:
    for state in [*["SUCCEEDED"] * 150, "FAILED", "CANCELED", "CANCELING"]:
        kubeflow.run(Script([state]), dataset="mine", store="s3://speechmill")
    kubeflow.run(Script(["RUNNING"]), dataset="other", store="s3://speechmill")
    assert kubeflow.command(*SUBMIT).status == 0
    assert kubeflow.asked.count("GET /apis/v2beta1/runs") == 1, "Kubeflow picks those that are at work"
    kubeflow.runs.popitem()
    first = kubeflow.run(Script(["PENDING"]), dataset="mine", store="s3://speechmill")
    done = kubeflow.command(*SUBMIT)
    assert (done.status, done.stderr.partition(":")[2]) == (
        1,
        f" another run of dataset mine is at work: speechmill runs wait {first}, or runs stop\n",
    )


def test_runs_are_found_by_a_whole_id_anywhere_and_by_a_beginning_in_the_experiment(kubeflow: StandIn) -> None:
    page = kubeflow.run(Script(["SUCCEEDED"]), dataset="page")
    for _ in range(120):
        assert next(kubeflow.ids)
    kubeflow.script = Script(["SUCCEEDED"], WELL)
    assert kubeflow.command(*SUBMIT).status == 0
    own = next(reversed(kubeflow.runs))
    assert "succeeded: dataset page" in kubeflow.command("runs", "show", page).stdout
    assert "succeeded: dataset mine" in kubeflow.command("runs", "show", own[:12]).stdout
    assert "expected the id of one run, found 0" in kubeflow.command("runs", "show", page[:12]).stderr
    assert "not found" in kubeflow.command("runs", "show", page.replace("4", "5")).stderr
    listed = kubeflow.command("runs", "list").stdout
    assert own in listed and page not in listed


@pytest.mark.parametrize("stage", ["tag_quality", "tag-quality"])
def test_logs_are_found_by_the_stage_s_name_and_by_kfp_s(kubeflow: StandIn, stage: str) -> None:
    run = kubeflow.run(Script(["SUCCEEDED"], WELL, {WELL[2]["name"]: f"{LAUNCHER}\nlistening"}))
    assert kubeflow.command("runs", "logs", run, stage).stdout == "tag_quality 1 | listening\n"
    assert "found no cut" in kubeflow.command("runs", "logs", run, "cut").stderr


def test_a_version_is_uploaded_once(kubeflow: StandIn) -> None:
    first, again = kubeflow.command("upload"), kubeflow.command("upload")
    assert first.status == 0 and "pipeline speechmill-dataset: version " in first.stdout
    assert again.stdout == first.stdout.replace(" uploaded", " is there")
    assert [p["display_name"] for p in kubeflow.pipelines.values()] == ["speechmill-dataset", "speechmill-training"]
    assert len(kubeflow.versions) == 2
    assert "expected a bucket" in kubeflow.command("upload", "--store", "data").stderr


def test_models_are_uploaded_into_the_store_that_is_named(kubeflow: StandIn, bucket: str) -> None:
    done = kubeflow.command("upload", "--store", bucket)
    assert done.status == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith("  ")]
    assert {"separate_model", "reference"} <= {name for name, _ in lines}
    for _, uri in lines:
        assert uri.startswith(f"{bucket}/") and list(open_store(bucket).keys(uri.removeprefix(f"{bucket}/") + "/"))


def test_a_caller_can_print_between_two_runs_of_a_list(kubeflow: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        kubeflow.run(Script(["RUNNING"]))
    found = connect(host=kubeflow.url, namespace="", token=None, ca_cert=None, context=None, experiment="speechmill")
    for run in found.runs_at_work():
        print(run.run_id)
    assert sorted(capsys.readouterr().out.split()) == sorted(kubeflow.runs)
    assert list(found.runs()) == []
