"""The stage on whole plans: what comes out for each item, in files, rows, logs and metrics."""

import dataclasses
import re
from pathlib import Path

import pytest
import soundfile
from conftest import QUICK, Make, Server, fetch, item, run_task, tone
from hypothesis import given
from hypothesis import strategies as st

from components.download.download import SAMPLE
from components.download.failures import surprise
from components.download.policy import ItemError, accepted_licences
from components.download.settings import check_settings
from components.shared.network import without_secrets
from components.shared.task import StageError


def test_a_plan_becomes_recordings(server: Server, make: Make, episode: bytes, tmp_path: Path) -> None:
    """The law of rows: one an item, in the plan's order, each with audio of exactly its samples or with a reason."""
    title = 'Épisode 1/2: ../../etc\n\t"quotes" 🎙️ \\ %s'
    items = [
        item(server.put("/1.mp3", episode), "feed", title=title, channel="Radio", published="2026-01-02", licence="CC BY", seconds=4.0),
        item(server.put("/2.mp3", tone(make, "other.mp3", 300).read_bytes()), "podbbang"),
        item(tone(make, "local.wav", 500), "local"),
        item(server.put("/again.mp3", episode), "media"),
        item(server.url + "/gone.mp3", "feed", title="gone"),
        item(server.put("/text.mp3", b"moved"), "feed"),
        item(server.put("/empty.mp3", b""), "feed"),
        item("s3://bucket/a.mp3", "s3"),
        item("gopher://a", "gopher"),
        item(tmp_path / "absent.wav", "local"),
        item("sample:../component.py", "sample"),
    ]
    task = run_task(tmp_path, items)
    assert task.status == 0, task.log
    assert [r.recording for r in task.rows] == sorted(i.recording for i in items)
    by_name = {r.recording: r for r in task.rows}
    rows = [by_name[i.recording] for i in items]
    first, second = sorted([rows[0], rows[3]], key=lambda r: r.recording)
    assert (second.reason, second.duplicate_of, second.media_sha256) == (
        f"duplicate of {first.recording}",
        first.recording,
        first.media_sha256,
    )
    good = [first, rows[1], rows[2]]
    assert [r.reason for r in [*good, *rows[4:]]] == [
        *["", "", ""],
        "missing: HTTP 404",
        "not audio: Invalid data found when processing input",
        "empty file",
        "s3 is not supported by this version",
        "gopher is not supported by this version",
        "no such file",
        "no such file in the bundled sample",
    ]
    assert (rows[0].title, rows[0].channel, rows[0].published, rows[0].licence) == (title, "Radio", "2026-01-02", "CC BY")
    for row in task.rows:
        path = task.folder / "audio" / f"{row.recording}.flac"
        assert path.exists() == (row.samples > 0) == (row.reason == "")
        assert not row.samples or (soundfile.info(path).frames, soundfile.info(path).channels) == (row.samples, 1)
    facts = {"recordings": 3, "failed_recordings": 7, "duplicates": 1, "shorter_than_stated": 0, "rows": 11}
    assert {k: task.metadata[k] for k in facts} == facts
    assert task.metadata["seconds"] == pytest.approx(12, abs=0.2)
    assert task.metadata["shard"], "its plan is found by it"
    assert re.search(rf"{rows[4].recording}: missing: HTTP 404, {server.url}/gone.mp3\n", task.log)


def test_the_same_plan_gives_the_same_rows_and_samples(server: Server, episode: bytes, tmp_path: Path) -> None:
    items = [item(server.put("/1.mp3", episode)), item(server.put("/2.mp3", b"text")), item(server.url + "/3.mp3")]
    found = [fetch(tmp_path / name, *items) for name in "ab"]
    assert found[0] == found[1]
    assert len({(tmp_path / name / "audio" / f"{items[0].recording}.flac").read_bytes() for name in "ab"}) == 1


def test_a_row_states_what_the_server_and_the_source_state(server: Server, episode: bytes, tmp_path: Path) -> None:
    url = server.put("/1.mp3", episode)
    (row,) = fetch(tmp_path, item(url, state="published today; bytes 1"))
    assert row.state == f"published today; bytes {len(episode)}; etag {server.resources['/1.mp3'].headers['ETag']}"


