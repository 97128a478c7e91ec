"""Failures around a store: each gives a one-line error, and the store's contents stay complete."""

import hashlib
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from store.datasets import DatasetStore
from store.interface import Store, StoreError
from store.ledger import Ledger
from store.minio import PART_BYTES, access, client
from store.objects import open_store
from tests.minio_server import MinioServer, proxy, serving
from tests.store.test_tables import row
from tests.versions import add_rows

PUBLISHER = """
import sys
from store.datasets import DatasetStore
from store.objects import open_store
from tests.store.test_tables import row
from tests.versions import add_rows

store = open_store(sys.argv[1])
dataset = DatasetStore(store, "show")
for i in range(1000):
    run = f"{sys.argv[2]}-{i}"
    version = add_rows(dataset, run, row(run))
    print(version.number, flush=True)
"""
WRITER = """
import hashlib, random, sys
from store.objects import open_store

store = open_store(sys.argv[1])
print("begins", flush=True)
for i in range(1000):
    data = random.Random(i).randbytes(int(sys.argv[2]))
    store.write(f"clips/{hashlib.sha256(data).hexdigest()}", data)
    print(i, flush=True)
"""


def started(program: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True)


def killed_after(process: subprocess.Popen[str], seconds: float) -> list[str]:
    """Kills a process some seconds after its first line; returns all lines that it printed."""
    assert process.stdout
    first = process.stdout.readline()
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    return [first, *process.communicate()[0].splitlines()]


def check_versions(dataset: DatasetStore) -> None:
    """Checks that versions are numbered without a gap, and each has one row more than the one before."""
    versions = dataset.versions()
    assert [v.number for v in versions] == list(range(1, len(versions) + 1))
    assert [len(dataset.rows(v)) for v in versions[-3:]] == [v.number for v in versions[-3:]]


def test_a_killed_publisher_leaves_only_complete_versions(uri: str) -> None:
    dataset = DatasetStore(open_store(uri), "show")
    for i, seconds in enumerate((0.03, 0.11, 0.24, 0.4)):
        printed = killed_after(started(PUBLISHER, uri, f"run-{i}"), seconds)
        assert dataset.versions()[-1].number in (int(printed[-1]), int(printed[-1]) + 1)
        check_versions(dataset)
    last = dataset.versions()[-1].number
    made = add_rows(dataset, "after", row("after"))
    assert made and made.number == last + 1


@pytest.mark.parametrize("size", [100_000, 3 * PART_BYTES])
def test_a_killed_writer_leaves_only_complete_objects(uri: str, size: int) -> None:
    store = open_store(uri)
    for seconds in (0.01, 0.17, 0.29):
        killed_after(started(WRITER, uri, str(size)), seconds)
        for key in store.keys("clips/"):
            assert key == f"clips/{hashlib.sha256(store.read(key)).hexdigest()}"
    store.write("clips/after", b"1")
    assert store.read("clips/after") == b"1"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MinioServer]:
    """A server that a test may stop, with the bucket s3://own; sets the environment to connect to it."""
    with serving(tmp_path) as server:
        server.lead(monkeypatch)
        client(access()).make_bucket("own")
        yield server


def test_writers_continue_after_a_restart_of_the_server(own: MinioServer) -> None:
    """The server is killed twice while three processes write: all of them continue, and nothing is lost."""
    programs = [(PUBLISHER, "a-run"), (WRITER, str(200_000)), (WRITER, str(2 * PART_BYTES))]
    processes = [started(program, "s3://own", argument) for program, argument in programs]
    printed: list[list[str]] = [[], [], []]

    def listen(process: subprocess.Popen[str], lines: list[str]) -> None:
        assert process.stdout
        lines.extend(iter(process.stdout.readline, ""))

    threads = [threading.Thread(target=listen, args=pair) for pair in zip(processes, printed, strict=True)]
    try:
        for thread in threads:
            thread.start()
        for _ in range(2):
            before = [len(lines) for lines in printed]
            wait_for(lambda before=before: all(len(lines) > n + 1 for lines, n in zip(printed, before, strict=True)))
            own.stop()
            time.sleep(0.5)
            own.start()
        before = [len(lines) for lines in printed]
        wait_for(lambda: all(len(lines) > n + 1 for lines, n in zip(printed, before, strict=True)))
        assert [p.poll() for p in processes] == [None, None, None]
    finally:
        for process, thread in zip(processes, threads, strict=True):
            process.kill()
            process.wait()
            thread.join()
    store = open_store("s3://own")
    check_versions(DatasetStore(store, "show"))
    assert DatasetStore(store, "show").versions()[-1].number >= int(printed[0][-1])
    keys = list(store.keys("clips/"))
    assert len(keys) >= sum(len(lines) - 1 for lines in printed[1:])
    assert all(key == f"clips/{hashlib.sha256(store.read(key)).hexdigest()}" for key in keys)


