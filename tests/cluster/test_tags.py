"""Speakers, tones and transcripts on a real cluster: the same rows as in an embedded run; other rules rerun only `publish`."""

import statistics
from pathlib import Path

import pytest

from components.shared.rows import DatasetRow
from pipelines.inputs.slots import SLOTS, bundled, uri
from tests.cluster.pods import input_uri, pods
from tests.cluster.runs import STORE, ClusterDataset, run_id
from tests.end_to_end.runs import Dataset, host_of_the_sample, speechmill

ASKED = ("--reference", "host-of-the-sample", "--transcribe-engine", "pocketsphinx", "--transcribe-language", "en")
STAGE_OF_MODEL = {
    "separate_model": "separate",
    "extract_model": "extract",
    "tag_tone_model": "tag_tone",
    "transcribe_model": "transcribe",
    "transcribe_second_model": "transcribe",
}
COMPUTE = (
    "download",
    "fingerprint",
    "separate",
    "segment",
    "diarize",
    "cut",
    "denoise",
    "extract",
    "tag_speaker",
    "tag_tone",
    "tag_quality",
    "tag_events",
    "transcribe",
)


@pytest.fixture(scope="module")
def embedded_rows(tmp_path_factory: pytest.TempPathFactory) -> list[DatasetRow]:
    """The sample's rows from an embedded run with its host as reference."""
    local = Dataset(tmp_path_factory.mktemp("embedded"), "sample")
    add_host(local.uri, tmp_path_factory.mktemp("host"))
    local.run(*ASKED)
    return local.rows()


def add_host(store: str, folder: Path) -> str:
    """Adds the reference to a store; returns its name and version."""
    added = speechmill("references", "add", "host-of-the-sample", *host_of_the_sample(folder), "--store", store)
    if "may not do this" in added.stderr:
        pytest.skip(f"no reference can be added to {store}: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not the root user's")
    assert added.returncode == 0, added.stderr
    return added.stdout.splitlines()[-1].partition("references/")[2]


def test_the_rows_equal_those_of_an_embedded_run_and_other_rules_rerun_only_publish(
    dataset: ClusterDataset, embedded_rows: list[DatasetRow], tmp_path: Path
) -> None:
    host = add_host(STORE, tmp_path)
    done = dataset.run("--sources", "sample:", *ASKED)
    run, rows = run_id(done), dataset.rows()
    assert rows == embedded_rows
    assert {r.reference for r in rows} == {host}
    assert all(r.speaker and r.similarity is not None and r.tone and r.dnsmos_ovrl and r.text_by.startswith("pocketsphinx/") for r in rows)
    uris = {stage: uri(STORE, SLOTS[parameter], bundled(SLOTS[parameter])) for parameter, stage in STAGE_OF_MODEL.items()}
    for stage, model in uris.items():
        assert {input_uri(pod, "model") for pod in pods(run, stage)} == {model}
    assert {input_uri(pod, "reference") for pod in pods(run, "diarize")} == {f"{STORE}/references/{host}"}
    least = statistics.median(r.similarity or 0 for r in rows)
    other = dataset.run("--sources", "sample:", *ASKED, "--publish-min-similarity", least, fresh=False)
    assert dataset.versions() == 2
    assert not [stage for stage in (*COMPUTE, "collect") if pods(run_id(other), stage)]
    assert {r.kept for r in dataset.rows() if (r.similarity or 0) < least} == {False}
    assert "similarity" in {r.reason for r in dataset.rows()}
