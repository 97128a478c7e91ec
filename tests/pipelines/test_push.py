"""Uploads of exports: to the hub, by its own client from the readers' environment against a loopback server, and to a bucket."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.objects import open_store
from tests.command import speechmill
from tests.export_store import fill
from tests.hub_server import TOKEN, Hub, serving
from tests.places import ROOT
from tests.readers import environment, python

PUSH = """
import sys
from pathlib import Path
from components.shared.task import StageError
from pipelines.datasets.push import push
try:
    print(push(Path(sys.argv[1]), sys.argv[2]))
except StageError as error:
    sys.exit(f"error: {error}")
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("radio") / "store")


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving() as found:
        yield found


def exported(store: Path, out: Path, *options: str) -> Path:
    done = speechmill("dataset", "export", "radio", "--store", store, "--out", out, *options)
    assert done.returncode == 0, done.stderr
    return out


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def pushed(hub: Hub, folder: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    own = {"PYTHONPATH": str(ROOT), "HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
    command = [python(), "-c", PUSH, folder, "hf://datasets/me/radio"]
    return subprocess.run(command, env=environment(**own | more), capture_output=True, text=True)


def test_the_hub_gets_a_private_dataset_with_the_files_and_another_version_replaces_its_shards(
    store: Path, tmp_path: Path, hub: Hub
) -> None:
    out = exported(store, tmp_path / "out", "--format", "huggingface", "--shard-mb", "0.1")
    done = pushed(hub, out)
    assert (done.returncode, done.stdout) == (0, f"{hub.url}/datasets/me/radio\n"), done.stderr
    assert hub.datasets == {"me/radio": contents(out)} and hub.private == {"me/radio": True}
    assert hub.titles == ["radio, version 1"] and len(hub.uploads) == len(list(out.glob("*.parquet"))) > 1
    less = exported(store, tmp_path / "less", "--format", "huggingface", "--where", "language = 'ko'")
    assert pushed(hub, less).returncode == 0
    assert hub.datasets == {"me/radio": contents(less)}


def test_large_files_that_the_hub_has_are_not_sent_again(store: Path, tmp_path: Path, hub: Hub) -> None:
    out = exported(store, tmp_path / "out", "--format", "jsonl")
    assert pushed(hub, out).returncode == 0
    hub.datasets["me/radio"].clear()  # as after an upload that broke off before its commit
    sent = list(hub.uploads)
    assert pushed(hub, out).returncode == 0
    assert hub.uploads == sent and hub.datasets == {"me/radio": contents(out)}


def test_a_refusal_of_the_hub_is_one_line_without_the_token(store: Path, tmp_path: Path, hub: Hub) -> None:
    out = exported(store, tmp_path / "out", "--format", "files")
    done = pushed(hub, out, HF_TOKEN="hf_wrong_token")
    assert done.returncode != 0 and len(done.stderr.splitlines()) == 1 and "hf_wrong_token" not in done.stderr
    assert done.stderr.startswith(f"error: could not upload {out} to hf://datasets/me/radio: ") and "401" in done.stderr
    assert not hub.datasets


def test_a_bucket_gets_the_files_and_other_objects_are_not_mixed_with_them(store: Path, tmp_path: Path, bucket: str) -> None:
    done = speechmill("dataset", "export", "radio", "--store", store, "--out", tmp_path / "out", "--push", f"{bucket}/training/radio")
    assert done.returncode == 0 and f"uploaded {tmp_path / 'out'} to {bucket}/training/radio" in done.stdout
    there = open_store(bucket)
    assert {k: there.read(k) for k in there.keys("training/")} == {f"training/radio/{n}": d for n, d in contents(tmp_path / "out").items()}
    assert speechmill("dataset", "push", tmp_path / "out", f"{bucket}/training/radio").returncode == 0
    other = exported(store, tmp_path / "other", "--format", "webdataset")
    refused = speechmill("dataset", "push", other, f"{bucket}/training/radio")
    assert refused.returncode != 0 and "expected no objects but those of this export" in refused.stderr
    assert not [key for key in there.keys("training/") if key.endswith(".tar")]


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("hf://me/radio", "expected hf://datasets/USER/NAME or s3://BUCKET/PREFIX to upload to, found 'hf://me/radio'"),
        ("hf://datasets/me/radio", "expected a token that may write me/radio in the environment variable HF_TOKEN, found none"),
        ("s3://bucket/x", "in the environment, to reach a store in a bucket"),
    ],
)
def test_what_an_upload_lacks_is_said_before_the_export(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str, said: str
) -> None:
    for name in ("HF_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    done = speechmill("dataset", "export", "radio", "--store", store, "--out", tmp_path / "out", "--push", uri)
    assert done.returncode != 0 and said in done.stderr and not (tmp_path / "out").exists()


def test_a_folder_that_is_no_export_is_not_uploaded(tmp_path: Path, hub: Hub) -> None:
    done = pushed(hub, tmp_path)
    assert done.returncode != 0 and "expected a complete export with manifest.jsonl" in done.stderr
