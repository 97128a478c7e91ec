"""A review on a real Label Studio server: clips are offered, corrected and rejected on its page in a browser, and taken over."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from components.shared.audio import flac_bytes
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow
from store.datasets import audio_key
from store.interface import Store
from store.objects import open_store
from tests.browser import chromium
from tests.command import speechmill
from tests.label_studio_server import PASSWORD, LabelStudio, serving
from tests.minio_server import MinioServer
from tests.pipelines.published import Dataset, clip

pytestmark = pytest.mark.slow

TEXTS = ("the sun rises early in summer", "we walk along the reever", "static and nothing else", "see you tomorow")
SECOND = ("the sun rises early in summer", "we walk along the river", "stay tuned for more", "see you tomorrow")
AGREEMENT = (1.0, 0.9, 0.3, 0.95)
_PATIENCE_MS = 300_000
expect.set_options(timeout=_PATIENCE_MS)
PICTURES = os.environ.get("SPEECHMILL_PICTURES", "")
"""A folder, such as docs/images, to write screenshots into."""


def sound(number: int, seconds: float) -> bytes:
    times = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    syllables = np.clip(np.sin(2 * np.pi * (2 + number) * times), 0, 1)
    return flac_bytes((syllables * np.sin(2 * np.pi * 220 * times) * 12_000).astype(np.int16))


def clips() -> Iterator[DatasetRow]:
    for number, (text, second, agreement) in enumerate(zip(TEXTS, SECOND, AGREEMENT, strict=True)):
        yield replace(
            clip(f"aa-{number}", 3.0, text=text, text_second=second, text_agreement=agreement),
            audio_sha256=f"{number:02x}" * 32,
            title="Morning show",
            tone=("neutral", "happy")[number % 2],
            text_by="whisper/small/1",
        )


def published(store: Store) -> Dataset:
    """A dataset of four clips with sound."""
    made = Dataset(store)
    for number in range(len(TEXTS)):
        store.write(audio_key("show", f"{number:02x}" * 32), sound(number, 3.0))
    made.publish("run", list(clips()))
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("review")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[LabelStudio]:
    (folder / "store").mkdir()
    with serving(folder / "label-studio", folder / "store") as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def page(browser: Browser, server: LabelStudio) -> Page:
    """The server's page, with the reviewer logged in."""
    found = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    found.set_default_timeout(_PATIENCE_MS)
    found.goto(f"{server.url}/user/login")
    found.fill("input[name=email]", server.user)
    found.fill("input[name=password]", PASSWORD)
    found.click("button[type=submit]")
    found.wait_for_url(lambda url: "/login" not in url)
    return found


class Project:
    """The project of a dataset on the server."""

    def __init__(self, server: LabelStudio, page: Page) -> None:
        self._server, self._page = server, page
        self._headers = {"Authorization": f"Token {server.token}"}
        found = requests.get(f"{server.url}/api/projects", headers=self._headers, timeout=300).json()["results"]
        (self.number,) = [p["id"] for p in found if p["title"] == "speechmill show"]

    def tasks(self) -> dict[str, dict[str, Any]]:
        """Its tasks by clip, in their order."""
        parameters = {"project": self.number, "fields": "all", "page_size": 100}
        found = requests.get(f"{self._server.url}/api/tasks", parameters, headers=self._headers, timeout=300).json()["tasks"]
        assert len({t["data"]["clip"] for t in found}) == len(found), "a clip is there twice"
        return {t["data"]["clip"]: t for t in sorted(found, key=lambda t: t["id"])}

    def open(self, clip: str) -> None:
        """Opens the task of a clip."""
        self._page.goto(f"{self._server.url}/projects/{self.number}/data?task={self.tasks()[clip]['id']}")
        self._page.get_by_test_id("textarea-input").wait_for()

    def submit(self, clip: str) -> None:
        """Submits, and waits until the server has the annotation."""
        self._page.get_by_role("button", name="Submit current annotation").click()
        while not self.tasks()[clip]["annotations"]:
            self._page.wait_for_timeout(200)

    def remove(self) -> None:
        """Deletes it."""
        requests.delete(f"{self._server.url}/api/projects/{self.number}", headers=self._headers, timeout=300).raise_for_status()


def check_sound(page: Page, url: str) -> None:
    """The page of the server can fetch a part of a clip, decode the clip and play it."""
    part = page.evaluate("url => fetch(url, {headers: {Range: 'bytes=4-9'}}).then(async r => [r.status, (await r.blob()).size])", url)
    assert part == [206, 6]
    decoded = page.evaluate(
        "url => fetch(url).then(r => r.arrayBuffer()).then(b => new AudioContext().decodeAudioData(b)).then(a => a.duration)", url
    )
    assert decoded == pytest.approx(3.0, abs=0.01)
    page.get_by_role("button", name="Play", exact=True).click()
    played = page.evaluate(
        """url => new Promise((resolve, reject) => { const sound = new Audio(url); sound.onerror = () => reject(sound.error.message);
        sound.ontimeupdate = () => sound.currentTime > 0.2 && resolve(sound.currentTime); sound.play(); })""",
        url,
    )
    assert played > 0.2


