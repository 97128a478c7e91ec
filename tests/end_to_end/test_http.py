"""Feeds over HTTP: a growing feed, broken feeds and broken downloads."""

import fcntl
from dataclasses import replace
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from tests import command
from tests.end_to_end.runs import Dataset, Server, episode, speechmill, stages_that_ran
from tests.http_server import serving

TITLE = "a/b\\c ../ \U0001f399 line\nbreak"


def feed(server: Server, *items: tuple[str, str]) -> str:
    entries = "".join(
        f"<item><title>{escape(title)}</title><guid>{name}</guid><enclosure url='{name}.mp3' type='audio/mpeg'/>"
        f"<pubDate>Mon, 0{i} Jan 2024 08:00:00 +0900</pubDate></item>"
        for i, (name, title) in enumerate(items, 1)
    )
    xml = f"<?xml version='1.0' encoding='UTF-8'?><rss version='2.0'><channel><title>show</title>{entries}</channel></rss>"
    (server.folder / "feed.xml").write_text(xml, encoding="utf-8")
    return f"{server.url}/feed.xml"


@pytest.fixture
def show(tmp_path: Path, stand_ins: None) -> Dataset:
    return Dataset(tmp_path / "store", "show", command=command.speechmill)


QUICK = (
    *("--allow-private", "--download-retries", 0, "--download-sleep-seconds", 0, "--download-max-sleep-seconds", 0),
    *("--denoise-chain", "none", "--no-tag-tone-enabled", "--no-tag-quality-enabled", "--no-tag-events-enabled"),
)
"""Options that switch off waiting between requests, and the work whose result no test here reads."""


def test_a_growing_feed_downloads_only_new_episodes_and_keeps_published_rows(server: Server, show: Dataset) -> None:
    episode(server.folder / "one.mp3", 1, 0)
    episode(server.folder / "two.mp3", 2, 0)
    url = feed(server, ("one", TITLE), ("two", "two"), ("gone", "gone"))
    show.run("--sources", url, *QUICK)
    ledger = {row.title: row for row in show.ledger().values()}
    assert show.versions() == 1
    assert {row.outcome for title, row in ledger.items() if title != "gone"} == {"published"}
    assert ledger["gone"].outcome == "failed" and "404" in ledger["gone"].reason
    assert any("\U0001f399" in title and "\n" not in title for title in ledger)
    assert {Path(r.source).name for r in show.rows()} == {"one.mp3", "two.mp3"}
    assert "failed: gone" in speechmill("dataset", "show", "show", "--store", show.folder).stdout

    server.requests.clear()
    again = show.run("--sources", url, *QUICK)
    assert "nothing changes" in again.stdout
    assert set(server.requests) == {"/feed.xml", "/gone.mp3"}

    server.requests.clear()
    first, new = show.rows(), ("three.mp3", "four.mp3")
    episode(server.folder / "three.mp3", 1, 25)
    episode(server.folder / "four.mp3", 2, 25)
    show.run("--sources", feed(server, ("one", TITLE), ("two", "two"), ("three", "three"), ("four", "four")), *QUICK)
    assert set(server.requests) == {"/feed.xml", "/three.mp3", "/four.mp3"}
    assert show.versions() == 2
    assert [r for r in show.rows() if Path(r.source).name not in new] == first, "published rows stay the same, speakers' names included"
    known = {r.speaker for r in first}
    assert "" not in known and len(known) > 1
    for name in new:  # the same two voices speak again
        assert known & {r.speaker for r in show.rows() if Path(r.source).name == name}, name


@pytest.mark.slow
def test_a_shard_whose_downloads_all_fail_publishes_no_version_and_records_reasons(server: Server, show: Dataset) -> None:
    """With the real stages, none of which gets any audio."""
    show = replace(show, command=speechmill)
    (server.folder / "empty.mp3").touch()
    (server.folder / "text.mp3").write_text("I am no music.\n" * 100)
    show.run("--sources", feed(server, ("empty", "empty"), ("text", "text"), ("gone", "gone")), *QUICK)
    ledger = {row.title: row for row in show.ledger().values()}
    assert {row.outcome for row in ledger.values()} == {"failed"}
    assert all(row.reason and "\n" not in row.reason for row in ledger.values())
    assert show.versions() == 0


