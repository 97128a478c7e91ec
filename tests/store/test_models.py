"""Models in a store are complete or absent, immutable, and found by name."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from components.shared.model import File, Model, describe, read_model, version_of
from components.shared.task import StageError
from store.interface import StoreError
from store.minio import PART_BYTES
from store.models import ModelStore
from store.objects import open_store
from tests.models import CREATED, write_model

SIZE = PART_BYTES + 12345  # more than one part of an upload


@pytest.fixture
def models(uri: str) -> ModelStore:
    return ModelStore(open_store(uri))


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    def made(seed: int = 1, name: str = "small", created: str = CREATED, size: int = 1000) -> Path:
        files = {"weights": random.Random(seed).randbytes(size), "sub/config.json": b"{}"}
        return write_model(tmp_path / f"made-{name}-{seed}", name, files, created=created)

    return made


def test_a_pushed_model_is_found_and_fetched(uri: str, models: ModelStore, make: Callable[..., Path], tmp_path: Path) -> None:
    folder = make(size=SIZE)
    assert models.names() == []
    model = models.push(folder)
    assert models.names() == ["small"] and models.versions("small") == [model]
    assert models.uri("small") == models.uri("small", model.version) == f"{uri}/models/small/{model.version}"
    assert models.verify("small", model.version) == []
    assert models.fetch("small", "", tmp_path / "back") == read_model(tmp_path / "back", "spleeter") == model
    assert sorted(open_store(uri).keys("models/")) == [
        f"models/small/{model.version}/{p}" for p in ("model.json", "sub/config.json", "weights")
    ]


def test_a_name_without_a_version_means_the_latest_version(models: ModelStore, make: Callable[..., Path]) -> None:
    times = ["2026-11-23T02:00:00+00:00", "2026-11-23T03:00:00+09:00", "2026-11-23T01:00:00"]  # the second is the earliest
    versions = [models.push(make(seed, created=time)).version for seed, time in enumerate(times)]
    assert [m.version for m in models.versions("small")] == [versions[0], versions[2], versions[1]]
    assert models.uri("small").endswith(versions[0])


def test_pushing_the_same_model_again_changes_nothing(uri: str, models: ModelStore, make: Callable[..., Path]) -> None:
    folder = make()
    model = models.push(folder)
    later = describe(folder, "small", "spleeter", "MIT", "elsewhere", "2027-01-01T00:00:00+00:00")
    assert later.version == model.version
    assert models.push(folder) == model and models.versions("small") == [model]


def test_an_interrupted_push_is_invisible_and_can_be_completed(uri: str, models: ModelStore, make: Callable[..., Path]) -> None:
    folder = make()
    model = read_model(folder, "spleeter")
    store = open_store(uri)
    store.write(f"models/small/{model.version}/sub/config.json", (folder / "sub/config.json").read_bytes())
    assert models.names() == [] and models.versions("small") == []
    with pytest.raises(StoreError, match="speechmill models push small"):
        models.uri("small")
    with pytest.raises(StoreError, match=f"expected version {model.version} of the model small"):
        models.uri("small", model.version)
    assert models.push(folder) == model
    assert models.verify("small", model.version) == []


def test_a_push_with_a_wrong_file_writes_nothing(uri: str, models: ModelStore, make: Callable[..., Path]) -> None:
    folder = make()
    (folder / "weights").write_bytes(b"truncated")
    with pytest.raises(StageError, match=r"expected 1000 bytes .* found 9 bytes"):
        models.push(folder)
    assert list(open_store(uri).keys("models/")) == []


def test_a_damaged_file_is_named_and_replaced_by_pushing_again(uri: str, models: ModelStore, make: Callable[..., Path]) -> None:
    folder = make()
    model = models.push(folder)
    store = open_store(uri)
    store.write(f"models/small/{model.version}/weights", b"other")
    (fault,) = models.verify("small")
    assert f"models/small/{model.version}/weights" in fault and "expected 1000 bytes" in fault and "found 5 bytes" in fault
    models.push(folder, again=True)
    assert models.verify("small") == []


def test_a_missing_file_is_a_fault(tmp_path: Path, make: Callable[..., Path]) -> None:
    models = ModelStore(open_store(str(tmp_path / "store")))
    model = models.push(make())
    (tmp_path / "store/models/small" / model.version / "weights").unlink()
    assert "found none" in models.verify("small")[0]
    with pytest.raises(StoreError, match="weights"):
        models.fetch("small", "", tmp_path / "back")
    assert not (tmp_path / "back").exists() and not list(tmp_path.glob(".part-*"))


@pytest.mark.parametrize("name", ["../up", "Big", "a/b", "", ".hidden", "a" * 64])
def test_names_that_are_no_simple_folder_names_are_refused(uri: str, models: ModelStore, make: Callable[..., Path], name: str) -> None:
    folder = make()
    text = json.loads((folder / "model.json").read_text()) | {"name": name}
    (folder / "model.json").write_text(json.dumps(text))
    for use in (lambda: models.push(folder), lambda: models.versions(name), lambda: models.uri(name), lambda: models.verify(name)):
        with pytest.raises(StoreError, match="expected a model name"):
            use()
    assert list(open_store(uri).keys("")) == []


@pytest.mark.parametrize("version", ["..", "../../datasets", "ABCDEF012345", "1"])
def test_an_invalid_version_is_refused(models: ModelStore, version: str) -> None:
    with pytest.raises(StoreError, match="12 hex digits"):
        models.uri("small", version)


def test_a_model_that_lists_its_own_description_as_a_file_is_refused(uri: str, models: ModelStore, make: Callable[..., Path]) -> None:
    folder = make()
    fields = json.loads((folder / "model.json").read_text())
    fields["files"]["model.json"] = fields["files"]["weights"]
    fields["version"] = version_of({name: File(**file) for name, file in fields["files"].items()})
    (folder / "model.json").write_text(json.dumps(fields))
    with pytest.raises(StageError):
        models.push(folder)
    assert list(open_store(uri).keys("")) == []


def test_a_description_under_another_name_is_an_error(uri: str, models: ModelStore, make: Callable[..., Path]) -> None:
    models.push(make())
    open_store(uri).write("models/other/0123456789ab/model.json", (make(2) / "model.json").read_bytes())
    with pytest.raises(StoreError, match="expected the description of other/0123456789ab"):
        models.uri("other")
    assert models.uri("small")


def test_an_invalid_time_is_refused(uri: str, models: ModelStore, make: Callable[..., Path]) -> None:
    with pytest.raises(StageError, match="ISO 8601"):
        models.push(make(created="yesterday"))
    assert models.names() == []


def test_fetching_into_an_existing_folder_is_refused(models: ModelStore, make: Callable[..., Path], tmp_path: Path) -> None:
    model: Model = models.push(make())
    (tmp_path / "mine").mkdir()
    with pytest.raises(StoreError, match="found one"):
        models.fetch("small", model.version, tmp_path / "mine")
    assert list((tmp_path / "mine").iterdir()) == []
