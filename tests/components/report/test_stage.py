"""The stage on a store: what is on the page, and what is told of it."""

import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow
from store.datasets import DatasetStore
from store.objects import open_store
from tests import report_store
from tests.report_store import HOSTILE, NAME

KINDS = {"page": "system.HTML", "metrics": "system.Metrics", "tone_confusion": "system.ClassificationMetrics"}


@dataclass(frozen=True)
class Made:
    """What the stage made of a version."""

    page: str
    metadata: dict[str, dict[str, Any]]


def report(folder: Path, version: int = 0) -> Made:
    artifacts = {n: {"artifacts": [{"name": n, "uri": str(folder / n), "type": {"schemaTitle": k}}]} for n, k in KINDS.items()}
    parameters = {"dataset": NAME, "store": str(folder / "store"), "version": float(version)}
    task = {"inputs": {"parameterValues": parameters}, "outputs": {"artifacts": artifacts, "outputFile": str(folder / "out.json")}}
    command = [sys.executable, "-m", "components.report", json.dumps(task), "speechmill/report:0"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    written = json.loads((folder / "out.json").read_text())["artifacts"]
    return Made((folder / "page").read_text(encoding="utf-8"), {name: a["artifacts"][0]["metadata"] for name, a in written.items()})


class Bars(HTMLParser):
    """The exact seconds on a page: of each line of its lists, by the section and the column that it stands in."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, list[tuple[str, list[float]]]] = {}
        self._list, self._name, self._in_name = "", "", False
        self.tags: Counter[str] = Counter()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags[tag] += 1
        if tag in ("ol", "ul"):
            self._list = given.get("data-column") or "funnel"
            self.found[self._list] = []
        elif tag == "li":
            self.found[self._list].append(("", []))
        elif tag == "data" and self._list:
            self.found[self._list][-1][1].append(float(given["value"] or ""))
        self._in_name = tag == "span" and given.get("class") == "name"

    def handle_endtag(self, tag: str) -> None:
        self._in_name = False
        if tag in ("ol", "ul"):
            self._list = ""

    def handle_data(self, data: str) -> None:
        if self._in_name and data.strip():
            self.found[self._list][-1] = (data.strip(), self.found[self._list][-1][1])


def seconds(rows: list[DatasetRow]) -> float:
    return sum(r.samples for r in rows) / SAMPLE_RATE_HZ


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[DatasetRow]]:
    folder = tmp_path_factory.mktemp("report")
    return folder, report_store.make(open_store(str(folder / "store")))


@pytest.fixture(scope="module")
def made(rows: tuple[Path, list[DatasetRow]]) -> Made:
    return report(rows[0])


def test_the_numbers_of_the_page_are_those_of_the_rows(rows: tuple[Path, list[DatasetRow]], made: Made) -> None:
    _, clips = rows
    lists = Bars(made.page).found
    reasons = {r.reason.partition(":")[0] for r in clips if not r.kept}
    expected = {n.replace("_", " "): seconds([r for r in clips if r.reason.partition(":")[0] == n]) for n in reasons}
    kept = seconds([r for r in clips if r.kept])
    expected |= {"kept": kept, "music": 61.5, "silence": 3.25, "crawled": seconds(clips) + 64.75}
    assert {name: values[0] for name, values in lists["funnel"]} == pytest.approx(expected)
    for column in ("gender", "tone", "speaker", "language"):
        by_value = {getattr(r, column) or "unknown" for r in clips}
        assert {name: tuple(values) for name, values in lists[column]} == {
            value: pytest.approx(
                (
                    seconds([r for r in clips if r.kept and (getattr(r, column) or "unknown") == value]),
                    seconds([r for r in clips if (getattr(r, column) or "unknown") == value]),
                )
            )
            for value in by_value
        }
    metrics = made.metadata["metrics"]
    assert (metrics["clips"], metrics["kept_clips"]) == (len(clips), sum(r.kept for r in clips))
    assert metrics["kept_seconds"] == pytest.approx(kept) and metrics["crawled_seconds"] == pytest.approx(seconds(clips) + 64.75)
    assert metrics["speakers"] == 7 and metrics["recordings"] == 4 and metrics["failed_recordings"] == 1


def test_the_confusion_of_tones_is_on_the_page_and_in_the_metadata(rows: tuple[Path, list[DatasetRow]], made: Made) -> None:
    matrix = made.metadata["tone_confusion"]["confusionMatrix"]
    tones = [spec["displayName"] for spec in matrix["annotationSpecs"]]
    assert sorted(tones) == sorted(["calm", "angry", HOSTILE, "none"])
    known = [r for r in rows[1] if r.recording in ("r0", "r1")]
    assert sum(sum(line["row"]) for line in matrix["rows"]) == len(known)
    right = sum(r.tone == {"r0": "calm", "r1": "angry"}[r.recording] for r in known)
    assert sum(line["row"][i] for i, line in enumerate(matrix["rows"])) == right
    assert made.metadata["metrics"]["right_tone_share"] == right / len(known)
    assert f"<b>{100 * right / len(known):.1f} %</b> of the {len(known)} clips" in made.page


def test_what_strangers_wrote_is_text(made: Made) -> None:
    tags = Bars(made.page).tags
    assert "script" not in tags and "<script" not in made.page
    assert "&lt;script&gt;" in made.page
    assert tags["img"] == tags["audio"] and not re.search(r"<[^>]*\son\w+=", re.sub(r'"[^"]*"', '""', made.page))


def test_nothing_on_the_page_comes_from_outside(made: Made) -> None:
    assert "default-src 'none'" in made.page
    assert not re.search(r'(?:src|href)="(?!data:|#)', made.page) and "@import" not in made.page and "url(http" not in made.page


def test_the_page_shows_clips_thresholds_failures_repeats_and_what_made_it(made: Made) -> None:
    assert Bars(made.page).tags["audio"] >= 12 and made.page.count('class="card clip"') == 12
    assert {
        s
        for s in ("funnel", "speech", "scores", "clips", "timeline", "tones", "repeats", "failures", "lineage")
        if f'id="{s}"' in made.page
    }
    assert "kept from <b>2.5</b>" in made.page and "kept from <b>0.84</b>" in made.page
    assert "404 &lt;script&gt;" in made.page and "small/0123456789ab" in made.page
    assert made.page.count('<span class="badge kept">kept</span>') >= 6
    assert "6000 Hz" in made.page and 'class="removed"' in made.page
    assert len(made.page) < 5_000_000


def test_the_same_version_is_the_same_page(rows: tuple[Path, list[DatasetRow]], made: Made) -> None:
    assert report(rows[0], 1).page == made.page


def test_a_dataset_without_a_version_has_a_page_that_says_so(tmp_path: Path) -> None:
    found = report(tmp_path)
    assert f"Dataset {NAME} has no version yet" in found.page and found.metadata["tone_confusion"] == {}
    assert found.metadata["metrics"]["version"] == 0


def test_a_version_without_clips_and_one_of_before_timelines_have_pages(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    dataset = DatasetStore(store, NAME)
    audio = report_store.put_sound(store, 3.0, 1)
    lineage = {"stages": {}, "sources_sha256": "", "seconds": {}}
    dataset.publish("old", lambda _: (report_store.rows(3, [audio], "", [""]), lineage))
    page = report(tmp_path).page
    assert "version 1" in page and "it is of before that was kept" in page and page.count("<audio") == 3
    dataset.publish("empty", lambda _: ([], lineage))
    assert "From crawled to kept" in report(tmp_path).page and "<audio" not in report(tmp_path).page