def test_failed_requests_are_tried_again_as_often_as_it_is_set(server: Server, episode: bytes, tmp_path: Path, waits: list[float]) -> None:
    down = item(server.put("/down.mp3", episode, statuses=[500] * 9))
    broken = item(server.put("/broken.mp3", episode, statuses=[503], cuts=[10_000, 5_000]))
    rows = fetch(tmp_path, down, broken, policy=dataclasses.replace(QUICK, retries=2, backoff_seconds=0.2))
    assert sum(waits) >= 2 * 0.6
    assert [r.reason for r in rows] == ["unreachable: HTTP 500, 3 times", ""] and server.starts()[-2:] == [10_000, 15_000]


def test_a_shard_of_which_everything_fails_succeeds(server: Server, tmp_path: Path) -> None:
    task = run_task(tmp_path, [item(f"{server.url}/{n}.mp3", "feed") for n in range(3)])
    assert task.status == 0
    assert {r.reason for r in task.rows} == {"missing: HTTP 404"} and task.metadata["seconds"] == 0


def test_a_shard_that_was_never_planned_is_an_error_of_one_line(tmp_path: Path) -> None:
    task = run_task(tmp_path, [], shard="0123456789abcdef")
    assert task.status == 2
    assert task.log.splitlines() == [
        f"error: expected an object plans/0123456789abcdef.parquet in the store {tmp_path / 'store'}, found none: "
        "check the store's address, or run the step that writes it"
    ]


def test_private_addresses_are_refused_unless_allowed(server: Server, episode: bytes, tmp_path: Path) -> None:
    url = server.put("/1.mp3", episode)
    numbers = url.replace("127.0.0.1", "2130706433")
    task = run_task(tmp_path, [item(url), item(url, "youtube"), item(numbers)], allow_private=False)
    assert task.status == 0
    assert [r.reason.partition(";")[0].removeprefix("2130706433 (").replace(")", "") for r in task.rows] == [
        "127.0.0.1 is a private address"
    ] * 3
    assert server.asked == []


def test_a_redirect_to_a_private_address_is_refused(server: Server, episode: bytes, tmp_path: Path) -> None:
    """The server stands in for the internet, as the operator's proxy: it sends the request for a public host on to itself."""
    inside = server.put("/secret.mp3", episode)
    server.resources["http://podcasts.example/1.mp3"] = server.resources["/secret.mp3"]
    server.put("http://podcasts.example/2.mp3", b"", statuses=[302] * 9, headers={"Location": inside})
    proxied = {"http_proxy": server.url, "no_proxy": ""}
    items = [item("http://podcasts.example/1.mp3"), item("http://podcasts.example/2.mp3"), item("http://podcasts.example/2.mp3", "youtube")]
    task = run_task(tmp_path, items, allow_private=False, environment=proxied)
    reasons = {r.recording: r.reason for r in task.rows}
    refused = "127.0.0.1 is a private address; --allow-private lets it be fetched"
    assert [reasons[i.recording] for i in items] == ["", refused, refused]
    assert inside not in server.paths() and "/secret.mp3" not in server.paths()


def test_secrets_of_urls_are_nowhere(server: Server, episode: bytes, tmp_path: Path) -> None:
    server.put("/1.mp3", episode)
    server.put("/busy.mp3", episode, statuses=[503] * 9)
    server.put("/away.mp3", b"", statuses=[302] * 9, headers={"Location": "/gone.mp3?signature=hidden-c"})
    place = server.url.replace("http://", "http://user:hidden-a@")
    urls = [f"{place}/{name}.mp3?id=7&token=hidden-b#hidden-d" for name in ("1", "gone", "busy", "away")]
    urls += ["http://user:hidden-a@127.0.0.1:9/x.mp3?token=hidden-b", "http://user:hidden-a@[bad/x.mp3?token=hidden-b"]
    task = run_task(tmp_path, [item(u, kind) for u in urls for kind in ("media", "youtube")])
    assert task.status == 0, task.log
    assert len(task.rows) == 12 and {r.url for r in task.rows} >= {f"{server.url}/1.mp3?id=7"}
    assert sum(r.samples > 0 for r in task.rows) == 1
    for place in (task.log, repr(task.rows), (task.folder / "rows.parquet").read_bytes().decode("latin-1"), repr(task.metadata)):
        assert "hidden" not in place and "user:" not in place
    assert any("token=hidden-b" in path for path in server.paths())


@given(
    st.text("abcdefgh0123456789", min_size=6, max_size=12),
    st.sampled_from(["{}", "GET {} failed", "retries exceeded with url: /a?{query}"]),
)
def test_no_text_about_a_url_holds_its_secrets(secret: str, text: str) -> None:
    query = f"id=1&token=x{secret}x"
    url = f"https://me:y{secret}y@host.example/a?{query}#z{secret}z"
    said = without_secrets(text.format(url, query=query), url)
    assert all(f"{c}{secret}{c}" not in said for c in "xyz")