def test_a_failing_source_does_not_stop_the_others(server: Server, show: Dataset) -> None:
    episode(server.folder / "one.mp3", 1, 0)
    good = feed(server, ("one", "one"))
    (server.folder / "html.xml").write_text("<html><body>moved</body></html>")
    sources = show.folder.parent / "sources.txt"
    sources.write_text(f"# my show\r\n{server.url}/none.xml, {server.url}/html.xml\r\n{good}\r\n{good}  # twice\r\n")
    done = show.run("--sources", sources, *QUICK, "--no-diarize-enabled")
    assert len({r.recording for r in show.rows()}) == 1
    failed = [row for row in show.ledger().values() if row.outcome == "failed"]
    assert len(failed) == 2 and any("404" in row.reason for row in failed)
    assert stages_that_ran(done)[0] == "collect"


def test_a_password_opens_the_feed_and_its_episodes_and_is_left_nowhere(
    show: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    episode(tmp_path / "one.mp3", 1, 0)
    with serving() as server, serving() as other:
        elsewhere = other.put("/2.mp3", b"no audio")
        server.put("/paid/1.mp3", (tmp_path / "one.mp3").read_bytes(), logins=("me:s3cr3t",))
        items = "".join(f"<item><guid>{n}</guid><enclosure url='{url}'/></item>" for n, url in enumerate(("/paid/1.mp3", elsewhere)))
        server.put("/private", f"<rss version='2.0'><channel>{items}</channel></rss>".encode(), logins=("me:s3cr3t",))
        server.resources["/private"].headers["Content-Type"] = "application/rss+xml"
        (tmp_path / "list.txt").write_text(server.url.replace("//", "//me:s3cr3t@") + "/private # paid\n")
        done = show.run("--sources", tmp_path / "list.txt", *QUICK)
        assert set(server.authorizations) == {"me:s3cr3t"} and set(other.authorizations) == {""}
    assert {row.outcome for row in show.ledger().values()} == {"published", "failed"}
    left = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "list.txt" and b"s3cr3t" in path.read_bytes()]
    assert left == [] and "s3cr3t" not in done.stdout + done.stderr


def test_private_addresses_need_allow_private(server: Server, show: Dataset) -> None:
    url = feed(server, ("one", "one"))
    done = speechmill("run", "--store", show.folder, "--dataset", "show", "--sources", url)
    assert done.returncode == 1
    assert "private" in done.stderr.splitlines()[-1] and "--allow-private" in done.stderr.splitlines()[-1]
    assert server.requests == []


def test_a_long_list_of_sources_works_and_python_files_beside_it_are_not_imported(server: Server, show: Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "my downloads"
    folder.mkdir()
    (folder / "store.py").write_text("raise SystemExit('the code of a stranger')")
    (folder / "links.txt").write_text("# a comment of many\n" * 10_000 + feed(server) + "\n")
    done = speechmill("run", "--store", "my store", "--dataset", "show", "--sources", "links.txt", *QUICK, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert server.requests == ["/feed.xml"]
    assert (folder / "my store" / "datasets" / "show" / "ledger").is_dir()


def test_a_second_run_of_a_dataset_is_refused_while_one_is_at_work(show: Dataset) -> None:
    (show.folder / "runs").mkdir(parents=True)
    with (show.folder / "runs" / "show.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = speechmill("run", "--store", show.folder, "--dataset", "show", "--sources", "https://example.org/feed.xml")
    assert done.returncode == 1
    assert done.stderr.startswith("error: another run of dataset show is at work")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sources", "gopher://example.org/1"], "gopher://example.org/1"),
        (["--dataset", "../x"], "dataset name"),
        (["--publish-genders", "women"], "publish_genders"),
        (["--denoise-chain", "lopass:5000"], "denoise_chain"),
        (["--sources", "x.mp3", "--dataset", "sample"], "--dataset NAME"),
    ],
)
def test_an_invalid_argument_gives_a_one_line_error(show: Dataset, arguments: list[str], message: str) -> None:
    given = [] if "--dataset" in arguments else ["--dataset", "show"]
    done = speechmill("run", "--store", show.folder, *given, *arguments)
    assert done.returncode != 0
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
