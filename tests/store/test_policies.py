"""What the users of a store may delete: the publisher what it replaces, the steward what nobody needs, the others nothing of a dataset."""

from pathlib import Path

import pytest

from components.shared.rows import Fingerprint
from store.fingerprints import MOST_OBJECTS, FingerprintStore
from store.init import initialize, secret_variable
from store.interface import Store
from store.lease import lease
from store.minio import access
from store.objects import open_store
from tests.minio_server import MinioServer
from tests.store.test_init import PUBLISHER, READER, RUNNER, Use, refused, uri, use

__all__ = ["uri", "use"]  # fixtures

OF_DATASETS = tuple(f"datasets/show/{name}" for name in ("audio/ab/x.flac", "decisions/x.parquet", "measures/x.parquet", "fingerprint"))
REST = ("plans/x", "references/a/1/x", "runs/a/x")
KEPT = ("models/a/1/x", "effects/a/1/x", "sources/x")
GIVEN = dict.fromkeys((RUNNER, PUBLISHER, READER), "long-enough")


@pytest.fixture
def filled(use: Use, uri: str, minio: MinioServer, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store with an object of every kind, opened as the root user."""
    minio.lead(monkeypatch)
    store = open_store(uri)
    for key in (*OF_DATASETS, *REST, *KEPT):
        store.write(key, b"1")
    return store


def test_the_publisher_takes_and_gives_back_the_lease_of_a_dataset(use: Use) -> None:
    store = open_store(use("publisher"))
    for run in ("first", "second"):
        with lease(store, "show", run, pytest.fail):
            assert store.exists("datasets/show/lease.json")
    assert not store.exists("datasets/show/lease.json")


def test_the_publisher_joins_small_objects_of_fingerprints(use: Use) -> None:
    fingerprints = FingerprintStore(store := open_store(use("publisher")), "show")
    for number in range(MOST_OBJECTS + 1):
        fingerprints.write([Fingerprint(f"r{number}", 0.1, 2.7, b"1234")])
    assert len(list(store.keys("datasets/show/fingerprints/"))) == 1 and len(fingerprints.recordings()) == MOST_OBJECTS + 1


@pytest.mark.parametrize("role", ["publisher", "runner", "reader"])
def test_no_user_of_a_stage_deletes_a_part_of_a_version_or_a_model(use: Use, filled: Store, role: str) -> None:
    store = open_store(use(role))
    for key in (*OF_DATASETS, *KEPT, "plans/x", "references/a/1/x"):
        assert refused(lambda key=key: store.delete(key)), key
        assert filled.exists(key)


def test_the_steward_deletes_what_upkeep_deletes_and_nothing_else(use: Use, filled: Store) -> None:
    store = open_store(use("steward"))
    for key in (*OF_DATASETS, *REST):
        store.delete(key)
        assert not filled.exists(key), key
    for key in KEPT:
        assert store.read(key) == b"1"
        assert refused(lambda key=key: store.delete(key)), key
    store.write("datasets/show/forgotten/x", b"1")
    for key in ("models/a/1/x", "references/a/1/x", "runs/x", "sources/x"):
        assert refused(lambda key=key: store.write(key, b"2")), key


def test_a_job_with_the_secrets_of_the_stages_makes_no_steward(uri: str, minio: MinioServer, tmp_path: Path) -> None:
    given = minio.environment | GIVEN
    assert not any("steward" in line for line in initialize(uri, environment=given))
    assert any("steward: created" in line for line in initialize(uri, environment=given | {secret_variable("steward"): "long-enough"}))
    assert any("steward: secret unchanged" in line for line in initialize(uri, environment=given))
    assert access(minio.environment).endpoint == minio.url