def test_an_unexpected_error_is_a_row_and_its_trace_is_logged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder := tmp_path / "closed").mkdir()
    bad, good = item(folder / ("x" * 300), "local"), item(Path(__file__), "local")  # a name that no file system takes
    rows = fetch(tmp_path, bad, good)
    assert rows[0].reason.startswith("OSError: [Errno 36] File name too long") and rows[1].reason.startswith("not audio")
    assert "Traceback" in capsys.readouterr().out


def test_a_reason_is_one_line() -> None:
    reason, trace = surprise(ValueError("a\nb\tc\x1b[31m " + "long " * 200), "")
    assert reason.isprintable() and len(reason) == 300
    assert "ValueError" in trace


def test_only_the_licences_that_are_asked_for_are_fetched(server: Server, episode: bytes, tmp_path: Path) -> None:
    stated = ["CC BY 4.0", " cc by  4.0 ", "CC BY-NC", "", "CC BY 4.0, modified"]
    items = [item(server.put(f"/{n}.mp3", episode + bytes([n])), "feed", licence=licence) for n, licence in enumerate(stated)]

    def taken(licences: str) -> list[int]:
        wanted = dataclasses.replace(QUICK, retries=0, licences=accepted_licences(licences))
        server.asked.clear()
        rows = fetch(tmp_path / licences.strip(), *items, policy=wanted)
        kept = [n for n, row in enumerate(rows) if row.samples]
        assert server.paths() == [f"/{n}.mp3" for n in kept]
        assert all("licence" in row.reason for n, row in enumerate(rows) if n not in kept)
        return kept

    assert taken("") == [0, 1, 2, 3, 4]
    assert taken(" cc BY 4.0 ,") == [0, 1]
    assert taken("CC BY-NC, Unknown") == [2, 3]


def test_a_refused_licence_is_named() -> None:
    with pytest.raises(ItemError, match=r"^license unknown is not in download_licences$"):
        dataclasses.replace(QUICK, licences=accepted_licences("CC BY")).check_licence("")


def test_between_downloads_it_rests(server: Server, episode: bytes, tmp_path: Path, waits: list[float]) -> None:
    items = [
        item(tmp_path / "absent", "local"),
        *(item(f"{server.url}/{n}.mp3", "feed") for n in range(3)),
        item(tmp_path / "none", "local"),
    ]
    fetch(tmp_path, *items, policy=dataclasses.replace(QUICK, sleep_seconds=0.5, max_sleep_seconds=0.6))
    assert len(waits) == 2 and all(0.5 <= wait <= 0.6 for wait in waits)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"retries": -1}, "parameter download_retries: expected 0 or more, found -1"),
        ({"sleep_seconds": 5}, "parameter download_max_sleep_seconds: expected at least download_sleep_seconds, 5, found 3"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, int], message: str) -> None:
    right = {"retries": 3, "backoff_seconds": 5, "sleep_seconds": 1, "max_sleep_seconds": 3, "rate_limit_bytes": 0}
    right |= {"max_bytes": 0, "max_seconds": 0, "timeout_minutes": 0}
    with pytest.raises(StageError) as error:
        check_settings(**(right | settings))
    assert str(error.value) == message


def test_one_medium_at_a_time_is_on_the_disk(server: Server, episode: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    seen = []

    class Watched(dict):  # a response is looked up while the media of the items before should be gone
        def get(self, path: str, default: object) -> object:
            seen.append(sum(p.stat().st_size for p in (tmp_path / "scratch").rglob("*") if p.is_file()))
            return super().get(path, default)

    items = [item(server.put(f"/{n}.mp3", episode + bytes([n]))) for n in range(3)]
    server.resources = Watched(server.resources)
    fetch(tmp_path, *items)
    assert seen == [0, 0, 0]
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.skipif(not SAMPLE.exists(), reason="the bundled sample is not there")
def test_the_bundled_sample_is_fetched_without_a_network(tmp_path: Path) -> None:
    names = sorted(p.name for p in SAMPLE.glob("*.opus"))
    assert names
    rows = fetch(tmp_path, *(item(f"sample:{name}", "sample") for name in names))
    assert all(r.samples > 0 and r.url == f"sample:{name}" for r, name in zip(rows, names, strict=True))
