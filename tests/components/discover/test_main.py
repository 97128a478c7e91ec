"""The stage as Kubeflow starts it: a process with one JSON argument, sources on loopback, a local store."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.discover.feeds import SAMPLE
from components.shared.rows import DatasetRow
from components.shared.table import empty
from store.datasets import DatasetStore
from store.ledger import FAILED, FILTERED, PUBLISHED, Ledger
from store.objects import open_store
from store.plans import read_plan
from tests.components.discover.test_listing import joined
from tests.http_server import serving
from tests.places import ROOT
from tests.places import SAMPLE as AUDIO
from tests.tasks import stage_command
from tests.versions import put_version

SETTINGS = {
    "max_recordings": 0,
    "max_shards": 0,
    "shard_seconds": 36000.0,
    "min_seconds": 0.0,
    "max_seconds": 0.0,
    "attempts": 3,
    "again": False,
    "refresh": False,
    "wait": True,
}


class Task:
    """Runs discover on one dataset."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder, open_store(str(folder / "store"))
        self.runs, self.log, self.error = 0, "", ""

    def start(self, sources: str, **changes: Any) -> subprocess.Popen[str]:
        self.runs += 1
        wiring = {"sources": sources, "dataset": "radio", "store": self.store.uri, "allow_private": True, "run": f"run-{self.runs}"}
        output = self.folder / f"output-{self.runs}.json"
        command = stage_command("discover", output, results=["shards", "count", "sources_sha256"], **wiring | SETTINGS | changes)
        return subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"LC_ALL": "C.UTF-8"}
        )

    def run(self, sources: str, **changes: Any) -> list[str]:
        process = self.start(sources, **changes)
        self.log, self.error = process.communicate()
        assert process.returncode == 0, self.error
        return self.output(self.runs)

    def fail(self, sources: str, **changes: Any) -> str:
        process = self.start(sources, **changes)
        self.log, self.error = process.communicate()
        assert process.returncode == 2
        assert not (self.folder / f"output-{self.runs}.json").exists()
        return self.error.splitlines()[-1]

    def output(self, run: int) -> list[str]:
        found = json.loads((self.folder / f"output-{run}.json").read_text())["parameterValues"]
        assert found["count"] == len(found["shards"])
        return found["shards"]

    def titles(self, shard: str) -> list[str]:
        return sorted(item.title for item in read_plan(self.store, shard))

    def rows(self):
        return {row.title or row.url: row for row in Ledger(self.store, "radio").rows().values()}


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return Task(tmp_path)


def feed(*names: str, length: int = 600) -> str:
    items = "".join(
        f'<item><title>{name}</title><guid>{name}</guid><enclosure url="/{name}.mp3?token=s3cr3t" type="audio/mpeg"/>'
        f'<itunes:duration xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd">{length}</itunes:duration></item>'
        for name in names
    )
    return f'<rss version="2.0"><channel><title>Radio</title>{items}</channel></rss>'


def test_a_feed_becomes_plans_and_a_ledger_and_the_next_run_finds_what_is_new(task, web):
    web.pages["/feed"] = feed("one", "two", "three")
    source = f"http://me:s3cr3t@127.0.0.1:{web.port}/feed?key=s3cr3t"
    shards = task.run(f"{source} # the show\n", shard_seconds=1200.0)
    assert [task.titles(shard) for shard in shards] == [["one", "two"], ["three"]]
    assert "token=s3cr3t" in read_plan(task.store, shards[0])[0].url, "download needs it"
    assert f"{web.url}/feed: 3 recordings" in task.log
    assert "3 recordings listed, 3 planned in 2 shards" in task.log
    assert "found 3, new 3, pending 0" in task.log
    assert "s3cr3t" not in task.log + task.error + str(task.rows())
    assert {(row.attempts, row.run) for row in task.rows().values()} == {(1, "run-1")}

    for shard in shards:
        Ledger(task.store, "radio").survived(shard)
    web.pages["/feed"] = feed("four", "one", "two", "three")
    later = task.run(source, shard_seconds=1200.0)
    assert set(shards) < set(later)
    assert task.titles((set(later) - set(shards)).pop()) == ["four"]


