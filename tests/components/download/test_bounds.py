"""Sources and programs without an end: one recording is given up with a reason, and the others are downloaded."""

import dataclasses
import itertools
import os
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import QUICK, Make, Server, fetch, item, run_task, tone

from components.download.bounds import TimeIsUp, time_limit
from components.shared.rows import Item
from store.objects import LocalStore
from store.plans import write_plan
from tests.places import ROOT
from tests.tasks import artifacts, stage_command

SHORT = dataclasses.replace(QUICK, timeout_minutes=0.1)
LIVE = "its source states no size, so it may be a live stream, which has no end"


@contextmanager
def dripping(answer: bytes) -> Iterator[str]:
    """URL of a server that sends the same byte for ever, one a tenth of a second, after an answer."""
    ended = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection:
            try:
                connection.sendall(answer)
                while not ended.wait(0.1):
                    connection.sendall(b"a")
            except OSError:
                pass

    def serve() -> None:
        while not ended.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=drip, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/a.mp3"
        ended.set()


def test_a_live_stream_is_given_up_and_the_others_go_on(server: Server, episode: bytes, tmp_path: Path) -> None:
    live = server.put("/live", episode[:8000], headers={"Content-Length": ""}, endless=0.5)
    items = [item(live, "feed"), item(server.put("/2.mp3", episode), "feed"), item(f"{live}?again", "podbbang")]
    task = run_task(tmp_path, items, timeout_minutes=SHORT.timeout_minutes)
    assert task.status == 0, task.log
    reasons = {r.recording: r.reason for r in task.rows}
    given_up = f"its download did not end within 0.1 minutes, the limit download_timeout_minutes; {LIVE}"
    assert [reasons[i.recording] for i in items] == [given_up, "", given_up]


@pytest.mark.parametrize(
    ("answer", "live"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", ""),
        (b"HTTP/1.1 200 OK\r\n\r\n", f"; {LIVE}"),
        (b"HTTP/1.1 200 OK\r\nX-Header: ", ""),
    ],
    ids=["file", "stream", "headers"],
)
@pytest.mark.parametrize("kind", ["media", "youtube"])
def test_a_server_of_a_few_bytes_a_second_is_given_up(tmp_path: Path, kind: str, answer: bytes, live: str) -> None:
    with dripping(answer) as url:
        (row,) = fetch(tmp_path, item(url, kind), policy=dataclasses.replace(QUICK, timeout_minutes=0.02))
    assert row.reason.startswith("its download did not end within 0.02 minutes, the limit download_timeout_minutes")
    assert kind == "youtube" or row.reason.endswith(f"download_timeout_minutes{live}")


def test_shoutcast_s_answer_is_a_live_stream(tmp_path: Path) -> None:
    with dripping(b"ICY 200 OK\r\nicy-name: Radio\r\n\r\n") as url:
        (row,) = fetch(tmp_path, item(url))
    assert row.reason == "a live stream, which has no end"


def test_ffmpeg_that_hangs_is_ended(make: Make, tmp_path: Path) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\necho $$ >> {tmp_path}/started\nexec sleep 600\n")
    program.chmod(0o755)
    task = run_task(
        tmp_path, [item(tone(make, "hang.mp3", 500), "local")], environment={"IMAGEIO_FFMPEG_EXE": str(program)}, timeout_minutes=0.05
    )
    assert task.status == 0, task.log
    assert [r.reason for r in task.rows] == ["its conversion did not end within 0.05 minutes, the limit download_timeout_minutes"]
    for pid in (tmp_path / "started").read_text().split():
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


def test_a_time_limit_passes_code_that_catches_every_exception() -> None:
    caught = []
    with pytest.raises(TimeIsUp), time_limit(0.005):
        while True:
            try:
                threading.Event().wait(60)
            except Exception as error:
                caught.append(error)
    assert caught == []


@pytest.mark.parametrize("rate_hz", [1000, 8000])
def test_a_small_file_of_days_is_given_up_at_the_limit(make: Make, tmp_path: Path, rate_hz: int) -> None:
    bomb = make(f"bomb-{rate_hz}.flac", "-f", "lavfi", "-i", f"anullsrc=r={rate_hz}:cl=mono", "-t", "7200")
    assert bomb.stat().st_size < 1_000_000
    items = [item(bomb, "local"), item(tone(make, "exact.wav", 500, 60), "local")]
    rows = fetch(tmp_path, *items, policy=dataclasses.replace(QUICK, max_seconds=60))
    assert [(r.reason, r.seconds) for r in rows] == [("longer than 60 s, the limit download_max_seconds", 0), ("", 60)]
    assert [p.name for p in (tmp_path / "audio").iterdir()] == [f"{items[1].recording}.flac"]


