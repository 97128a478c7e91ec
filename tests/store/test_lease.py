"""One publisher at a time, also if one dies or may not delete."""

import threading
from typing import Any

import pytest

from store import lease as leases
from store.interface import Store, StoreError
from store.lease import lease
from store.objects import open_store

KEY = "datasets/show/lease.json"


class Undeletable:
    """A store that lets nothing be deleted, as to the users of stores of earlier releases."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def delete(self, key: str) -> None:
        raise StoreError(f"could not delete {key}")


def test_a_second_publisher_waits_and_says_for_whom(uri: str) -> None:
    store, said, order = open_store(uri), list[str](), list[str]()
    waits = threading.Event()

    def say(line: str) -> None:
        said.append(line)
        waits.set()

    def second() -> None:
        with lease(store, "show", "run-2", say):
            order.append("second")

    with lease(store, "show", "run-1", said.append):
        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(30)
        order.append("first")
    thread.join(30)
    assert order == ["first", "second"]
    assert said == ["waiting for run run-1, which publishes this dataset"]
    assert not store.exists(KEY)


def test_the_lease_of_a_publisher_that_died_is_taken_over_and_its_own_end_changes_nothing(uri: str, waits: list[float]) -> None:
    store, said = open_store(uri), list[str]()
    store.write(KEY, b'{"holder": "dead", "nonce": "1"}')
    with lease(store, "show", "run-2", said.append):
        assert b"run-2" in store.read(KEY)
    assert said[-1] == "run dead has not renewed its lease for 60 s: taking it over"
    assert sum(waits) >= leases.LEASE_SECONDS and not store.exists(KEY)
    with lease(store, "show", "run-3", said.append):
        store.write(KEY, b'{"holder": "another", "nonce": "2"}')
    assert b"another" in store.read(KEY), "a lease that was taken over is not its to end"


def test_a_lease_that_is_renewed_is_waited_for(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "_RENEWED_SECONDS", 0.05)
    store, seen = open_store(uri), set[bytes]()
    with lease(store, "show", "run-1", print):
        for _ in range(200):
            seen.add(store.read(KEY))
            if len(seen) > 2:
                break
            threading.Event().wait(0.05)
    assert len(seen) > 2


def test_where_nothing_may_be_deleted_a_lease_ends_too(uri: str) -> None:
    store, said = open_store(uri), list[str]()
    for run in ("run-1", "run-2"):
        with lease(Undeletable(store), "show", run, said.append):  # type: ignore[arg-type]
            assert run.encode() in store.read(KEY)
    assert store.read(KEY) == b"{}" and said == []