def test_nothing_new_is_no_shard(task, web):
    web.pages["/feed"] = feed("one")
    task.run(f"{web.url}/feed")
    ledger = Ledger(task.store, "radio")
    ledger.write(
        lambda rows: [type(r)(**{f: getattr(r, f) for f in r.__dataclass_fields__} | {"outcome": PUBLISHED}) for r in rows.values()]
    )
    assert task.run(f"{web.url}/feed") == []
    assert "new 0, pending 0, retried 0, again 0, refreshed 0, done 1, changed 0" in task.log
    assert task.run(f"{web.url}/feed", again=True) != []


def test_a_replaced_file_is_told_and_planned_to_refresh_and_a_first_state_is_kept_in_silence(task, web):
    def serves(etag: str) -> None:
        web.pages["/show.mp3"] = (200, {"Content-Type": "audio/mpeg", "ETag": etag}, b"audio")

    source = f"{web.url}/show.mp3"
    serves('"a"')
    first = task.run(source)
    Ledger(task.store, "radio").write(lambda rows: [replace(row, outcome=PUBLISHED) for row in rows.values() if row.kind == "media"])
    assert task.run(source, refresh=True) == [] and "done 1, changed 0" in task.log
    assert (task.rows()["show.mp3"].state, task.rows()["show.mp3"].reason) == ('etag "a"; bytes 5', "")
    serves('"b"')
    assert task.run(source) == []
    told = 'changed at its source: etag "b", before "a"'
    assert f"1 recordings have other files now; discover_refresh downloads them again: show.mp3 {told}" in task.log
    assert (task.rows()["show.mp3"].outcome, task.rows()["show.mp3"].reason) == (PUBLISHED, told)
    (shard,) = task.run(source, refresh=True)
    assert [shard] != first and read_plan(task.store, shard)[0].state == 'etag "b"; bytes 5'


def test_a_source_that_fails_stops_no_other_and_is_remembered(task, web):
    web.pages |= {"/feed": feed("one"), "/html": (200, {"Content-Type": "text/html"}, b"<html/>"), "/empty": feed()}
    sources = f"{web.url}/gone?token=s3cr3t,{web.url}/html,{web.url}/empty,http://name.invalid/feed,{web.url}/feed,{task.folder}/absent"
    shards = task.run(sources)
    assert [task.titles(shard) for shard in shards] == [["one"]]
    rows = task.rows()
    assert {url: row.reason for url, row in rows.items() if row.kind == "source"} == {
        f"{web.url}/gone": "missing: HTTP 404",
        f"{web.url}/html": "expected a feed (RSS or Atom) or audio, found text/html, which is neither: "
        "it is a web page: list the address of the show's RSS feed",
        "http://name.invalid/feed": "unreachable: its host is not found",
        f"{task.folder}/absent": "there is no such file or folder; a path with a comma or # needs quotes",
    }
    assert f"{web.url}/gone: failed: HTTP 404" in task.log
    assert "failed_sources 4" in task.log
    web.pages["/gone"] = feed("two")
    task.run(sources)
    assert rows[f"{web.url}/gone"].outcome == FAILED
    assert task.rows()[f"{web.url}/gone"].outcome == ""


def test_when_every_source_fails_each_is_listed_with_its_reason(task, web):
    error = task.fail(f"{web.url}/a,{web.url}/b")
    assert error == f"error: no source could be listed: {web.url}/a: missing: HTTP 404; {web.url}/b: missing: HTTP 404"
    assert len(task.rows()) == 2