def wait_for(what: Callable[[], bool]) -> None:
    while not what():
        time.sleep(0.02)


def operations(store: Store) -> list[Callable[[], object]]:
    return [
        lambda: store.read("a/x"),
        lambda: store.write("a/x", b"1"),
        lambda: store.write_file("a/x", Path(__file__)),
        lambda: list(store.blocks("a/x")),
        lambda: store.exists("a/x"),
        lambda: list(store.keys("a/")),
        lambda: store.folders("a/"),
        lambda: Ledger(store, "show").rows(),
        lambda: DatasetStore(store, "show").versions(),
        lambda: add_rows(DatasetStore(store, "show"), "run", row("a")),
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong-one"}, "AWS_SECRET_ACCESS_KEY is not the secret of the user in AWS_ACCESS_KEY_ID"),
        ({"AWS_ACCESS_KEY_ID": "nobody"}, "the server does not know the user in AWS_ACCESS_KEY_ID"),
    ],
)
def test_wrong_credentials_are_named_and_the_secret_is_not_printed(
    bucket: str, monkeypatch: pytest.MonkeyPatch, change: dict[str, str], message: str
) -> None:
    for name, value in change.items():
        monkeypatch.setenv(name, value)
    for operation in operations(open_store(bucket)):
        with pytest.raises(StoreError, match=message) as error:
            operation()
        assert "\n" not in str(error.value) and os.environ["AWS_SECRET_ACCESS_KEY"] not in str(error.value)
        assert bucket in str(error.value) and os.environ["AWS_ENDPOINT_URL"] in str(error.value)


def test_a_missing_bucket_is_an_error_and_not_an_empty_store(bucket: str) -> None:
    for operation in operations(open_store(f"s3://none-{secrets.token_hex(6)}")):
        with pytest.raises(StoreError, match="there is no such bucket: create it with `speechmill store init`"):
            operation()


