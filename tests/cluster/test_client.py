"""The commands for Kubeflow against a real one: pipeline versions, runs that hang or fail, schedules."""

import json
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.cluster.runs import STORE, ClusterDataset, client, run_id
from tests.end_to_end.runs import COMMAND, speechmill

NOWHERE = ("--registry", "registry.invalid/nobody")


def succeed(*arguments: str) -> str:
    done = speechmill(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_pipeline_version_is_uploaded_only_once() -> None:
    first, second = succeed("upload", *NOWHERE), succeed("upload", *NOWHERE)
    assert second == first.replace(" uploaded", " is there")
    name = first.partition("pipeline speechmill-dataset: version ")[2].split()[0]
    kubeflow = client()
    identifier, found = kubeflow.get_pipeline_id("speechmill-dataset"), {"operation": "EQUALS", "key": "tags.hash"}
    for wanted, names in ((name.rpartition("-")[2], [name]), ("no hash", [])):
        filtered = json.dumps({"predicates": [found | {"stringValue": wanted}]})
        assert [v.display_name for v in kubeflow.list_pipeline_versions(identifier, filter=filtered).pipeline_versions or []] == names


@pytest.fixture
def hanging(dataset: ClusterDataset) -> Iterator[tuple[str, str, int]]:
    """A run whose images do not exist. Follows it until it says so, then presses Ctrl-C: run id, output, exit status."""
    command = [COMMAND, "submit", "--dataset", dataset.name, "--sources", "https://example.org/a.mp3", "--store", STORE, "--wait", *NOWHERE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "waits: " in line:
                process.send_signal(signal.SIGINT)
        status = process.wait()
    text = "".join(lines)
    run = run_id(subprocess.CompletedProcess(command, status, text, ""))
    yield run, text, status
    if client().get_run(run).state == "RUNNING":
        client().terminate_run(run)


def test_a_run_without_images_says_what_it_waits_for_and_continues_after_ctrl_c(
    dataset: ClusterDataset, hanging: tuple[str, str, int]
) -> None:
    run, text, status = hanging
    assert status == 130
    assert "discover | waits: no image: its node cannot get the image registry.invalid/nobody/speechmill/discover:" in text
    assert f"the run goes on: speechmill runs wait {run}" in text
    assert "no image" in succeed("runs", "show", run)

    second = dataset.submit("--sources", "https://example.org/a.mp3", wait=False)
    assert second.returncode == 1
    assert f"another run of dataset {dataset.name} is at work: speechmill runs wait {run}" in second.stderr

    assert succeed("runs", "stop", run) == f"run {run} is ending\n"
    waited = speechmill("runs", "wait", run)
    assert (waited.returncode, waited.stderr) == (1, "error: the run was stopped\n")
    assert [line.split()[1:3] for line in succeed("runs", "list").splitlines() if line.strip().startswith(run)] == [
        ["canceled", dataset.name]
    ]


def test_a_failed_run_names_the_stage_and_its_error(dataset: ClusterDataset) -> None:
    """Needs the image of `discover`."""
    done = dataset.submit("--sources", "http://127.0.0.1:9/feed.xml")
    assert done.returncode == 1
    error = done.stderr.splitlines()[-1]
    assert error.startswith("error: discover: ") and "127.0.0.1:9/feed.xml" in error
    logs = succeed("runs", "logs", run_id(done), "discover")
    assert f"discover | error: {error.removeprefix('error: discover: ')}" in logs
    assert "failed" in succeed("runs", "show", run_id(done))


def listed(schedule: str) -> list[str]:
    return next((line.split() for line in succeed("schedule", "list").splitlines() if schedule in line.split()[:1]), [])


def test_a_schedule_is_added_paused_upgraded_and_removed(dataset: ClusterDataset, schedule: str) -> None:
    options = ["--cron", "0 3 29 FEB *", "--dataset", dataset.name, "--sources", "https://example.org/feed.xml", "--cut-max-seconds", "9"]
    added = succeed("schedule", "add", schedule, *options)
    assert added.count("-02-29 ") == 3
    assert listed(schedule)[1:8] == ["0", "3", "29", "2", "*", "active", dataset.name]
    again = speechmill("schedule", "add", schedule, *options)
    assert again.returncode == 1 and "found a schedule called" in again.stderr

    version = listed(schedule)[8]
    assert "paused" in succeed("schedule", "pause", schedule)
    assert listed(schedule)[6] == "paused"
    assert "runs this version already" in succeed("schedule", "upgrade", schedule)
    succeed("schedule", "upgrade", schedule, *NOWHERE)
    assert listed(schedule)[6] == "paused" and listed(schedule)[8] != version
    succeed("schedule", "resume", schedule)
    assert listed(schedule)[6] == "active"
    (found,) = [r for r in client().list_recurring_runs(page_size=100).recurring_runs if r.display_name == schedule]
    assert found.runtime_config.parameters["cut_max_seconds"] == 9
    assert (found.max_concurrency, found.no_catchup, found.trigger.cron_schedule.cron) == ("1", True, "0 0 3 29 2 *")

    succeed("schedule", "remove", schedule)
    assert listed(schedule) == []
    assert speechmill("schedule", "resume", schedule).returncode == 1