def test_the_same_episodes_by_two_ways_are_planned_once(task, web):
    web.pages["/feed"] = feed("one", "two")
    (shard,) = task.run(f"{web.url}/feed,{web.url}/feed?key=b,{web.url}/feed?page=1")
    assert task.titles(shard) == ["one", "two"]
    assert "2 recordings, 2 of them listed before" in task.log


def test_private_addresses_are_refused_unless_they_are_allowed(task, web):
    web.pages["/feed"] = feed("one")
    error = task.fail(f"{web.url}/feed", allow_private=False)
    assert "127.0.0.1 is a private address; --allow-private lets it be fetched" in error
    assert web.asked == []


def test_an_enclosure_that_is_no_web_url_is_a_failed_row(task, web):
    web.pages["/feed"] = feed("one", "two").replace("/two.mp3?token=s3cr3t", "file:///etc/passwd")
    (shard,) = task.run(f"{web.url}/feed")
    assert task.titles(shard) == ["one"]
    row = task.rows()["two"]
    assert (row.outcome, row.shard) == (FAILED, "")
    assert row.reason == "expected an http or https link to its audio, found file:///etc/passwd"


def test_two_runs_of_one_dataset_at_once_lose_nothing(task, web):
    web.pages |= {"/a": feed(*(f"a{n}" for n in range(20))), "/b": feed(*(f"b{n}" for n in range(20)))}
    started = [task.start(f"{web.url}/{name}") for name in "ab"]
    for process in started:
        _, error = process.communicate()
        assert process.returncode == 0, error
    assert sorted(task.rows()) == sorted(f"{name}{n}" for name in "ab" for n in range(20))
    planned = [title for run in (1, 2) for shard in task.output(run) for title in task.titles(shard)]
    assert sorted(planned) == sorted(task.rows())


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"sources": "gopher://a.example"}, "sources: gopher://a.example is not supported"),
        ({"attempts": 0}, "parameter discover_attempts: expected 1 or more, found 0"),
        ({"dataset": "../radio"}, "expected a dataset name of 1 to 63 lowercase letters, digits, - and _, found '../radio'"),
    ],
)
def test_what_a_person_can_mend_is_one_line(task, changes, error):
    assert task.fail(**({"sources": "sample:"} | changes)).startswith(f"error: {error}")
    assert "Traceback" not in task.error


@pytest.mark.skipif(not SAMPLE.exists(), reason="the bundled sample is not made yet")
def test_the_bundled_sample_needs_no_network(task):
    (shard,) = task.run("sample:", allow_private=False)
    items = read_plan(task.store, shard)
    assert items
    for item in items:
        assert item.kind == "sample"
        assert (AUDIO / item.url.removeprefix("sample:")).is_file()


def stored(folder: Path) -> str:
    """Everything that a run left on the disk, as text."""
    return "".join(path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file())