def test_an_unreachable_server_is_an_error_that_says_so(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free, ThreadPoolExecutor() as pool:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
        for error in [future.exception() for future in [pool.submit(operation) for operation in operations(open_store(bucket))]]:
            assert isinstance(error, StoreError) and "\n" not in str(error)
            assert re.search(r"at http://127.0.0.1:\d+: the server does not answer: .*Connection refused", str(error))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"AWS_ENDPOINT_URL": ""}, "found no AWS_ENDPOINT_URL: set them$"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "found no AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: set them$"),
        ({"AWS_ENDPOINT_URL": "localhost:9000"}, "expected AWS_ENDPOINT_URL like http://HOST:9000, found localhost:9000"),
        ({"AWS_ENDPOINT_URL": "http://host:9000/path"}, "expected AWS_ENDPOINT_URL like"),
        ({"AWS_ENDPOINT_URL": "http://me:hidden@host:9000"}, "found http://…@host:9000"),
    ],
)
def test_an_invalid_environment_is_an_error_that_names_the_variable(
    bucket: str, monkeypatch: pytest.MonkeyPatch, change: dict[str, str], message: str
) -> None:
    for name, value in change.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StoreError, match=message) as error:
        open_store(bucket)
    assert "hidden" not in str(error.value)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 48 MB."""
    if os.geteuid() != 0:
        pytest.skip("expected root, to mount a small disk, found another user")
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("expected permission to mount a small disk, found none")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(store: Store, folder: Path) -> None:
    """Fills a disk through a store; checks the errors, and that earlier contents stay complete."""
    dataset = DatasetStore(store, "show")
    add_rows(dataset, "one", row("a"))
    with pytest.raises(StoreError, match=r"could not write clips/\d+ in .*: make room there and run it again") as error:
        for i in range(100):
            store.write(f"clips/{i}", bytes([i]) * 1_000_000)
    assert "\n" not in str(error.value)
    ballast = folder / "ballast"
    with pytest.raises(OSError), ballast.open("wb") as file:
        while True:
            file.write(b"0" * 4096)
            file.flush()
    with pytest.raises(StoreError, match=r"could not write datasets/show/.* in .*make room there and run it again") as error:
        add_rows(dataset, "two", *(row(secrets.token_hex(500)) for _ in range(1000)))
    assert "\n" not in str(error.value)
    assert [v.run for v in dataset.versions()] == ["one"] and dataset.rows(dataset.version()) == [row("a")]
    for key in store.keys("clips/"):
        assert store.read(key) == bytes([int(key.removeprefix("clips/"))]) * 1_000_000
    ballast.unlink()


def test_a_full_disk_of_a_folder_is_an_error_and_loses_nothing(small_disk: Path) -> None:
    store = open_store(str(small_disk / "store"))
    fill(store, small_disk)
    assert not [p for p in small_disk.rglob("*") if p.name.startswith(".part-")]


def test_a_full_disk_of_a_server_is_an_error_and_loses_nothing(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(small_disk) as server:
        server.lead(monkeypatch)
        client(access()).make_bucket("own")
        fill(open_store("s3://own"), small_disk)


@pytest.fixture
def corrupting(minio: MinioServer) -> Iterator[str]:
    """The URL of a proxy to the server that corrupts the first data with a certain word, in either direction."""
    corrupted = threading.Event()

    def corrupt(data: bytes) -> bytes:
        if b"<<speech>>" not in data or corrupted.is_set():
            return data
        corrupted.set()
        return data.replace(b"<<speech>>", b"<<screec>>")

    with proxy(minio, corrupt) as url:
        yield url


def test_an_object_corrupted_in_transit_is_sent_again(bucket: str, corrupting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clear = open_store(bucket)
    monkeypatch.setenv("AWS_ENDPOINT_URL", corrupting)
    open_store(bucket).write("a", b"0" * 1000 + b"<<speech>>")
    assert clear.read("a") == b"0" * 1000 + b"<<speech>>"


def test_an_object_corrupted_in_transit_is_read_again(bucket: str, corrupting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(bucket).write("a", b"0" * 1000 + b"<<speech>>")
    monkeypatch.setenv("AWS_ENDPOINT_URL", corrupting)
    assert open_store(bucket).read("a") == b"0" * 1000 + b"<<speech>>"


def test_a_file_corrupted_in_transit_is_sent_again(bucket: str, corrupting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"0" * 1000 + b"<<speech>>")
    clear = open_store(bucket)
    monkeypatch.setenv("AWS_ENDPOINT_URL", corrupting)
    open_store(bucket).write_file("a", tmp_path / "a")
    assert clear.read("a") == b"0" * 1000 + b"<<speech>>"


def test_blocks_are_complete_if_the_connection_breaks_after_the_last_byte(
    bucket: str, minio: MinioServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with a proxy that uses chunked encoding and stops before the final chunk."""
    data = bytes(range(250)) * 20
    open_store(bucket).write("a", data)
    left = -1

    def without_an_end(some: bytes) -> bytes:
        nonlocal left
        head, end, body = some.partition(b"\r\n\r\n")
        if left < 0 and b"Content-Length: 5000\r\n" in head:
            left, some = len(data), head.replace(b"Content-Length: 5000", b"Transfer-Encoding: chunked") + end + b"1388\r\n" + body
        else:
            body = some
        if left > 0:
            left -= len(body)
            some += b"\r\nno number\r\n" if not left else b""
        return some

    with proxy(minio, without_an_end) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        assert b"".join(open_store(bucket).blocks("a")) == data
    assert left == 0


def test_blocks_resume_where_the_connection_was_cut(bucket: str, minio: MinioServer, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytes(range(256)) * 20_000
    open_store(bucket).write("a", data)
    passed, cuts = 0, 0

    def cut(some: bytes) -> bytes:
        nonlocal passed, cuts
        passed += len(some)
        if cuts < 2 and passed > 2_000_000 * (cuts + 1):
            cuts += 1
            return b""
        return some

    with proxy(minio, cut) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        assert b"".join(open_store(bucket).blocks("a")) == data
    assert cuts == 2 and passed < 1.5 * len(data)