def test_a_file_that_is_too_large_is_given_up_whatever_fetches_it(server: Server, episode: bytes, make: Make, tmp_path: Path) -> None:
    small = tone(make, "little.mp3", 300, 1, "-b:a", "32k")
    limit = len(episode) - 1
    assert small.stat().st_size <= limit
    stated, unstated = server.put("/stated.mp3", episode), server.put("/unstated.mp3", episode, headers={"Content-Length": ""})
    endless = server.put("/endless.mp3", episode[:8000], headers={"Content-Length": ""}, endless=0)
    (tmp_path / "large.mp3").write_bytes(episode)
    items = [item(url, kind) for url in (stated, unstated, endless) for kind in ("media", "youtube")]
    items += [item(tmp_path / "large.mp3", "local"), item(server.put("/small.mp3", small.read_bytes())), item(small, "local")]
    rows = fetch(tmp_path, *items, policy=dataclasses.replace(QUICK, max_bytes=limit))
    assert [r.reason for r in rows[:7]] == [f"more than {limit} bytes, the limit download_max_bytes"] * 7
    assert (rows[7].reason, rows[8].reason) == ("", f"duplicate of {rows[7].recording}")


def test_a_long_transfer_shows_its_progress(server: Server, episode: bytes, tmp_path: Path) -> None:
    size = f"{len(episode) / 1e6:.1f}"
    items = [item(server.put("/1.mp3", episode), seconds=4.0), item(server.put("/2.mp3", episode, headers={"Content-Length": ""}))]
    task = run_task(tmp_path, items, environment={"SPEECHMILL_PROGRESS_SECONDS": "0"})
    notes = {line.partition(" s/s, ")[2] for line in task.log.splitlines() if line.startswith("progress ")}
    assert {f"0.0 of {size} MB", f"{size} of {size} MB", f"{size} MB"} <= notes


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n1.ts\n", "a live stream, which has no end"),
        (
            b"#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n1.ts\n#EXT-X-ENDLIST\n",
            "not audio: a playlist (M3U); name the media in it as sources",
        ),
        (b"\xef\xbb\xbf#EXTM3U\r\nhttp://radio.example/live\r\n", "not audio: a playlist (M3U); name the media in it as sources"),
        (b"[Playlist]\nFile1=http://radio.example/live\n", "not audio: a playlist (PLS); name the media in it as sources"),
        (b'<ASX version="3.0"></ASX>', "not audio: a playlist (ASX); name the media in it as sources"),
        (b'<?xml version="1.0"?>\n<MPD></MPD>', "not audio: a playlist (DASH); name the media in it as sources"),
    ],
)
def test_a_playlist_says_that_it_is_one(server: Server, tmp_path: Path, data: bytes, reason: str) -> None:
    (row,) = fetch(tmp_path, item(server.put("/live.m3u8", data)))
    assert row.reason == reason


# --- the disk


def on_a_small_disk(tmp_path: Path, items: list[Item], free_bytes: int) -> tuple[int, str]:
    """Runs the stage with TMPDIR on a disk of this size; returns its status and its output."""
    if subprocess.run(["unshare", "--user", "--mount", "--map-root-user", "true"], capture_output=True).returncode:
        pytest.skip("this machine lets no process mount a file system of its own")
    store, disk = tmp_path / "store", tmp_path / "disk"
    disk.mkdir()
    limits = {"max_bytes": 0, "max_seconds": 0, "timeout_minutes": 0}
    settings = {
        "retries": 1,
        "backoff_seconds": 0.01,
        "sleep_seconds": 0,
        "max_sleep_seconds": 0,
        "rate_limit_bytes": 0,
        "licences": "",
        "youtube_clients": "default",
    }
    parameters = {"shard": write_plan(LocalStore(store), items), "store": str(store), "allow_private": True} | settings | limits
    command = stage_command("download", tmp_path / "output.json", None, artifacts(recordings=tmp_path / "recordings"), **parameters)
    mounted = [
        "unshare",
        "--user",
        "--mount",
        "--map-root-user",
        "sh",
        "-c",
        f'mount -t tmpfs -o size={free_bytes} none {disk} && exec "$@"',
    ]
    variables = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(disk)}
    done = subprocess.run([*mounted, "sh", *command], env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


@pytest.mark.parametrize("large_first", [True, False])
def test_a_recording_that_fills_the_disk_is_given_up_alone(server: Server, episode: bytes, tmp_path: Path, large_first: bool) -> None:
    large = item(server.put("/large.mp3", b"a" * 4_000_000))
    others = (item(server.put(f"/{n}.mp3", episode + bytes([n % 256]))) for n in itertools.count())
    small = next(i for i in others if (large.recording < i.recording) == large_first)  # a plan is sorted by recording
    status, log = on_a_small_disk(tmp_path, [large, small], 2_000_000)
    assert status == 0, log
    assert f"{large.recording}: it needs more space than the disk has, {large.url}" in log
    assert f"{small.recording}: 4." in log or f"{small.recording}: 3.9" in log


def test_a_disk_that_is_full_is_no_fault_of_any_recording(server: Server, episode: bytes, tmp_path: Path) -> None:
    items = [item(server.put(f"/{n}.mp3", episode + bytes([n]))) for n in range(2)]
    status, log = on_a_small_disk(tmp_path, items, 16_384)
    assert status == 2, log
    places = rf"{tmp_path}/disk/speechmill-\w+ and {tmp_path}/recordings/audio"
    assert log.splitlines()[-1].startswith("error: expected disk space for a recording in ")
    assert re.search(places, log)
