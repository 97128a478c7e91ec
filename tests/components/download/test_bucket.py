"""Objects of a real MinIO server are fetched as they are, whatever happens to the line."""

import dataclasses
import io
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.download.bucket import fetch
from components.download.download import download
from components.download.policy import ItemError
from components.shared.rows import Item
from components.shared.table import empty
from store.interface import StoreError
from store.minio import access, client, object_url
from tests.components.download.conftest import QUICK, ignore
from tests.minio_server import MinioServer, proxy

MEDIA = random.Random(1).randbytes(3_000_000)


@pytest.fixture(scope="module", autouse=True)
def media(minio: MinioServer) -> Iterator[None]:
    """A bucket with an object, to which the environment leads."""
    with pytest.MonkeyPatch.context() as patch:
        minio.lead(patch)
        client(access()).make_bucket("media")
        put("show/a?b#c%20d 밤.mp3", MEDIA)
        yield


def put(key: str, data: bytes) -> None:
    client(access()).put_object("media", key, io.BytesIO(data), len(data))


def bucket_item(key: str) -> Item:
    url = object_url("media", key)
    return dataclasses.replace(empty(Item), recording=key[:1] * 16, kind="bucket", url=url)


def test_an_object_comes_as_it_is(minio: MinioServer, tmp_path: Path) -> None:
    fetch(object_url("media", "show/a?b#c%20d 밤.mp3"), tmp_path / "media", QUICK, ignore)
    assert (tmp_path / "media").read_bytes() == MEDIA


def test_a_broken_line_is_taken_up_where_it_broke(minio: MinioServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passed, cuts = 0, [1_000_000, 2_000_000]

    def cut(data: bytes) -> bytes:
        nonlocal passed
        passed += len(data)
        if cuts and passed > cuts[0]:
            cuts.pop(0)
            return b""
        return data

    with proxy(minio, cut) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        fetch(object_url("media", "show/a?b#c%20d 밤.mp3"), tmp_path / "media", QUICK, ignore)
    assert (tmp_path / "media").read_bytes() == MEDIA
    assert not cuts and passed < 1.2 * len(MEDIA)


def test_an_object_that_changes_meanwhile_is_no_mixture(minio: MinioServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put("changing.mp3", MEDIA)
    other, cuts, passed = random.Random(2).randbytes(3_000_000), [1], 0
    real = minio.url

    def cut(data: bytes) -> bytes:
        nonlocal passed
        passed += len(data)
        if cuts and passed > 1_000_000:
            cuts.clear()
            with monkeypatch.context() as patch:
                patch.setenv("AWS_ENDPOINT_URL", real)
                put("changing.mp3", other)
            return b""
        return data

    with proxy(minio, cut) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        fetch(object_url("media", "changing.mp3"), tmp_path / "media", QUICK, ignore)
    assert (tmp_path / "media").read_bytes() == other


def test_a_line_that_always_breaks_is_a_reason(minio: MinioServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with proxy(minio, lambda data: b"" if MEDIA[500_000:500_008] in data else data) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        with pytest.raises(ItemError, match="the connection broke, 4 times"):
            fetch(object_url("media", "show/a?b#c%20d 밤.mp3"), tmp_path / "media", QUICK, ignore)


def test_a_server_that_breaks_off_before_it_answers_is_a_reason(
    minio: MinioServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy(minio, lambda data: b"" if data.startswith(b"HTTP/") else data) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        with pytest.raises(ItemError, match=r"^the connection broke$"):
            fetch(object_url("media", "show/a?b#c%20d 밤.mp3"), tmp_path / "media", dataclasses.replace(QUICK, retries=0), ignore)


def test_a_server_that_is_away_blames_no_recording(minio: MinioServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://none.invalid:9000")
    with pytest.raises(StoreError, match="the server does not answer"):
        download([bucket_item("1.mp3")], tmp_path, QUICK)


def test_objects_become_recordings_or_reasons(minio: MinioServer, tmp_path: Path, episode: bytes) -> None:
    put("1.mp3", episode)
    keys = ("1.mp3", "2-gone.mp3", "show/a?b#c%20d 밤.mp3", "4" * 2000)
    rows, _ = download([bucket_item(k) for k in keys], tmp_path, QUICK)
    assert [bool(r.samples) for r in rows] == [True, False, False, False]
    assert rows[3].reason.startswith("XMinioInvalidObjectName")
    assert rows[0].url == "s3://media/1.mp3" and rows[0].kind == "bucket"
    assert (
        rows[1].reason == "there is no such object (NoSuchKey)"
        and rows[2].reason.startswith("not audio")
        and rows[2].url == "s3://media/show/a%3Fb%23c%2520d%20밤.mp3"
    )


@pytest.mark.parametrize(("name", "value"), [("AWS_SECRET_ACCESS_KEY", "wrong-one"), ("AWS_ACCESS_KEY_ID", "nobody")])
def test_who_is_not_known_blames_no_recording(
    minio: MinioServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(StoreError, match=name):
        download([bucket_item("1.mp3")], tmp_path, QUICK)


def test_an_object_that_is_too_large_is_not_fetched(minio: MinioServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passed = 0

    def count(data: bytes) -> bytes:
        nonlocal passed
        passed += len(data)
        return data

    large = bytes(64_000_000)  # more than the buffers of the connections hold, which pass on what nobody reads
    put("large.mp3", large)
    with proxy(minio, count) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        limit = len(large) - 1
        rows, _ = download([bucket_item("large.mp3")], tmp_path / "audio", dataclasses.replace(QUICK, max_bytes=limit))
    assert [r.reason for r in rows] == [f"more than {limit} bytes, the limit download_max_bytes"]
    assert passed < len(large)
