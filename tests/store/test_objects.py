"""The store's backends keep objects whole."""

import os
from pathlib import Path

import pytest

from store.objects import StoreError, open_store


def test_objects_come_back_as_they_were_put(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    store.write("a/b/one", b"1")
    store.write("a/two", b"2")
    store.write("a/two", b"3")
    assert store.read("a/two") == b"3"
    assert store.exists("a/b/one") and not store.exists("a/b") and not store.exists("a/b/none")
    assert list(store.keys("a/")) == ["a/b/one", "a/two"]
    assert list(store.keys("none/")) == []


def test_objects_can_be_read_by_whom_the_umask_lets(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        open_store(str(tmp_path)).write("a", b"1")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="expected an object plans/x"):
        open_store(str(tmp_path)).read("plans/x")


def test_a_writer_that_dies_leaves_nothing_to_see(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    store.write("a/whole", b"1")
    (tmp_path / "a" / ".part-xyz").write_bytes(b"half")
    assert list(store.keys("a/")) == ["a/whole"]


def test_stores_that_do_not_exist_yet_are_refused() -> None:
    with pytest.raises(StoreError, match="local folder"):
        open_store("s3://bucket")
