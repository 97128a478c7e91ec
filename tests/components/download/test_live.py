"""A live stream is recognized by the pace at which its sound arrives."""

from pathlib import Path

import pytest
from conftest import Make, tone

from components.download.live import LiveWatch
from components.download.policy import ItemError

BYTES_PER_SECOND = 8000  # of an MP3 at 64 kbit/s


def ended_after(make: Make, folder: Path, pace: float, burst_seconds: float = 0.0, seconds: int = 300, lost_at: int = -1) -> float:
    """The second at which a transfer is ended whose sound arrives at a multiple of the pace at which it plays; 0 if it is not.

    At the second `lost_at` the connection is lost, and the file begins anew.
    """
    sound = tone(make, "stream.mp3", 400, 1200, "-b:a", "64k").read_bytes()
    path, now, begun = folder / "media", [0.0], 0
    watch = LiveWatch(path, lambda: now[0])
    for second in range(1, seconds):
        now[0], begun = float(second), second if second == lost_at else begun
        have = int(BYTES_PER_SECOND * (burst_seconds + pace * (second - begun)))
        path.write_bytes(sound[:have])
        try:
            watch(len(sound[:have]))
        except ItemError as error:
            assert str(error).startswith("a live stream, which has no end: ")
            return now[0]
    return 0.0


@pytest.mark.parametrize("pace", [0.94, 1.0, 1.06])
def test_a_stream_that_arrives_as_fast_as_it_plays_is_ended(make: Make, tmp_path: Path, pace: float) -> None:
    assert ended_after(make, tmp_path, pace) == 60


def test_a_burst_at_its_start_does_not_hide_a_live_stream(make: Make, tmp_path: Path) -> None:
    assert ended_after(make, tmp_path, 1.0, burst_seconds=10) == 90


def test_a_live_stream_that_begins_anew_is_ended(make: Make, tmp_path: Path) -> None:
    assert ended_after(make, tmp_path, 1.0, lost_at=45) == 105


@pytest.mark.parametrize("pace", [0.3, 0.8, 1.25, 4.0])
def test_a_file_from_a_slow_server_is_kept(make: Make, tmp_path: Path, pace: float) -> None:
    assert ended_after(make, tmp_path, pace) == 0


def test_what_ffmpeg_cannot_read_is_no_live_stream(tmp_path: Path) -> None:
    now = [0.0]
    watch = LiveWatch(tmp_path / "media", lambda: now[0])
    for second in range(1, 200):
        now[0] = float(second)
        (tmp_path / "media").write_bytes(bytes(100 * second))
        watch(100 * second)
