"""The page to listen to clips: its rows, its sounds, its marks, and all of it in a browser at 10,000 clips."""

import io
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Page, expect

from pipelines.datasets.browse_page import read_marks, write_marks
from pipelines.datasets.browsing import AFTER, BEFORE, ClipError, Clips, Sounds, clips_of
from pipelines.datasets.sql import QueryError
from store.datasets import audio_key
from store.objects import open_store
from tests.browser import chromium
from tests.end_to_end.runs import COMMAND
from tests.http_server import free_port
from tests.pipelines.published import Dataset, clip

RATE_HZ = 44_100
SHA = "ab" * 32


def flac(seconds: float, level: float = 0.1) -> bytes:
    made = io.BytesIO()
    soundfile.write(made, np.full(round(seconds * RATE_HZ), level), RATE_HZ, format="FLAC")
    return made.getvalue()


def level_of(path: Path) -> tuple[float, float]:
    """Seconds and level of a file."""
    sound, rate = soundfile.read(path)
    return len(sound) / rate, float(sound.mean())


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Three clips: of one the sound as downloaded is in the dataset, of another among the artifacts of a run."""
    made = Dataset(open_store(str(tmp_path / "store")))
    made.store.write(audio_key("show", SHA), flac(2, 0.1))
    made.store.write(audio_key("show", "cd" * 32), flac(2, 0.2))
    recording = np.concatenate([np.full(RATE_HZ * 20, 0.3), np.full(RATE_HZ * 10, 0.4)])
    artifact = io.BytesIO()
    soundfile.write(artifact, recording, RATE_HZ, format="FLAC")
    made.store.write("runs/embedded/x/download/recordings/audio/a.flac", artifact.getvalue())
    rows = [
        clip("a-1", audio_sha256=SHA, before_sha256="cd" * 32, text="one", dnsmos_ovrl=3.14159),
        clip("a-2", audio_sha256=SHA, text="two", dnsmos_ovrl=2.0),
        clip("b-1", 1.0, audio_sha256=SHA, text="three", words=["th", "ree"]),
    ]
    made.publish("run", rows)
    return made


def shown(dataset: Dataset, where: str = "", limit: int = 100) -> Clips:
    return clips_of(dataset.versions, dataset.versions.version(), where, limit)


def test_rows_are_in_order_with_what_a_person_looks_for_first(dataset: Dataset) -> None:
    found = shown(dataset)
    assert [row["clip"] for row in found.rows] == ["a-1", "a-2", "b-1"]
    assert list(found.columns[:6]) == ["kept", "reason", "text", "speaker", "tone", "seconds"] and "vector" not in found.columns
    first, _, last = found.rows
    assert (first["seconds"], first["dnsmos_ovrl"], first["kept"]) == (2.0, 3.142, True)
    assert (last["reason"], last["words"], last["dnsmos_ovrl"]) == ("too_short", "th, ree", None)


def test_a_condition_chooses_clips_and_a_limit_says_what_it_leaves_out(dataset: Dataset) -> None:
    assert [row["clip"] for row in shown(dataset, "kept and dnsmos_ovrl < 3").rows] == ["a-2"]
    found = shown(dataset, limit=2)
    assert len(found.rows) == 2 and found.left_out == 1
    for wrong in ("no_column > 1", "1=1); drop table clips; --"):
        with pytest.raises(QueryError, match="--where: expected a condition"):
            shown(dataset, wrong)


def test_a_clip_is_heard_before_and_after(dataset: Dataset, tmp_path: Path) -> None:
    sounds = Sounds(dataset.versions, shown(dataset).rows, tmp_path)
    assert level_of(sounds.file("a-1", AFTER)) == pytest.approx((2, 0.1), abs=1e-3)
    assert level_of(sounds.file("a-1", BEFORE)) == pytest.approx((2, 0.2), abs=1e-3)
    assert level_of(sounds.file("a-2", BEFORE)) == pytest.approx((2, 0.4), abs=1e-3), "cut out of the artifact of download at 20 s"
    with pytest.raises(ClipError, match="recording b as downloaded is not among the artifacts"):
        sounds.file("b-1", BEFORE)
    for clip_id, which in (("../../etc/passwd", AFTER), ("a-1", "../x")):
        with pytest.raises(ClipError, match="expected a clip of the page"):
            sounds.file(clip_id, which)


def test_marks_are_kept_in_a_file(tmp_path: Path) -> None:
    marks = tmp_path / "marks.txt"
    assert read_marks(None) == read_marks(marks) == []
    for name, marked in (("a", True), ("b", True), ("a", True), ("b", False), ("c", True)):
        write_marks(marks, name, marked)
    assert read_marks(marks) == ["a", "c"] and list(tmp_path.iterdir()) == [marks]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The page of a dataset with 10,000 clips, served by the command."""
    made = Dataset(open_store(str(tmp_path / "store")))
    made.store.write(audio_key("show", SHA), flac(2))
    one = clip("a-1", audio_sha256=SHA, before_sha256=SHA)
    texts = (f"clip {n}" + (" 바늘 <b>needle</b>" if n == 7777 else "") for n in range(10_000))
    made.publish("run", [replace(one, clip=f"a-{n}", start=10.0 * n, end=10.0 * n + 2, text=text) for n, text in enumerate(texts)])
    port = free_port()
    command = [COMMAND, "dataset", "browse", "show", "--store", str(tmp_path / "store"), "--port", str(port)]
    variables = {name: value for name, value in os.environ.items() if "PYTEST" not in name}  # NiceGUI behaves otherwise in a test
    with subprocess.Popen([*command, "--marks", str(tmp_path / "marks.txt")], env=variables, stdout=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                urllib.request.urlopen(url, timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, "the command has ended"
                time.sleep(0.1)
        yield url
        process.terminate()


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as browser:
        yield browser.new_page(viewport={"width": 1280, "height": 800})


def test_ten_thousand_clips_are_filtered_sorted_heard_and_marked(address: str, page: Page, tmp_path: Path) -> None:
    page.goto(address)
    expect(page.locator(".ag-row").first).to_be_visible(timeout=60_000)
    expect(page.get_by_text("10,000 clips", exact=True)).to_be_visible()
    page.get_by_label("text Filter Input").fill("바늘")
    expect(page.get_by_text("1 of 10,000 clips")).to_be_visible()
    expect(page.locator(".ag-row [col-id=text]")).to_have_count(1)
    page.locator(".ag-row [col-id=text]").click()
    expect(page.locator("audio")).to_have_count(2)
    for player in page.locator("audio").all():
        player.evaluate("a => a.load()")
        page.wait_for_function("a => a.duration > 1.9 && a.duration < 2.1", arg=player.element_handle())
    assert page.locator("b").count() == 0, "a text of a stranger is shown as text"
    page.get_by_role("button", name="mark for review").click()
    expect(page.get_by_text("marked: a-7777")).to_be_visible()
    assert (tmp_path / "marks.txt").read_text() == "a-7777\n"
    page.get_by_label("text Filter Input").fill("")
    page.get_by_role("columnheader", name="start").locator(".ag-header-cell-label").click()
    page.get_by_role("columnheader", name="start").locator(".ag-header-cell-label").click()
    expect(page.locator(".ag-row[row-index='0'] [col-id=text]")).to_have_text("clip 9999")
    page.set_viewport_size({"width": 400, "height": 800})
    expect(page.locator("audio").first).to_be_in_viewport()


def test_pages_under_other_names_are_refused(address: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(urllib.request.Request(address, headers={"Host": "rebound.example"}))
