"""Objects in every backend of the store."""

import os
import random
from pathlib import Path

import pytest

from store.interface import BLOCK_BYTES, StoreError
from store.minio import PART_BYTES
from store.objects import open_store


def test_objects_are_read_back_listed_and_replaced(uri: str) -> None:
    store = open_store(uri)
    store.write("a/b/one", b"1")
    store.write("a/two", b"2")
    store.write("a/two", b"3")
    store.write("a/none", b"")
    store.write("b-1/three", b"4")
    assert store.read("a/two") == b"3" and store.read("a/none") == b""
    assert store.exists("a/b/one") and not store.exists("a/b") and not store.exists("a/b/none")
    assert list(store.keys("a/")) == ["a/b/one", "a/none", "a/two"]
    assert list(store.keys("")) == ["a/b/one", "a/none", "a/two", "b-1/three"]
    assert list(store.keys("none/")) == []
    assert store.folders("") == ["a", "b-1"] and store.folders("a/") == ["b"] and store.folders("none/") == []


def test_keys_may_contain_any_characters(uri: str) -> None:
    store = open_store(uri)
    key = "a/데이터 + é~b?#%20&=.flac"
    store.write(key, b"1")
    assert store.read(key) == b"1" and store.exists(key) and list(store.keys("a/")) == [key]


def test_keys_have_the_same_order_in_every_backend(uri: str) -> None:
    store = open_store(uri)
    for key in ("a/b/c", "a/b-c", "a/b.c", "a/B"):
        store.write(key, b"")
    assert list(store.keys("a/")) == ["a/B", "a/b-c", "a/b.c", "a/b/c"]


def test_large_objects_are_read_back(uri: str) -> None:
    store, data = open_store(uri), random.Random(1).randbytes(2 * PART_BYTES + 12345)
    store.write("a/large", data)
    assert store.read("a/large") == data


def test_large_files_are_written_and_read_in_blocks(uri: str, tmp_path: Path) -> None:
    store, data = open_store(uri), random.Random(1).randbytes(2 * PART_BYTES + 12345)
    (tmp_path / "large").write_bytes(data)
    store.write_file("a/large", tmp_path / "large")
    blocks = list(store.blocks("a/large"))
    assert b"".join(blocks) == data and max(map(len, blocks)) <= BLOCK_BYTES
    (tmp_path / "none").touch()
    store.write_file("a/none", tmp_path / "none")
    assert b"".join(store.blocks("a/none")) == b""
    with pytest.raises(StoreError, match="expected an object a/missing"):
        list(store.blocks("a/missing"))


@pytest.mark.parametrize("key", ["../x", "/etc/passwd", "a/../../x", "a//b", "a/./b"])
def test_keys_stay_inside_the_store(uri: str, key: str) -> None:
    store = open_store(uri)
    for use in (store.read, store.exists, store.folders, store.table_uri, lambda k: list(store.keys(k)), lambda k: store.write(k, b"")):
        with pytest.raises(StoreError, match="inside the store"):
            use(key)


def test_files_of_objects_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        open_store(str(tmp_path)).write("a", b"1")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644


def test_a_missing_object_is_named(uri: str) -> None:
    with pytest.raises(StoreError, match="expected an object plans/x"):
        open_store(uri).read("plans/x")


def test_an_unfinished_write_is_not_listed(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    store.write("a/whole", b"1")
    (tmp_path / "a" / ".part-xyz").write_bytes(b"half")
    assert list(store.keys("a/")) == ["a/whole"]


@pytest.mark.parametrize("uri", ["gs://bucket", "s3://bucket/prefix", "s3://", "s3://A_b", "s3://a..b", "s3://10.0.0.1"])
def test_other_kinds_of_uris_are_refused(uri: str) -> None:
    with pytest.raises(StoreError, match=r"expected .*s3://BUCKET"):
        open_store(uri)
