"""The page of a version in a real browser, as `speechmill dataset report` writes it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from store.objects import open_store
from tests import report_store
from tests.end_to_end.runs import speechmill

WIDTHS, SCHEMES = (1280, 400), ("light", "dark")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("no chromium: the page of a version is not looked at in a browser")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=chromium,
            args=["--autoplay-policy=no-user-gesture-required", *(["--no-sandbox"] if os.geteuid() == 0 else [])],
        )
        yield found
        found.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the store that SPEECHMILL_REPORT names as STORE:DATASET, else of one made here."""
    folder = tmp_path_factory.mktemp("report")
    store, _, name = os.environ.get("SPEECHMILL_REPORT", "").rpartition(":")
    if not store:
        store, name = str(folder / "store"), report_store.NAME
        report_store.make(open_store(store))
    done = speechmill("dataset", "report", name, "--store", store, "--out", folder / "page.html")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"to {folder / 'page.html'}" in done.stdout
    return folder / "page.html"


@pytest.fixture
def trouble() -> list[str]:
    """What a browser complains of, and what it asks for from outside."""
    return []


def opened(browser: Browser, file: Path, width: int, scheme: str, trouble: list[str]) -> Page:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page.on("console", lambda message: trouble.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(("data:", file.as_uri())) else trouble.append(request.url))
    page.goto(file.as_uri())
    return page


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_it_fits_is_legible_and_asks_nobody(browser: Browser, file: Path, trouble: list[str], width: int, scheme: str) -> None:
    page = opened(browser, file, width, scheme, trouble)
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Nothing sticks out of the window but what lies in an element that scrolls or cuts.
    beyond = page.evaluate(
        """() => [...document.body.querySelectorAll('*')].filter(e => {
            if (e.getBoundingClientRect().right <= innerWidth + 1) return false
            for (let p = e.parentElement; p; p = p.parentElement) if (getComputedStyle(p).overflowX !== 'visible') return false
            return true }).map(e => e.outerHTML.slice(0, 100))"""
    )
    assert beyond == []
    small = page.evaluate(
        """() => [...document.querySelectorAll('.chart svg text')].map(e => e.getBoundingClientRect().height).filter(h => h > 0 && h < 9)"""
    )
    assert small == []
    assert not page.evaluate("[...document.images].filter(i => !i.complete || !i.naturalWidth).length")
    assert contrast(page) >= 4.5
    assert trouble == []
    if folder := os.environ.get("SPEECHMILL_SCREENSHOTS"):
        screenshots(page, Path(folder), f"{width}-{scheme}")
    page.close()


def test_clips_play(browser: Browser, file: Path, trouble: list[str]) -> None:
    page = opened(browser, file, 1280, "light", trouble)
    players = page.locator("audio")
    assert players.count() >= 1
    for player in players.all():
        player.scroll_into_view_if_needed()
        player.evaluate("async a => { a.muted = true; await a.play() }")
        page.wait_for_function("a => a.currentTime > 0.05 && a.readyState >= 2 && a.duration > 0.5", arg=player.element_handle())
        player.evaluate("a => a.pause()")
    assert trouble == []
    page.close()


def test_a_section_is_reached_by_its_link(browser: Browser, file: Path, trouble: list[str]) -> None:
    page = opened(browser, file, 1280, "light", trouble)
    for link in page.locator("nav a").all():
        target = page.locator(link.get_attribute("href") or "")
        assert target.count() == 1
        link.click()
        assert target.evaluate("e => e.getBoundingClientRect().top < innerHeight")
    assert trouble == []
    page.close()


def contrast(page: Page) -> float:
    """Of the muted text and the page behind it, as WCAG counts it."""
    return float(
        page.evaluate(
            """() => {
            const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4
            const light = text => {
                const [r, g, b] = text.match(/[\\d.]+/g).slice(0, 3).map(v => linear(v / 255))
                return 0.2126 * r + 0.7152 * g + 0.0722 * b
            }
            const a = light(getComputedStyle(document.querySelector('.lead')).color)
            const b = light(getComputedStyle(document.body).backgroundColor)
            return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) }"""
        )
    )


def screenshots(page: Page, folder: Path, name: str) -> None:
    """What is seen of the page at first, and of its sections."""
    if name in ("1280-light", "400-dark"):
        page.screenshot(path=folder / f"report-{name}.png")
    for section in ("scores", "clips", "timeline") if name == "1280-light" else ():
        if page.locator(f"#{section}").count():
            page.evaluate(f"location.hash = '#{section}'")
            page.wait_for_timeout(200)
            page.screenshot(path=folder / f"report-{section}.png")
