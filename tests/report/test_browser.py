"""The report of a version, written by `speechmill dataset report`, in a real browser."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from store.objects import open_store
from tests import report_store
from tests.browser import chromium
from tests.end_to_end.runs import Dataset, speechmill

WIDTHS, SCHEMES = (1280, 400), ("light", "dark")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module", params=["rows", pytest.param("run", marks=pytest.mark.slow)])
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a synthetic dataset with all features, and the report of a real run."""
    folder = tmp_path_factory.mktemp("report")
    if request.param == "run":
        made: Dataset = request.getfixturevalue("evening")
        store, name = made.uri, made.name
    else:
        store, name = str(folder / "store"), report_store.NAME
        report_store.make(open_store(store))
    done = speechmill("dataset", "report", name, "--store", store, "--out", folder / f"{request.param}.html")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"to {folder / request.param}.html" in done.stdout
    return folder / f"{request.param}.html"


@pytest.fixture
def trouble() -> list[str]:
    """The browser's console messages, errors, and requests to other addresses."""
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
def test_the_page_fits_is_legible_and_requests_nothing(browser: Browser, file: Path, trouble: list[str], width: int, scheme: str) -> None:
    page = opened(browser, file, width, scheme, trouble)
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # No element reaches beyond the window, unless an element around it scrolls or clips.
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
    assert faint(page) == []
    assert trouble == []
    if (folder := os.environ.get("SPEECHMILL_SCREENSHOTS")) and file.stem == "run":
        screenshots(page, Path(folder), f"{width}-{scheme}")
    page.close()


def test_clips_play(browser: Browser, file: Path, trouble: list[str]) -> None:
    page = opened(browser, file, 1280, "light", trouble)
    players = page.locator("audio")
    assert players.count() >= 1
    for player in players.all():
        player.scroll_into_view_if_needed()
        player.evaluate("async a => { a.muted = true; await a.play() }")
        page.wait_for_function("a => a.currentTime > 0.05 && a.readyState >= 2 && a.duration > 0.2", arg=player.element_handle())
        player.evaluate("a => a.pause()")
    assert trouble == []
    page.close()


def test_a_link_scrolls_to_its_section(browser: Browser, file: Path, trouble: list[str]) -> None:
    page = opened(browser, file, 1280, "light", trouble)
    for link in page.locator("nav a").all():
        target = page.locator(link.get_attribute("href") or "")
        assert target.count() == 1
        link.click()
        assert target.evaluate("e => e.getBoundingClientRect().top < innerHeight")
    assert trouble == []
    page.close()


LEAST_CONTRAST = 4.5
"""The contrast ratio that WCAG level AA requires of text of any size."""


def faint(page: Page) -> list[str]:
    """Texts whose contrast ratio by WCAG is below LEAST_CONTRAST. Texts over pictures are not checked."""
    found: list[str] = page.evaluate(
        """least => {
            document.querySelectorAll('details').forEach(e => { e.open = true })
            const canvas = Object.assign(document.createElement('canvas'), {width: 1, height: 1})
            const context = canvas.getContext('2d', {willReadFrequently: true}), known = new Map()
            // Red, green, blue and opacity of any color of CSS.
            const rgba = color => {
                if (!known.has(color)) {
                    context.clearRect(0, 0, 1, 1)
                    context.fillStyle = color
                    context.fillRect(0, 0, 1, 1)
                    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data
                    known.set(color, [r, g, b, a / 255])
                }
                return known.get(color)
            }
            const over = ([r, g, b, a], below) => [r, g, b].map((v, i) => v * a + below[i] * (1 - a))
            const behind = e => e ? over(rgba(getComputedStyle(e).backgroundColor), behind(e.parentElement)) : [255, 255, 255]
            const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4
            const light = color => color.map(v => linear(v / 255)).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0)
            const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05)
            return [...document.body.querySelectorAll('*')]
                .filter(e => [...e.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.data.trim()))
                .filter(e => !e.closest('.spectrogram') && e.getClientRects().length)
                .map(e => {
                    const style = getComputedStyle(e), below = behind(e)
                    const color = rgba(e instanceof SVGElement ? style.fill : style.color)
                    return [contrast(over(color, below), below), e]
                })
                .filter(([value]) => value < least)
                .map(([value, e]) => `${value.toFixed(2)}: ${e.outerHTML.slice(0, 120)}`)
        }""",
        LEAST_CONTRAST,
    )
    return sorted(set(found))


def screenshots(page: Page, folder: Path, name: str) -> None:
    """Saves screenshots of the top of the page and of its sections."""
    if name in ("1280-light", "400-dark"):
        page.screenshot(path=folder / f"report-{name}.png")
    for section in ("scores", "clips", "timeline") if name == "1280-light" else ():
        if page.locator(f"#{section}").count():
            page.evaluate(f"location.hash = '#{section}'")
            page.wait_for_timeout(200)
            page.screenshot(path=folder / f"report-{section}.png")
