"""`store.init` makes the bucket and its users, and each user has only the rights of its role."""

import dataclasses
import io
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from deltalake import DeltaTable
from minio.commonconfig import ENABLED
from minio.error import S3Error
from minio.versioningconfig import VersioningConfig

from components.shared.model import read_model
from components.shared.rows import Item
from components.shared.table import empty
from store.datasets import DatasetStore, audio_key
from store.init import initialize
from store.interface import StoreError
from store.ledger import Ledger
from store.minio import access, client
from store.models import ModelStore
from store.objects import open_store
from store.plans import read_plan, write_plan
from tests.minio_server import MinioServer
from tests.models import write_model
from tests.store.test_tables import row
from tests.versions import put_version

RUNNER, PUBLISHER, READER = (f"SPEECHMILL_{role}_SECRET_KEY" for role in ("RUNNER", "PUBLISHER", "READER"))
Use = Callable[[str], str]


@pytest.fixture
def uri(minio: MinioServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """URI of a bucket that does not exist yet; sets the environment to the root user."""
    minio.lead(monkeypatch)
    return f"s3://init-{secrets.token_hex(6)}"


@pytest.fixture
def use(minio: MinioServer, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Use:
    """Makes the store; a function that sets the environment to the user of a role."""
    initialize(uri, tmp_path / "secrets")

    def become(role: str) -> str:
        lines = (tmp_path / "secrets" / f"{uri.removeprefix('s3://')}-{role}.env").read_text().splitlines()
        for line in lines:
            monkeypatch.setenv(*line.split("=", 1))
        return uri

    return become


def refused(work: Callable[[], object]) -> bool:
    """Whether the server denies access; other errors do not count."""
    try:
        work()
    except S3Error as error:
        return error.code == "AccessDenied"
    except StoreError as error:
        return "AccessDenied" in str(error)
    return False


def item(name: str) -> Item:
    return dataclasses.replace(empty(Item), recording=name)


def test_the_root_user_pushes_models_and_runner_and_publisher_only_read_them(use: Use, uri: str, tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", "small", {"weights": b"weights"})
    model = ModelStore(open_store(uri)).push(folder)
    assert model == read_model(folder, "spleeter")
    write_model(folder, "small", {"weights": b"other weights"}, created="2026-11-24T00:00:00+00:00")
    for role in ("runner", "publisher"):
        models = ModelStore(open_store(use(role)))
        assert models.names() == ["small"] and models.versions("small") == [model]
        assert refused(lambda models=models: models.push(folder))
        assert models.uri("small") == f"{uri}/models/small/{model.version}" and models.verify("small") == []


def test_the_publisher_can_write_plans_datasets_and_the_ledger(use: Use) -> None:
    store = open_store(use("publisher"))
    assert read_plan(store, write_plan(store, [item("a")])) == [item("a")]
    store.write(audio_key("show", "ab12"), b"flac" * 5_000_000)
    dataset, ledger = DatasetStore(store, "show"), Ledger(store, "show")
    for i in range(3):
        put_version(dataset, [row("a", title=str(i))], f"run-{i}")
        DeltaTable(store.table_uri("datasets/show/decisions"), storage_options=store.storage_options()).create_checkpoint()
    ledger.write(lambda _: [])
    assert dataset.version().number == 3 and dataset.rows(dataset.version(1)) == [row("a", title="0")]
    assert len(store.read(audio_key("show", "ab12"))) == 20_000_000


def test_the_publisher_cannot_write_elsewhere_and_cannot_delete(use: Use) -> None:
    store = open_store(use("publisher"))
    for key in ("datasets/show/audio/x", "runs/train_separator/x", "runs/train_voicefilter/x"):
        store.write(key, b"1")
    for key in ("models/a/1/x", "references/a/1/x", "runs/x", "x"):
        assert refused(lambda key=key: store.write(key, b"1")), key
    direct = client(access())
    assert refused(lambda: direct.remove_object(store.uri.removeprefix("s3://"), "datasets/show/audio/x"))
    assert refused(lambda: direct.make_bucket("another"))


def test_the_runner_reads_inputs_of_runs_and_writes_only_runs(use: Use, minio: MinioServer, monkeypatch: pytest.MonkeyPatch) -> None:
    plans = open_store(use("publisher"))
    shard = write_plan(plans, [item("a")])
    minio.lead(monkeypatch)
    read = ("models/a/1/x", "references/a/1/x", "effects/a/1/x", "sources/show/x")
    for key in (*read, "datasets/show/audio/x"):
        open_store(plans.uri).write(key, b"1")
    store = open_store(use("runner"))
    bucket, direct = store.uri.removeprefix("s3://"), client(access())
    assert read_plan(store, shard) == [item("a")]
    for key in read:
        assert store.read(key) == b"1" and list(store.keys(key.removesuffix("x"))) == [key]
    store.write("runs/a/x", b"1" * 20_000_000)
    assert list(store.keys("runs/a/")) == ["runs/a/x"]
    direct.remove_object(bucket, "runs/a/x")
    assert not list(store.keys("runs/"))
    for key in (*read, "datasets/show/audio/x", "plans/x", "x"):
        assert refused(lambda key=key: store.write(key, b"2")), key
    for prefix in ("", "datasets/", "datasets/show/audio/"):
        assert refused(lambda prefix=prefix: list(store.keys(prefix))), prefix
    assert refused(lambda: store.read("datasets/show/audio/x"))
    assert refused(lambda: direct.remove_object(bucket, "models/a/1/x"))
    assert refused(lambda: DatasetStore(store, "show").versions())


def test_the_reader_only_reads_datasets(use: Use, minio: MinioServer, monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = open_store(use("publisher"))
    publisher.write(audio_key("show", "ab12"), b"flac")
    put_version(DatasetStore(publisher, "show"), [row("a")])
    minio.lead(monkeypatch)
    for key in ("models/a/1/x", "runs/x", "plans/x"):
        open_store(publisher.uri).write(key, b"1")
    store = open_store(use("reader"))
    dataset = DatasetStore(store, "show")
    assert dataset.rows(dataset.version()) == [row("a")] and Ledger(store, "show").rows() == {}
    assert store.read(audio_key("show", "ab12")) == b"flac"
    for key in ("models/a/1/x", "runs/x", "plans/x"):
        assert refused(lambda key=key: store.read(key)), key
    for key in ("datasets/show/audio/x", "runs/x", "plans/x"):
        assert refused(lambda key=key: store.write(key, b"2")), key
    assert refused(lambda: client(access()).remove_object(store.uri.removeprefix("s3://"), audio_key("show", "ab12")))


@pytest.mark.parametrize("role", ["runner", "publisher", "reader"])
def test_no_user_can_access_another_bucket(use: Use, bucket: str, role: str) -> None:
    open_store(bucket).write("models/a/1/x", b"1")
    use(role)
    other, direct = open_store(bucket), client(access())
    assert refused(lambda: other.read("models/a/1/x"))
    assert refused(lambda: other.write("runs/x", b"1"))
    assert refused(lambda: list(other.keys("models/")))
    assert refused(lambda: direct.put_object(bucket.removeprefix("s3://"), "plans/x", io.BytesIO(b""), 0))


def test_repeating_keeps_the_secrets_unless_they_are_renewed(uri: str, tmp_path: Path) -> None:
    initialize(uri, tmp_path)
    files = {p.name: p.read_text() for p in tmp_path.iterdir()}
    initialize(uri)
    initialize(uri, tmp_path)
    assert files == {p.name: p.read_text() for p in tmp_path.iterdir()}
    initialize(uri, tmp_path, renew=True)
    assert all(files[p.name] != p.read_text() for p in tmp_path.iterdir())


def test_renewed_secrets_work_and_old_ones_do_not(
    use: Use, uri: str, tmp_path: Path, minio: MinioServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    minio.lead(monkeypatch)
    initialize(uri, tmp_path / "new", renew=True)
    store = open_store(use("runner"))
    with pytest.raises(StoreError, match="AWS_SECRET_ACCESS_KEY is not the secret"):
        store.write("runs/x", b"")
    bucket = uri.removeprefix("s3://")
    manifest = json.loads((tmp_path / "new" / f"{bucket}-runner.yaml").read_text())
    assert manifest["metadata"]["name"] == "speechmill-runner" and manifest["stringData"]["accesskey"] == f"{bucket}-runner"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", manifest["stringData"]["secretkey"])
    open_store(uri).write("runs/x", b"")


def test_only_the_owner_can_read_the_files_and_no_secret_is_printed(uri: str, tmp_path: Path) -> None:
    lines = initialize(uri, tmp_path / "secrets")
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0
    for path in (tmp_path / "secrets").glob("*.env"):
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.read_text().strip().rpartition("=")[2] not in "\n".join(lines)


def test_a_job_can_set_the_secrets_by_environment_variables(uri: str, minio: MinioServer, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {RUNNER: "runner-secret-1", PUBLISHER: "publisher-secret-1", READER: "reader-secret-1"}
    command = [sys.executable, "-m", "store.init", uri]
    for _ in range(2):
        done = subprocess.run(command, env=os.environ | given, capture_output=True, text=True, check=True)
        assert "secret-1" not in done.stdout + done.stderr
    for name, value in minio.environment_of(f"{uri.removeprefix('s3://')}-publisher", given[PUBLISHER]).items():
        monkeypatch.setenv(name, value)
    open_store(uri).write("plans/x", b"")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, "expected a folder for the new secrets"),
        ({RUNNER: "short", PUBLISHER: "long-enough"}, "expected 8 characters or more in SPEECHMILL_RUNNER_SECRET_KEY, found 5"),
        ({RUNNER: "long-enough", READER: "long-enough"}, "new secrets of init-.*-publisher, found none"),
        ({"AWS_SECRET_ACCESS_KEY": "wrong-one"}, "AWS_SECRET_ACCESS_KEY is not the secret"),
        ({"AWS_ACCESS_KEY_ID": "nobody"}, "does not know the user"),
        ({"AWS_ENDPOINT_URL": ""}, "found no AWS_ENDPOINT_URL"),
    ],
)
def test_an_invalid_call_is_an_error_and_makes_no_bucket(uri: str, minio: MinioServer, change: dict[str, str], message: str) -> None:
    done = subprocess.run([sys.executable, "-m", "store.init", uri], env=os.environ | change, capture_output=True, text=True)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    with pytest.raises(StoreError, match=message):
        initialize(uri, environment=os.environ | change)
    assert not client(access()).bucket_exists(uri.removeprefix("s3://"))


def test_a_bucket_with_versioning_is_refused(bucket: str, tmp_path: Path) -> None:
    client(access()).set_bucket_versioning(bucket.removeprefix("s3://"), VersioningConfig(ENABLED))
    with pytest.raises(StoreError, match="without versioning"):
        initialize(bucket, tmp_path)


def test_another_user_than_root_cannot_initialize(use: Use, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="may not do this"):
        initialize(use("publisher"), tmp_path, renew=True)
