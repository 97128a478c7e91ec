"""Recordings whose files are replaced at their sources: what the next runs say and do."""

from pathlib import Path

import pytest

from tests import command
from tests.end_to_end.runs import Dataset, Server, episode, stages_that_ran
from tests.end_to_end.test_http import QUICK, feed


@pytest.fixture
def show(tmp_path: Path, stand_ins: None) -> Dataset:
    return Dataset(tmp_path / "store", "show", command=command.speechmill)


def sounds(show: Dataset) -> dict[str, set[str]]:
    """The hashes of the clips of each file."""
    found: dict[str, set[str]] = {}
    for row in show.rows():
        found.setdefault(Path(row.source).name, set()).add(row.audio_sha256)
    return found


@pytest.mark.parametrize("option", ["--discover-refresh", pytest.param("--discover-again", marks=pytest.mark.slow)])
def test_a_local_file_with_other_sound_is_told_and_then_taken(show: Dataset, tmp_path: Path, option: str) -> None:
    media = tmp_path / "media"
    media.mkdir()
    episode(media / "one.mp3", 1, 0)
    episode(media / "two.mp3", 2, 0)
    arguments = ("--sources", media, *QUICK, "--no-diarize-enabled")
    show.run(*arguments)
    before = sounds(show)
    (media / "one.mp3").unlink()
    episode(media / "one.mp3", 1, 25)

    told = show.run(*arguments)
    assert "1 recordings have other files now; discover_refresh downloads them again: one.mp3 changed at its source: " in told.stdout
    assert sounds(show) == before and show.versions() == 1
    shown = show.command("dataset", "show", "show", "--store", show.folder).stdout
    assert "not up to date: one.mp3 (" in shown and "): changed at its source: " in shown

    taken = show.run(*arguments, option)
    after = sounds(show)
    assert show.versions() == 2 and after["two.mp3"] == before["two.mp3"] and not after["one.mp3"] & before["one.mp3"]
    assert "its clips of " in taken.stdout and "are those of another file than before: changed at its source: " in taken.stdout
    assert {row.reason for row in show.ledger().values()} == {""}
    again = show.run(*arguments, option)
    assert "nothing changes" in again.stdout and "download" not in stages_that_ran(again)


@pytest.mark.slow
def test_an_episode_replaced_under_its_url_is_found_when_its_server_is_asked(show: Dataset, server: Server) -> None:
    episode(server.folder / "one.mp3", 1, 0)
    arguments = ("--sources", feed(server, ("one", "one")), *QUICK, "--no-diarize-enabled")
    show.run(*arguments)
    before = sounds(show)
    assert "refreshed 0, done 1" in show.run(*arguments, "--discover-refresh").stdout
    (server.folder / "one.mp3").unlink()
    episode(server.folder / "one.mp3", 1, 25)
    server.requests.clear()
    assert "nothing changes" in show.run(*arguments).stdout
    assert server.requests == ["/feed.xml"], "no request for an episode that the dataset has"
    show.run(*arguments, "--discover-refresh")
    assert show.versions() == 2 and not sounds(show)["one.mp3"] & before["one.mp3"]
