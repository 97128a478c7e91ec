"""The dataset pipeline on a real cluster: its datasets, its cache, and lost pods."""

import os
import random
import re
import shlex
import subprocess
import time
from pathlib import Path

import pytest
from kfp.compiler import Compiler

from components.cut.component import cut
from components.deployment import LOCAL
from components.discover.items import place_of, recording_id
from components.shared.rows import DatasetRow
from pipelines.dataset import build
from pipelines.inputs.slots import SEPARATE, bundled, describe_choice, uri
from store.ledger import GIVEN_UP, PENDING, PUBLISHED
from tests.cluster.pods import input_uri, kill, pods
from tests.cluster.runs import STORE, ClusterDataset, client, episode, feed, run_id, runs_of, speech
from tests.end_to_end.runs import Dataset, Server, law_of_seconds, speechmill

TWO_SHARDS = ("--discover-shard-seconds", 60)


@pytest.fixture(scope="module")
def embedded_rows(tmp_path_factory: pytest.TempPathFactory) -> list[DatasetRow]:
    """The sample's rows from an embedded run with the same shards. Tones depend on the shard: they are relative to its voices."""
    local = Dataset(tmp_path_factory.mktemp("embedded"), "sample")
    local.run(*TWO_SHARDS)
    return local.rows()


def test_the_dataset_equals_that_of_an_embedded_run_and_a_second_run_finds_nothing_new(
    dataset: ClusterDataset, embedded_rows: list[DatasetRow]
) -> None:
    done = dataset.run("--sources", "sample:", *TWO_SHARDS)
    assert dataset.rows() == embedded_rows
    assert len(pods(run_id(done), "segment")) == 2, "two shards of one episode each"
    model = bundled(SEPARATE)
    assert describe_choice(SEPARATE, model) in done.stdout
    assert dataset.store().version().lineage["stages"]["separate"]["models"]["model"] == f"{model.name}/{model.version}"
    assert {input_uri(pod, "model") for pod in pods(run_id(done), "separate")} == {uri(STORE, SEPARATE, model)}
    again = dataset.run("--sources", "sample:", *TWO_SHARDS)
    assert dataset.versions() == 1
    assert re.search("nothing new", again.stdout), again.stdout
    assert not pods(run_id(again), "download")


def test_after_a_lost_pod_the_run_or_a_second_run_finishes(dataset: ClusterDataset, server: Server) -> None:
    source, pause = feed(server, [speech(server)]), ["--download-sleep-seconds", f"{random.random():.9f}"]
    first = dataset.submit("--sources", source, *pause, wait=False, fresh=False)
    assert first.returncode == 0, first.stderr
    kill(run_id(first), "segment")
    waited = speechmill("runs", "wait", run_id(first))
    if waited.returncode:  # Argo did not retry the lost pod
        second = dataset.run("--sources", source, *pause, fresh=False)
        assert not pods(run_id(second), "download"), "taken from the cache"
    assert dataset.versions() == 1
    assert {row.outcome for row in dataset.ledger().values()} == {PUBLISHED}


def load_killer(image: str, poison: str, tmp_path: Path) -> str:
    """Loads an image of `cut` that kills itself with SIGKILL, as the OOM killer does, if its audio includes the recording `poison`."""
    loader = os.environ.get("SPEECHMILL_IMAGE_LOADER")
    if not loader:
        pytest.skip("no SPEECHMILL_IMAGE_LOADER: a command that makes images of this machine known to the cluster")
    check = f'if [ -n "$(find /s3 -name {poison}.flac)" ]; then kill -9 $$; fi'
    (tmp_path / "python").write_text(f'#!/bin/sh\n{check}\nexec /opt/venv/bin/python "$@"\n')
    (tmp_path / "python").chmod(0o755)
    (tmp_path / "Dockerfile").write_text(f"FROM {image}\nCOPY python /killer/python\nENV PATH=/killer:/usr/bin:/bin\n")
    name = image + "-killer"
    subprocess.run(["docker", "build", "--quiet", "--tag", name, tmp_path], check=True, env=os.environ | {"DOCKER_BUILDKIT": "0"})
    subprocess.run([*shlex.split(loader), name], check=True)
    return name


def submit_with(images: dict[str, str], dataset: ClusterDataset, source: str, pause_seconds: float, folder: Path) -> str:
    """Runs the pipeline with replaced images; returns its final state."""
    path = folder / "pipeline.yaml"
    Compiler().compile(build(LOCAL), str(path))
    text = path.read_text()
    for own, other in images.items():
        text = text.replace(own, other)
    path.write_text(text)
    arguments = {"sources": source, "dataset": dataset.name, "store": STORE, "allow_private": True, "discover_shard_seconds": 3.0}
    arguments["download_sleep_seconds"] = pause_seconds  # another number causes cache misses
    run = client().create_run_from_pipeline_package(str(path), arguments=arguments, experiment_name="speechmill")
    return str(client().wait_for_run_completion(run.run_id, timeout=1800).state)


def test_a_recording_that_always_kills_its_pod_is_given_up_and_the_rest_is_published(
    dataset: ClusterDataset, server: Server, tmp_path: Path
) -> None:
    for number in range(3):
        episode(server.folder / f"{number}.flac", number)
    source = feed(server, ["0.flac", "1.flac"])
    poison = recording_id("feed", place_of(source), "0.flac")
    images = {cut.image: load_killer(cut.image, poison, tmp_path)}
    pause = random.random()
    for attempt in range(3):
        assert submit_with(images, dataset, source, pause, tmp_path) == "FAILED"
        rows = {r.recording: r for r in dataset.ledger().values() if r.kind != "source"}
        assert {r.outcome for r in rows.values()} == {PENDING}
        assert rows[poison].attempts == attempt + 1
        assert all(r.attempts == 0 for name, r in rows.items() if name != poison), "the other shards completed"
        source = feed(server, ["0.flac", "1.flac", "2.flac"])  # a new episode in between
    assert submit_with(images, dataset, source, pause, tmp_path) == "SUCCEEDED"
    rows = dataset.ledger()
    assert rows[poison].outcome == GIVEN_UP
    assert sorted(r.outcome for name, r in rows.items() if name != poison) == [PUBLISHED, PUBLISHED]
    law_of_seconds(rows)


def test_a_schedule_runs_twice_and_publishes_once(dataset: ClusterDataset, server: Server, schedule: str) -> None:
    source = feed(server, [speech(server)])
    options = ["--sources", source, "--dataset", dataset.name, "--store", STORE, "--allow-private"]
    added = speechmill("schedule", "add", schedule, "--cron", "* * * * *", *options)
    assert added.returncode == 0, added.stderr
    listed = speechmill("schedule", "list")
    assert schedule in listed.stdout, listed.stdout
    deadline = time.monotonic() + 1200
    while (states := [str(r.state) for r in runs_of(schedule)]).count("SUCCEEDED") < 2:
        assert "FAILED" not in states, states
        assert time.monotonic() < deadline, states
        time.sleep(5)
    assert dataset.versions() == 1
    law_of_seconds(dataset.ledger())