def test_a_password_opens_all_pages_of_its_feed_and_is_stored_nowhere(task, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with serving() as server:
        first = feed("one").replace("</channel>", '<a:link xmlns:a="http://www.w3.org/2005/Atom" rel="next" href="/private/2"/></channel>')
        server.put("/private", first.encode(), logins=("me:s3cr3t",), headers={"Content-Type": "application/rss+xml"})
        server.put("/private/2", feed("two").encode(), logins=("me:s3cr3t",), headers={"Content-Type": "application/rss+xml"})
        (shard,) = task.run(server.url.replace("//", "//me:s3cr3t@") + "/private # mine")
        assert task.titles(shard) == ["one", "two"]
        assert {item.url for item in read_plan(task.store, shard)} == {f"{server.url}/{name}.mp3?token=s3cr3t" for name in ("one", "two")}
        assert f"{server.url}/private: 2 recordings" in task.log
        assert task.fail(f"{server.url}/private/2").endswith(
            "HTTP 401: it wants a user name and password, and none is in SPEECHMILL_LOGINS"
        )
        monkeypatch.setenv("SPEECHMILL_LOGINS", server.url.replace("//", "//me:s3cr3t@"))
        task.run(f"{server.url}/private/2")
    assert "me:s3cr3t" not in stored(task.folder) + task.log + task.error


def test_recordings_that_are_said_to_be_too_short_or_too_long_are_told_and_come_back(task, web):
    web.pages |= {"/feed": feed("one", length=1), "/long": feed("two", length=3000), "/fine": feed("three", length=60)}
    sources = f"{web.url}/feed,{web.url}/long,{web.url}/fine"
    (shard,) = task.run(sources, min_seconds=2.0, max_seconds=600.0)
    assert task.titles(shard) == ["three"]
    assert (
        "2 recordings left out by their length: one is said to last 1 s; discover_min_seconds is 2; "
        "two is said to last 3000 s; discover_max_seconds is 600"
    ) in task.log
    assert "filtered 2" in task.log
    rows = task.rows()
    assert {title: (row.outcome, row.seconds) for title, row in rows.items()} == {
        "one": (FILTERED, 1),
        "two": (FILTERED, 3000),
        "three": ("", 60),
    }
    assert rows["two"].reason == "is said to last 3000 s; discover_max_seconds is 600"
    shards = task.run(sources)
    assert sorted(title for shard in shards for title in task.titles(shard)) == ["one", "three", "two"]
    assert {row.outcome for row in task.rows().values()} == {""}


def test_a_local_file_is_judged_by_its_measured_length(task, tmp_path):
    """The header of the first part states 2 s for the whole file of 6 s."""
    media = tmp_path / "media"
    media.mkdir()
    joined(tmp_path, "mp3", "-b:a", "64k").rename(media / "joined.mp3")
    (shard,) = task.run(str(media), min_seconds=4.0)
    assert task.titles(shard) == ["joined.mp3"]
    assert read_plan(task.store, shard)[0].seconds == pytest.approx(6, abs=0.3)
    (tmp_path / "other").mkdir()
    other = Task(tmp_path / "other")
    assert other.run(str(media), max_seconds=4.0) == []
    assert "joined.mp3 lasts 6.1" in other.log and "discover_max_seconds is 4" in other.log


def test_the_same_sources_have_the_same_hash_in_any_order(task, web):
    web.pages |= {"/a": feed("one"), "/b": feed("two"), "/B": feed("three")}
    for sources in (f"{web.url}/a,{web.url}/b", f"# two\n{web.url}/b\n{web.url}/a # the first", f"{web.url}/a,{web.url}/B"):
        task.run(sources)
    first, second, third = (
        json.loads((task.folder / f"output-{n}.json").read_text())["parameterValues"]["sources_sha256"] for n in (1, 2, 3)
    )
    assert first == second != third
    assert len(first) == 64


def test_a_feed_with_broken_references_costs_no_other_feed(task, web):
    web.pages |= {"/emoji": feed("오늘의 사연 &#55357;&#56832;"), "/lone": feed("a&#55357;"), "/good": feed("둘째")}
    (shard,) = task.run(f"{web.url}/emoji,{web.url}/lone,{web.url}/good")
    assert task.titles(shard) == ["a", "둘째", "오늘의 사연 😀"]
    assert "Traceback" not in task.error


def test_what_a_run_published_before_it_died_is_not_planned_again(task, web):
    web.pages["/feed"] = feed("a", "b")
    assert task.run(f"{web.url}/feed")
    ledger = Ledger(task.store, "radio")
    first, second = sorted(ledger.rows())
    ledger.write(lambda rows: [replace(r, run="run") for r in rows.values()])  # as tests.versions names the run that publishes
    put_version(DatasetStore(task.store, "radio"), [replace(empty(DatasetRow), clip="x", recording=first, samples=9, kept=True)])
    assert [i.recording for shard in task.run(f"{web.url}/feed") for i in read_plan(task.store, shard)] == [second]
    assert (ledger.rows()[first].outcome, ledger.rows()[first].kept_samples) == (PUBLISHED, 9)
