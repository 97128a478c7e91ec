"""A purge that breaks off leaves every version readable, and is completed by the same command. The store's steward may do it."""

import shutil
from pathlib import Path

import pytest

from pipelines.datasets.forgetting import Done, forget_all
from pipelines.datasets.verify import Verification
from store.forgotten import Forgotten
from store.init import initialize
from store.interface import Store, StoreError
from store.objects import open_store
from tests.contents import holding
from tests.minio_server import MinioServer
from tests.store.conftest import uri
from tests.upkeep_store import NAME, Show, filled

__all__ = ["uri"]
A = "aaaaaaaaaaaaaaa1"


class Failing:
    """A store that fails at one of its writes and deletions, before or after doing it, and at all that follow."""

    def __init__(self, store: Store, last: int) -> None:
        self._store, self._left = store, last

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def write(self, key: str, data: bytes) -> None:
        self._step(key)
        self._store.write(key, data)

    def delete(self, key: str) -> None:
        if key.endswith("lease.json"):
            self._store.delete(key)  # so that the test need not wait for it to end
            return
        self._step(key)
        self._store.delete(key)

    def _step(self, key: str) -> None:
        self._left -= 1
        if self._left < 0:
            raise StoreError(f"broke off at {key}")


def wish(**named: str) -> dict[str, list[str]]:
    return {kind: [named[kind]] if kind in named else [] for kind in ("urls", "recordings", "speakers")}


def forget(store: Store, **named: str) -> Done:
    return forget_all(store, NAME, "purge", wish(**named), True, "", "me", lambda _: None)


def steps(store: Store, **named: str) -> int:
    """Number of writes and deletions of a whole purge."""
    counting = Failing(store, 10_000)
    forget(counting, **named)  # type: ignore[arg-type]
    return 10_000 - counting._left


def readable(store: Store) -> None:
    """Every version can be read: each clip once, with its measurements."""
    show = Show(store)
    for version in show.dataset.versions():
        clips = [r.clip for r in show.dataset.rows(version)]
        assert clips == sorted(set(clips)) and {c.partition("-")[0] for c in clips} >= {"bbbbbbbbbbbbbbb2"}


@pytest.mark.parametrize("named", [{"urls": "https://example.org/aaaaaaaaaaaaaaa1/episode.mp3"}, {"speakers": "s0002"}])
def test_wherever_it_breaks_off_the_same_command_completes_it(tmp_path: Path, named: dict[str, str]) -> None:
    filled(open_store(str(tmp_path / "before")))
    shutil.copytree(tmp_path / "before", tmp_path / "whole")
    whole = Show(open_store(str(tmp_path / "whole")))
    count = steps(whole.store, **named)
    expected = [[r.clip for r in whole.dataset.rows(v)] for v in whole.dataset.versions()]
    for last in sorted({*range(0, count, 7), count - 1}):
        shutil.copytree(tmp_path / "before", tmp_path / str(last))
        show = Show(open_store(str(tmp_path / str(last))))
        gone = [r for r in show.dataset.rows(show.dataset.version()) if named.get("speakers", A) in (r.speaker, r.recording)]
        with pytest.raises(StoreError, match="broke off"):
            forget(Failing(show.store, last), **named)  # type: ignore[arg-type]
        readable(show.store)
        forget(show.store, **named)
        assert [[r.clip for r in show.dataset.rows(v)] for v in show.dataset.versions()] == expected
        assert Verification(show.store, NAME).check(show.dataset.versions(), lambda *_: None).damage == []
        for row in gone:
            assert holding(show.store, row.text.encode()) == [] and holding(show.store, bytes(row.vector)) == []
            assert holding(show.store, row.audio_sha256.encode()) == []
        assert all(t.purge == "done" for t in Forgotten(show.store, NAME).rows())
        assert not show.store.exists(f"datasets/{NAME}/purge.parquet")


def test_purging_without_naming_anything_completes_what_began(uri: str) -> None:
    show = filled(open_store(uri))
    with pytest.raises(StoreError):
        forget(Failing(show.store, 20), recordings=A)  # type: ignore[arg-type]
    assert holding(show.store, A.encode())
    done = forget(show.store)
    assert done.purged and done.purged.subjects == [f"recording:{A}"] and holding(show.store, A.encode()) == []


def test_the_steward_of_a_store_may_do_all_of_it_and_the_reader_may_verify(
    minio: MinioServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    minio.lead(monkeypatch)
    initialize("s3://purged-by-steward", tmp_path)
    show = filled(open_store("s3://purged-by-steward"))
    show.truth(A)

    def become(role: str) -> Store:
        for line in (tmp_path / f"purged-by-steward-{role}.env").read_text().splitlines():
            monkeypatch.setenv(*line.split("=", 1))
        return open_store("s3://purged-by-steward")

    store = become("steward")
    forget(store, recordings=A)
    assert holding(store, A.encode()) == []
    reader = become("reader")
    checked = Verification(reader, NAME).check(Show(reader).dataset.versions(), lambda *_: None)
    assert checked.damage == [] and checked.decoded
    with pytest.raises(StoreError, match="AccessDenied"):
        forget(reader, recordings="bbbbbbbbbbbbbbb2")