def press(page: Page, key: str, choice: str) -> None:
    """Presses a key until it has chosen: the page listens to keys only some time after it shows the clip."""
    chosen = page.locator(".lsf-choice__item", has_text=choice).locator("input")
    while not chosen.is_checked():
        page.keyboard.press(key)
        page.wait_for_timeout(500)


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES, name))


def command(server: LabelStudio, store: str | Path) -> Callable[..., str]:
    """Runs `speechmill review`; returns what it prints."""

    def run(*arguments: str) -> str:
        done = speechmill("review", *arguments, "--store", store, **server.environment)
        assert done.returncode == 0, done.stderr
        assert server.token not in done.stdout + done.stderr
        return done.stdout

    return run


def rows(made: Dataset) -> dict[str, DatasetRow]:
    return {r.clip: r for r in made.versions.rows(made.versions.version())}


def test_a_person_corrects_and_rejects_clips_on_the_page(server: LabelStudio, page: Page, folder: Path) -> None:
    made, review = published(open_store(str(folder / "store"))), command(server, folder / "store")
    assert "offered 4 clips of version 1" in review("push", "show")
    project = Project(server, page)
    assert list(project.tasks()) == ["aa-2", "aa-1", "aa-3", "aa-0"], "those on which the engines differ most come first"
    assert "offered 0 clips of version 1 of dataset show; 4 were there" in review("push", "show")
    assert len(project.tasks()) == 4

    project.open("aa-1")
    for around in ("the sun rises early in summer", "static and nothing else", "Other engine: we walk along the river"):
        expect(page.locator(".lsf-richtext__line", has_text=around)).to_be_visible()
    check_sound(page, project.tasks()["aa-1"]["data"]["audio"])
    page.get_by_test_id("textarea-input").fill("we walk along the river")
    page.locator(".lsf-choice__item", has_text="happy").click()
    picture(page, "review-task.png")
    project.submit("aa-1")
    project.open("aa-2")
    press(page, "e", "Noise or music")
    project.submit("aa-2")
    project.open("aa-0")
    project.submit("aa-0")

    assert "no place" not in (said := review("pull", "show"))
    assert "3 new answers of 1 people on 3 clips" in said
    assert "version 2 of dataset show has a person's word on 3 clips; 3.0 s are rejected by people" in said
    found = rows(made)
    corrected, rejected, confirmed, left = (found[f"aa-{n}"] for n in (1, 2, 0, 3))
    assert (corrected.text, corrected.text_source, corrected.text_engine) == ("we walk along the river", "human", TEXTS[1])
    assert (corrected.tone_truth, corrected.reviewed_by, corrected.kept) == ("happy", server.user, True)
    assert corrected.reviewed.startswith("20") and corrected.reviewed.endswith("Z")
    assert (rejected.kept, rejected.reason, rejected.text) == (False, "human:noise", TEXTS[2])
    assert (confirmed.text, confirmed.text_source, confirmed.tone_truth, confirmed.kept) == (TEXTS[0], "human", "", True)
    assert (left.text_source, left.reviewed_by, left.kept) == ("", "", True)
    assert "stays at version 2" in review("pull", "show")
    assert "offered 0 clips of version 2 of dataset show; 1 were there" in review("push", "show")

    made.publish("again", [replace(r, dnsmos_ovrl=3.0) for r in clips()])
    again = rows(made)
    assert again["aa-1"].text == "we walk along the river" and again["aa-2"].reason == "human:noise" and again["aa-1"].dnsmos_ovrl == 3.0
    project.remove()


def test_clips_of_a_bucket_are_heard_by_links(server: LabelStudio, page: Page, minio: MinioServer, bucket: str) -> None:
    made, review = published(open_store(bucket)), command(server, bucket)
    said = review("push", "show")
    assert "offered 4 clips" in said and "the links to sound hold 7 days" in said
    project = Project(server, page)
    project.open("aa-1")
    url = project.tasks()["aa-1"]["data"]["audio"]
    assert url.startswith(f"{minio.url}/") and minio.secret not in url
    check_sound(page, url)
    page.get_by_test_id("textarea-input").fill("we walk along the river")
    project.submit("aa-1")
    review("pull", "show")
    assert rows(made)["aa-1"].text == "we walk along the river"
    assert not any(minio.url.encode() in made.store.read(key) for key in made.store.keys("datasets/show/reviews/"))
    project.remove()
