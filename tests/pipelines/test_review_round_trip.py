"""A review on a real Label Studio server: clips are offered, corrected and rejected on its page in a browser, and taken over."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

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


def logged_in(browser: Browser, server: LabelStudio, problems: list[str]) -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(120_000)
    page.on("requestfailed", lambda r: problems.append(f"{r.url}: {r.failure}") if ".flac" in r.url else None)
    page.goto(f"{server.url}/user/login")
    page.fill("input[name=email]", server.user)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "/login" not in url)
    return page


def open_task(page: Page, server: LabelStudio, project: int, task: int) -> None:
    page.goto(f"{server.url}/projects/{project}/data?task={task}")
    page.wait_for_selector("text=Morning show")
    page.wait_for_selector(".lsf-audio-tag canvas, [class*=audio] canvas")


def test_probe(server: LabelStudio, browser: Browser, folder: Path) -> None:
    made = published(open_store(str(folder / "store")))
    done = speechmill("review", "push", "show", "--store", folder / "store", **server.environment)
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    problems: list[str] = []
    page = logged_in(browser, server, problems)
    page.goto(f"{server.url}/projects/1/data?task=1")
    page.wait_for_timeout(15000)
    page.screenshot(path="/tmp/review/task.png")
    Path("/tmp/review/task.html").write_text(page.content())
    print(problems)
