"""The numbers in the report of a real run agree with the ledger, the version and its rows."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from components.deployment import ROOT
from components.shared.audio import ffmpeg
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow
from pipelines.dataset import STAGES
from store.ledger import PUBLISHED
from tests.end_to_end.runs import Dataset, speechmill
from tests.places import DATA
from tests.report.parsed import Parsed

RADIO = ROOT.parent / "shared" / "tools" / "radio.py"


@pytest.fixture
def radio(tmp_path: Path) -> Dataset:
    """The dataset of a run over a radio show of real voices, music and effects."""
    if not (DATA.exists() and RADIO.exists()):
        pytest.skip("expected radio.py and recordings to mix a show from, found none")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ffmpeg").symlink_to(ffmpeg())  # radio.py runs a program of this name
    environment = os.environ | {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, str(RADIO), "--data", str(DATA), "--out", str(tmp_path / "show"), "--minutes", "1.2", "--episodes", "1"]
    subprocess.run(command, check=True, env=environment)
    dataset = Dataset(tmp_path / "store", "radio")
    dataset.run("--sources", tmp_path / "show" / "episode-1.mp3", "--publish-speakers", "dominant", "--publish-min-snr-db", 10)
    return dataset


def seconds(rows: Iterable[DatasetRow]) -> float:
    return sum(r.samples for r in rows) / SAMPLE_RATE_HZ


def compared(dataset: Dataset, folder: Path) -> str:
    """Compares all numbers of the report of a dataset's only version with the store; returns the page."""
    done = speechmill("dataset", "report", dataset.name, "--store", dataset.uri, "--out", folder / "page.html")
    assert done.returncode == 0, done.stdout + done.stderr
    page = (folder / "page.html").read_text(encoding="utf-8")
    found, rows, ledger = Parsed(page), dataset.rows(), dataset.ledger().values()
    kept = [r for r in rows if r.kept]

    crawled = sum(r.samples for r in ledger) / SAMPLE_RATE_HZ
    funnel = {name: values[0] for name, values in found.bars["funnel"]}
    lineage = dataset.store().version().lineage["seconds"]
    steps = {name.removeprefix("rejected_").removesuffix("_seconds").replace("_", " "): value for name, value in lineage.items() if value}
    assert funnel.pop("crawled") == pytest.approx(crawled, abs=1e-3)
    assert funnel == pytest.approx(steps, abs=1e-3)
    outside = {kind: sum(getattr(r, f"{kind}_samples") for r in ledger) / SAMPLE_RATE_HZ for kind in ("music", "noise", "silence")}
    assert {kind: funnel.get(kind, 0.0) for kind in outside} == pytest.approx(outside, abs=1e-3)

    for column in ("speaker", "gender", "tone"):
        by_value = {getattr(r, column) or "unknown" for r in rows}
        assert dict(found.bars[column]) == {
            value: pytest.approx(
                [seconds(r for r in some if (getattr(r, column) or "unknown") == value) for some in (kept, rows)], abs=1e-3
            )
            for value in by_value
        }

    metrics = {name: float(value) for name, value in re.findall(r"(\w+) ([\d.]+)(?:,|$)", done.stdout.splitlines()[0].partition(" s: ")[2])}
    failed = [r for r in ledger if r.outcome not in ("", PUBLISHED)]
    assert metrics == pytest.approx(
        {
            "version": 1,
            "clips": len(rows),
            "kept_clips": len(kept),
            "recordings": len({r.recording for r in rows}),
            "speakers": len({r.speaker for r in rows if r.speaker}),
            "failed_recordings": sum(r.kind != "source" for r in failed),
            "failed_sources": sum(r.kind == "source" for r in failed),
            "changed_recordings": 0,
            "crawled_seconds": crawled,
            "kept_seconds": seconds(kept),
            "page_bytes": (folder / "page.html").stat().st_size,
        },
        rel=1e-4,
    )
    assert re.search(rf'<dt>clips</dt><dd>{len(kept)}</dd>\s*<dd class="more">of {len(rows)} that were cut', page)
    assert sorted(line[2] for line in found.tables.get("failures", [])) == sorted(r.reason for r in failed)
    names = [line[0] for line in found.tables["lineage"]]
    assert len(names) >= 12 and names == [s.name for s in STAGES if s.name in names]
    return page


@pytest.mark.slow
def test_the_numbers_agree_for_a_show_with_removed_sounds_and_failures(evening: Dataset, tmp_path: Path) -> None:
    page = compared(evening, tmp_path)
    drawn = Parsed(page).drawn
    assert drawn["kept"] >= sum(r.kept for r in evening.rows()) and drawn["rejected"] >= 1 and drawn["removed"] >= 8
    assert "6000 Hz" in page and "bell.wav" in page
    assert page.count("<h4>before</h4>") >= 1 and len(Parsed(page).tables["failures"]) == 2


@pytest.mark.slow
def test_the_numbers_agree_for_a_radio_show(radio: Dataset, tmp_path: Path) -> None:
    page = compared(radio, tmp_path)
    assert {"speaker", "snr"} & {r.reason for r in radio.rows()} and "radio" in page
