"""Versions of one dataset that a schedule, the page's form and a selection make at the same time on a real cluster."""

import subprocess
import time
from collections import Counter

import pytest
from kubernetes.client import ApiException
from playwright.sync_api import Page

from components.shared.rows import SAMPLE_RATE_HZ
from store.datasets import DatasetStore, Version, rules
from store.lease import lease
from store.ledger import PUBLISHED
from store.objects import open_store
from tests.cluster.browser import form, pipeline, start
from tests.cluster.pods import api, pods
from tests.cluster.runs import NAMESPACE, STORE, ClusterDataset, client, feed, run_id, runs_of
from tests.end_to_end.runs import COMMAND, SMALL, Server, episode, speechmill

RUN_SECONDS = 1200
LEAST_SECONDS = 2.5
"""The rule of the selection. The runs have the default."""


def test_a_schedule_the_form_and_a_selection_at_once_leave_whole_versions(
    page: Page, dataset: ClusterDataset, server: Server, schedule: str
) -> None:
    """All three wait for the same lease, which the test holds until then. The two runs share a feed with a new episode."""
    own = Server(server.folder / "own", f"{server.url}/own")
    own.folder.mkdir()
    for folder, name, number, second in ((server, "first", 1, 10), (server, "second", 2, 10), (own, "third", 2, 35)):
        episode(folder.folder / f"{name}.mp3", number, second)
    shared = feed(server, ["first.mp3"], 20)
    first = run_id(dataset.run("--sources", shared))
    feed(server, ["first.mp3", "second.mp3"], 20)

    with lease(open_store(STORE), dataset.name, "test", pytest.fail):
        add(schedule, dataset, f"{shared},{feed(own, ['third.mp3'], 20)}")
        filled, scheduled = fill(page, dataset, f"sample:,{shared}"), first_run(schedule)
        for name, run in (("form", filled), ("schedule", scheduled)):
            print(f"{name}: {waiting(run)}")
        refused = dataset.submit("--sources", shared, wait=False)
        assert refused.returncode == 1 and f"another run of dataset {dataset.name} is at work" in refused.stderr, refused.stderr
        command = [COMMAND, "dataset", "select", dataset.name, "--publish-min-seconds", str(LEAST_SECONDS), "--store", STORE]
        selection = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert selection.stdout
        said = []
        for line in selection.stdout:
            said.append(line)
            if "waiting for run test, which publishes this dataset" in line:
                break
        print(f"select: {''.join(said)}")
    rest, _ = selection.communicate(timeout=RUN_SECONDS)
    assert selection.returncode == 0, "".join(said) + rest
    for run in (filled, scheduled):
        assert client().wait_for_run_completion(run, RUN_SECONDS).state == "SUCCEEDED"

    show = dataset.store()
    versions = show.versions()
    assert [v.number for v in versions] == [1, 2, 3, 4]
    assert versions[0].run == first and {filled, scheduled} < {v.run for v in versions[1:]}
    (selected,) = [v for v in versions[1:] if v.run not in (filled, scheduled)]
    assert rules(selected.lineage)["min_seconds"] == LEAST_SECONDS
    for version in versions:
        check(show, version)
    listed = {r.recording for r in show.recordings(versions[-1])}
    assert len(listed) == 5, "three of the feeds, two of the sample"
    assert {name: row.outcome for name, row in dataset.ledger().items() if row.kind != "source"} == dict.fromkeys(listed, PUBLISHED)
    verified = speechmill("dataset", "verify", dataset.name, "--all-versions", "--audio", "--store", STORE)
    assert verified.returncode == 0 and "no damage found" in verified.stdout, verified.stdout + verified.stderr
    assert not open_store(STORE).exists(f"datasets/{dataset.name}/lease.json")


def add(schedule: str, dataset: ClusterDataset, sources: str) -> None:
    """Adds a schedule that starts a run within a minute."""
    options = ["--sources", sources, "--dataset", dataset.name, "--store", STORE, "--allow-private", *SMALL]
    added = speechmill("schedule", "add", schedule, "--cron", "* * * * *", *options)
    assert added.returncode == 0, added.stderr


def first_run(schedule: str) -> str:
    """Pauses a schedule after its first run has begun; returns the run's id."""
    deadline = time.monotonic() + 180
    while not (runs := runs_of(schedule)):
        assert time.monotonic() < deadline, "the schedule started no run"
        time.sleep(1)
    paused = speechmill("schedule", "pause", schedule)
    assert paused.returncode == 0, paused.stderr
    return str(runs[-1].run_id)


def fill(page: Page, dataset: ClusterDataset, sources: str) -> str:
    """Starts a run of these sources from the page's form; returns its id."""
    form(page, dataset, *pipeline())
    page.get_by_label("sources - string").fill(sources)
    page.locator("#allow_private").click()
    page.get_by_role("option", name="true", exact=True).click()
    return start(page, dataset)


def waiting(run: str) -> str:
    """Waits until the run's `publish` says that it waits for the lease; returns the line."""
    deadline = time.monotonic() + RUN_SECONDS
    while time.monotonic() < deadline:
        for pod in pods(run, "publish"):
            lines = [line for line in log(pod.metadata.name).splitlines() if "waiting for run" in line]
            if lines:
                return lines[0]
        state = client().get_run(run).state
        assert state in ("PENDING", "RUNNING"), f"run {run} ended without waiting: {state}"
        time.sleep(2)
    raise AssertionError(f"`publish` of run {run} waited for no lease within {RUN_SECONDS} s")


def log(pod: str) -> str:
    """What a stage has said so far; empty before it begins."""
    try:
        return str(api().read_namespaced_pod_log(pod, NAMESPACE, container="main"))
    except ApiException as error:
        assert error.status == 400, error  # the container has not begun
        return ""


def check(show: DatasetStore, version: Version) -> None:
    """Checks a version: no clip twice, and every sample of every recording in one sum of the recording and of the lineage."""
    rows, recordings, samples = show.rows(version), show.recordings(version), Counter[str]()
    assert len({r.clip for r in rows}) == len(rows)
    assert {r.recording for r in rows} <= {r.recording for r in recordings}
    for row in rows:
        samples["kept_seconds" if row.kept else f"rejected_{row.reason}_seconds"] += row.samples
    for r in recordings:
        own = [row for row in rows if row.recording == r.recording]
        assert (r.kept_samples, r.rejected_samples) == tuple(sum(c.samples for c in own if c.kept == kept) for kept in (True, False))
        outside = {n: getattr(r, f"{n}_samples") for n in ("music", "noise", "silence", "unclipped_speech")}
        assert r.samples == r.kept_samples + r.rejected_samples + sum(outside.values()), r
        samples.update({f"rejected_{name}_seconds": count for name, count in outside.items()})
    assert sum(samples.values()) == sum(r.samples for r in recordings)
    seconds = {name: round(value * SAMPLE_RATE_HZ) for name, value in version.lineage["seconds"].items()}
    assert {name: count for name, count in seconds.items() if count} == +samples
    assert version.lineage["clips"] == {"all": len(rows), "kept": sum(r.kept for r in rows)}
