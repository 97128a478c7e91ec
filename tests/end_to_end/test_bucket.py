"""Runs whose store is a bucket of a real MinIO, embedded and in Docker, make the same dataset."""

from dataclasses import replace
from pathlib import Path

import pytest

from components.shared.model import read_model
from pipelines.inputs.slots import SEPARATE, bundled
from store.init import initialize
from store.minio import access, client
from store.models import ModelStore
from store.objects import open_store
from tests.end_to_end.runs import Dataset, require_images, same, speechmill, stages_that_ran
from tests.minio_server import MinioServer

OWN = bundled(SEPARATE)


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["embedded", "docker"])
def test_a_bucket_holds_the_same_dataset_as_a_folder(
    runner: str, short: Dataset, minio: MinioServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if runner == "docker":
        require_images()
    minio.lead(monkeypatch)
    client(access()).make_bucket(f"bucket-{runner}")
    monkeypatch.chdir(tmp_path)
    other = replace(short, bucket=f"s3://bucket-{runner}", options=(*short.options, "--runner", runner))
    other.run()
    same(other, short)
    kept = tmp_path / "data" / "runs" / f"bucket-{runner}"
    assert sorted(p.name for p in kept.iterdir() if p.is_dir()) == sorted([runner, "models", "references", "effects"])
    assert not [p for p in tmp_path.rglob("*") if p.name in ("datasets", "plans")]
    assert read_model(kept / "models" / OWN.name / OWN.version, "spleeter") == OWN
    assert ModelStore(open_store(other.uri)).verify(OWN.name, OWN.version) == []
    again = other.run("--discover-again")
    assert stages_that_ran(again) == ["collect", "discover", "publish", "report"]
    assert other.versions() == 1
    moved = other.run("--runs", tmp_path / "elsewhere")
    assert "nothing changes" in moved.stdout
    assert (tmp_path / "elsewhere" / runner).is_dir()
    read_as_the_reader(other, tmp_path / "read")
    selected = speechmill("dataset", "select", other.name, "--publish-min-seconds", 1.0, "--store", other.uri)
    assert selected.returncode == 0 and other.versions() == 2, selected.stderr


def read_as_the_reader(dataset: Dataset, folder: Path) -> None:
    """Shows, exports and reports a dataset as the store's reader, who may do nothing else."""
    initialize(dataset.uri, folder)
    with pytest.MonkeyPatch.context() as patch:
        for line in (folder / f"{dataset.uri.removeprefix('s3://')}-reader.env").read_text().splitlines():
            patch.setenv(*line.split("=", 1))
        for command in (["show"], ["versions"], ["export", "--out", folder / "clips"], ["report", "--out", folder / "page.html"]):
            done = speechmill("dataset", command[0], dataset.name, *command[1:], "--store", dataset.uri)
            assert done.returncode == 0, (command, done.stderr)
        refused = speechmill("dataset", "select", dataset.name, "--publish-min-seconds", 1.0, "--store", dataset.uri)
        assert refused.returncode == 1 and "may not do this" in refused.stderr
    assert len((folder / "clips" / "manifest.jsonl").read_text().splitlines()) == sum(row.kept for row in dataset.rows())
    assert "<audio" in (folder / "page.html").read_text()


def test_a_bucket_without_keys_is_refused_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    done = speechmill("run", "--store", "s3://bucket", cwd=tmp_path)
    assert done.returncode == 1
    assert "AWS_SECRET_ACCESS_KEY" in done.stderr and len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())
