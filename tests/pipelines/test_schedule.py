"""Upgrades of schedules against a stand-in of Kubeflow: at every moment there is one, and it is lost in no accident."""

from collections.abc import Iterator

import pytest

from pipelines.inputs.slots import REFERENCE, bundled, uri
from tests.pipelines.kubeflow_server import LOST, MADE, Row, StandIn, serving

UPGRADE = ("schedule", "upgrade", "weekly")
OLD = {
    "display_name": "weekly",
    "recurring_run_id": "old",
    "experiment_id": "own",
    "created_at": MADE,
    "status": "ENABLED",
    "trigger": {"cron_schedule": {"cron": "0 0 3 * * 1"}},
    "pipeline_version_reference": {"pipeline_id": "dataset", "pipeline_version_id": "old"},
    "runtime_config": {
        "parameters": {"dataset": "mine", "store": "s3://other", "separate_model": "s3://other/models/a/1", "cut_max_seconds": 9}
    },
}


@pytest.fixture
def kubeflow(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A Kubeflow with a schedule that runs an older version; the environment leads to no store."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with serving() as stand_in:
        stand_in.experiments["own"] = {"display_name": "speechmill", "experiment_id": "own"}
        for name in ("dataset", "dataset-gpu"):
            stand_in.pipelines[name] = {"display_name": f"speechmill-{name}", "pipeline_id": name}
        stand_in.versions["old"] = {"display_name": "0000000-000000000000", "pipeline_id": "dataset", "pipeline_version_id": "old"}
        stand_in.recurring_runs["old"] = OLD | {"runtime_config": {"parameters": {**OLD["runtime_config"]["parameters"]}}}
        yield stand_in


def only(kubeflow: StandIn) -> Row:
    (schedule,) = kubeflow.recurring_runs.values()
    return schedule


def test_a_schedule_is_added_once_and_upgraded_to_other_code(kubeflow: StandIn) -> None:
    sources = ("--dataset", "mine", "--sources", "https://example.org/feed.xml", "--separate-model", "speech-2stems-small")
    kubeflow.recurring_runs.clear()
    for status in (0, 1):
        assert kubeflow.command("schedule", "add", "weekly", "--cron", "0 3 * * MON", *sources).status == status
    added = only(kubeflow)
    assert (added["status"], added["max_concurrency"], added["no_catchup"]) == ("ENABLED", 1, True)
    assert "runs this version already" in kubeflow.command(*UPGRADE).stdout
    assert only(kubeflow) == added
    assert kubeflow.command("schedule", "pause", "weekly").status == 0
    assert kubeflow.command(*UPGRADE, "--registry", "registry.invalid/x").stdout.endswith("paused, as it was\n")
    upgraded = only(kubeflow)
    assert upgraded["status"] == "DISABLED" and upgraded["pipeline_version_reference"] != added["pipeline_version_reference"]
    assert all(upgraded[same] == added[same] for same in ("trigger", "runtime_config", "display_name", "max_concurrency"))
    assert kubeflow.command("schedule", "remove", "weekly").status == 0 and not kubeflow.recurring_runs


def test_settings_that_the_pipeline_has_no_more_are_left_out_and_named(kubeflow: StandIn) -> None:
    only(kubeflow)["runtime_config"]["parameters"]["cut_old_name"] = 3.5
    done = kubeflow.command(*UPGRADE)
    assert done.status == 0, done.stderr
    assert "left out, because the pipeline no longer has this setting: cut_old_name 3.5\n" in done.stdout
    new, given = only(kubeflow), only(kubeflow)["runtime_config"]["parameters"]
    assert new["status"] == "ENABLED" and new["recurring_run_id"] != "old"
    assert given.items() >= OLD["runtime_config"]["parameters"].items() and "cut_old_name" not in given
    assert given["reference"] == uri("s3://other", REFERENCE, bundled(REFERENCE)), "what is new is of its own store"


def test_an_upgrade_whose_new_schedule_is_refused_leaves_the_old_one(kubeflow: StandIn) -> None:
    kubeflow.faults = [("POST .*recurringruns$", 500)]
    done = kubeflow.command(*UPGRADE)
    assert done.status == 1 and "refused the request (500): out of order" in done.stderr
    assert only(kubeflow) == OLD


def test_an_upgrade_whose_old_schedule_stays_leaves_it_alone(kubeflow: StandIn) -> None:
    kubeflow.faults = [("DELETE .*recurringruns/old", 500)]
    done = kubeflow.command(*UPGRADE)
    assert done.status == 1 and "refused the request (500): out of order" in done.stderr
    assert only(kubeflow) == OLD


@pytest.mark.parametrize("lost", [1, 4])
def test_an_upgrade_goes_on_where_the_old_schedule_is_gone_and_the_answer_was_lost(kubeflow: StandIn, lost: int) -> None:
    """kfp's client asks four times."""
    kubeflow.faults = [("DELETE .*recurringruns/old", LOST)] * lost
    done = kubeflow.command(*UPGRADE)
    assert (done.status, done.stderr) == (0, "")
    assert only(kubeflow)["recurring_run_id"] != "old" and only(kubeflow)["status"] == "ENABLED"


def test_an_upgrade_that_cannot_look_says_what_may_be_there(kubeflow: StandIn) -> None:
    kubeflow.faults = [("DELETE .*recurringruns/old", 503), ("GET .*recurringruns", ""), ("GET .*recurringruns", 503)]
    done = kubeflow.command(*UPGRADE)
    assert done.status == 1 and "the new one is paused: speechmill schedule list" in done.stderr
    assert [schedule["status"] for schedule in kubeflow.recurring_runs.values()] == ["ENABLED", "DISABLED"]


def test_an_upgrade_to_the_other_kind_of_images_uploads_nothing(kubeflow: StandIn) -> None:
    done = kubeflow.command(*UPGRADE, "--gpu")
    assert done.status == 1 and "made with, speechmill-dataset, found speechmill-dataset-gpu" in done.stderr
    assert list(kubeflow.versions) == ["old"] and only(kubeflow) == OLD


def test_a_schedule_of_a_pipeline_that_is_gone_is_upgraded(kubeflow: StandIn) -> None:
    del kubeflow.pipelines["dataset"]
    assert kubeflow.command(*UPGRADE).status == 0
    assert only(kubeflow)["pipeline_version_reference"]["pipeline_id"] in kubeflow.pipelines
