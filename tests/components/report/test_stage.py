"""The stage on a store: what is on the page, and what is told of it."""

import copy
import json
import re
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.shared.audio import flac_bytes
from components.shared.events import BOUNDS
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow
from components.shared.table import empty
from store.datasets import DatasetStore, audio_key
from store.interface import Store
from store.ledger import CHANGED, FAILED, GIVEN_UP, PUBLISHED, Ledger, LedgerRow
from store.objects import open_store
from store.truth import Truth, write_truth
from tests import report_store
from tests.report.parsed import Parsed
from tests.report_store import HOSTILE, NAME
from tests.tasks import artifacts, stage_command
from tests.versions import put_version

KINDS = {"page": "system.HTML", "metrics": "system.Metrics", "tone_confusion": "system.ClassificationMetrics"}


@dataclass(frozen=True)
class Made:
    """What the stage made of a version."""

    page: str
    metadata: dict[str, dict[str, Any]]


def report(folder: Path, version: int = 0) -> Made:
    outputs: dict[str, Any] = {}
    for name, kind in KINDS.items():
        outputs |= artifacts(kind, **{name: folder / name})
    parameters = {"dataset": NAME, "store": str(folder / "store"), "version": float(version)}
    done = subprocess.run(stage_command("report", folder / "out.json", None, outputs, **parameters), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    written = json.loads((folder / "out.json").read_text())["artifacts"]
    return Made((folder / "page").read_text(encoding="utf-8"), {name: a["artifacts"][0]["metadata"] for name, a in written.items()})


def keys(page: str) -> list[str]:
    """What the key of the timeline names."""
    return re.findall(r"<span><i class=\"\w+\"></i> ([^<]+)</span>", page.partition('class="key lanes"')[2].partition("</p>")[0])


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
    lists = Parsed(made.page).bars
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


def test_the_seconds_of_clips_in_which_a_sound_is_heard_are_those_of_the_rows(made: Made, rows: tuple[Path, list[DatasetRow]]) -> None:
    bars = dict(Parsed(made.page).bars["event"])
    assert [*bars] == ["music", "laughter"]
    for name, (kept, seconds) in bars.items():
        own = [r for r in rows[1] if (getattr(r, name) or 0) >= BOUNDS[name]]
        assert seconds == pytest.approx(sum(r.samples for r in own) / SAMPLE_RATE_HZ, abs=0.01)
        assert kept == pytest.approx(sum(r.samples for r in own if r.kept) / SAMPLE_RATE_HZ, abs=0.01)
    assert 0 < bars["laughter"][1] < bars["music"][1]
    assert Parsed(made.page).drawn["event"] == 2 and '<span class="fact event">laughter</span>' in made.page


def test_what_strangers_wrote_is_text(made: Made) -> None:
    tags = Parsed(made.page).tags
    assert "script" not in tags and "<script" not in made.page
    assert "&lt;script&gt;" in made.page
    assert tags["img"] == tags["audio"] and not re.search(r"<[^>]*\son\w+=", re.sub(r'"[^"]*"', '""', made.page))


def test_nothing_on_the_page_comes_from_outside(made: Made) -> None:
    assert "default-src 'none'" in made.page
    assert not re.search(r'(?:src|href)="(?!data:|#)', made.page) and "@import" not in made.page and "url(http" not in made.page


def test_the_page_shows_clips_thresholds_failures_repeats_and_what_made_it(made: Made) -> None:
    assert Parsed(made.page).tags["audio"] >= 12 and made.page.count('class="card clip"') == 12
    sections = ["funnel", "speech", "events", "scores", "clips", "timeline", "tones", "repeats", "reasons", "failures", "lineage"]
    assert re.findall(r'<section id="(\w+)"', made.page) == sections
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
    assert found.metadata["metrics"] == {"version": 0, "failed_recordings": 0, "failed_sources": 0, "changed_recordings": 0}


def test_where_everything_failed_the_page_says_why_though_there_is_no_version(tmp_path: Path) -> None:
    lost = replace(empty(LedgerRow), recording="a", kind="media", title="Gone", outcome=FAILED, reason="404 not found", failures=2)
    given_up = replace(lost, recording="b", title="Poison", outcome=GIVEN_UP, reason="its shard was lost 3 times")
    source = replace(lost, recording="c", kind="source", title="", url="https://example.org/feed.xml", reason="no such host")
    changed = replace(lost, recording="d", title="Another", outcome=PUBLISHED, reason=f"{CHANGED}: bytes 5, before 4", failures=0)
    Ledger(open_store(str(tmp_path / "store")), NAME).write(lambda _: [lost, given_up, source, changed])
    found = report(tmp_path)
    assert f"Dataset {NAME} has no version yet" in found.page
    assert sorted(Parsed(found.page).tables["failures"]) == [
        ["Another", "changed", "changed at its source: bytes 5, before 4", "0"],
        ["Gone", "failed", "404 not found", "2"],
        ["Poison", "given up", "its shard was lost 3 times", "2"],
        ["https://example.org/feed.xml", "not listed", "no such host", "2"],
    ]
    assert "2 recordings failed, and 1 source could not be listed" in found.page
    assert "1 recording changed at its source since its download" in " ".join(found.page.split())
    assert found.metadata["metrics"] == {"version": 0, "failed_recordings": 2, "failed_sources": 1, "changed_recordings": 1}


def test_reasons_are_counted_with_advice(tmp_path: Path) -> None:
    lost = replace(empty(LedgerRow), kind="youtube", outcome=FAILED, reason="members_only: Join this channel", failures=1)
    rows = [replace(lost, recording=f"{n}") for n in range(3)] + [replace(lost, recording="x", reason="no audio stream")]
    Ledger(open_store(str(tmp_path / "store")), NAME).write(lambda _: rows)
    shown = Parsed(report(tmp_path).page).tables["reasons"]
    assert [row[:2] for row in shown] == [["members only", "3"], ["no audio stream", "1"]]
    assert shown[0][2].startswith("give cookies") and shown[1][2] == "read the reason below"


def test_sources_that_could_not_be_listed_are_no_recordings(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    report_store.make(store)
    source = replace(
        empty(LedgerRow), recording="c", kind="source", url="https://example.org/feed.xml", outcome=FAILED, reason="no such host"
    )
    Ledger(store, NAME).write(lambda _: [source])
    found = report(tmp_path)
    metrics = found.metadata["metrics"]
    assert (metrics["failed_recordings"], metrics["failed_sources"]) == (1, 1)
    assert re.search(r"<dt>failed</dt><dd>1</dd>\s*<dd class=\"more\">recording, and 1 source</dd>", found.page)


def test_the_page_says_which_recordings_hold_the_clips_of_another_file_than_before(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    report_store.make(store)
    before = DatasetStore(store, NAME).version()
    lineage = before.lineage | {"replaced": {"r0": f"{CHANGED}: etag {HOSTILE}"}}
    put_version(DatasetStore(store, NAME), DatasetStore(store, NAME).rows(before)[1:], "another", lineage)
    found = report(tmp_path)
    (replaced,) = Parsed(found.page).tables["replaced"]
    assert replaced == ["r0", f"{CHANGED}: etag {HOSTILE}"]
    assert 'id="replaced"' not in report(tmp_path, 1).page


def test_of_a_recording_of_hours_clips_and_what_was_removed_are_drawn(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    clips, audio = 1600, [report_store.put_sound(store, 2.0, 1)]
    rows = report_store.rows(clips, audio, "", [report_store.put_timeline(store, "r0", clips)], of_recording=clips)
    put_version(DatasetStore(store, NAME), rows, lineage=report_store.LINEAGE)
    page = report(tmp_path).page
    drawn = Parsed(page).drawn
    crossing = 12  # lines end within a clip, and the whistle goes on in each
    assert clips <= drawn["kept"] + drawn["rejected"] <= clips + crossing and drawn["removed"] >= 2
    assert drawn["voice"] >= 500 and drawn["speech"] + drawn["music"] >= 500 and drawn.total() == 3500
    assert {"speech", "clip, kept", "clip, rejected", "who speaks", "taken out"} <= set(keys(page))
    left_out = int(re.search(r"([\d,]+) stretches are not drawn", page)[1].replace(",", ""))  # type: ignore[index]
    assert 0 <= left_out + drawn.total() - (4 * clips + 2 + clips // 5) <= 3 * crossing


def noise(store: Store, seed: int) -> str:
    """Sound that takes most room, as a file and as a picture: noise, of more seconds than a page holds."""
    pcm = np.random.default_rng(seed).integers(-20_000, 20_000, 12 * SAMPLE_RATE_HZ, np.int16)
    store.write(audio_key(NAME, f"{seed:064d}"), flac_bytes(pcm))
    return f"{seed:064d}"


def test_a_page_stays_small_whatever_strangers_wrote(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    audio = [noise(store, seed) for seed in range(4)]
    made = report_store.rows(3000, audio[:3], audio[3], [report_store.put_timeline(store, "r0", 3000)], of_recording=3000)
    rows = [
        replace(
            r,
            before_sha256=audio[3],
            text="가나다라 마바사아 " * 60,
            title="제목" * 100,
            tone=f"어조 {i % 300} " + "조" * 200,
            speaker=f"s{i:04d}",
            language=f"l{i % 90}",
            licence="x" * 200 + str(i),
        )
        for i, r in enumerate(made)
    ]
    put_version(DatasetStore(store, NAME), rows, lineage=report_store.LINEAGE)
    lost = replace(
        empty(LedgerRow), kind="media", title="제목" * 100, url="https://example.org/" + "u" * 1500, outcome=FAILED, reason="이유" * 300
    )
    Ledger(store, NAME).write(lambda _: [replace(lost, recording=str(i)) for i in range(400)])
    write_truth(store, NAME, [Truth("r0.mp3", 6.0 * i, 6.0 * i + 6, f"tone {i % 400}") for i in range(3000)])
    found = report(tmp_path)
    assert found.metadata["metrics"]["page_bytes"] < 5_000_000
    assert "u" * 1400 not in found.page and "…" in found.page and "The first 200 are listed" in found.page
    assert len(found.metadata["tone_confusion"]["confusionMatrix"]["annotationSpecs"]) == 21
    assert len(json.dumps(found.metadata["tone_confusion"])) < 12_000


def test_a_version_that_refuses_repeats_says_what_the_curves_do_not_know(tmp_path: Path, made: Made) -> None:
    said = "a repeat of it may be kept instead"
    assert said not in made.page
    store, lineage = open_store(str(tmp_path / "store")), copy.deepcopy(report_store.LINEAGE)
    lineage["stages"]["publish"]["settings"]["refuse_repeats"] = True  # type: ignore[index]
    rows = report_store.rows(20, [report_store.put_sound(store, 2.0, 1)], "", [""])
    put_version(DatasetStore(store, NAME), rows, "run", lineage)
    page = report(tmp_path).page
    assert said in page and "earlier in the same one" in page


def test_a_version_without_clips_and_one_of_before_timelines_have_pages(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    dataset = DatasetStore(store, NAME)
    audio = report_store.put_sound(store, 3.0, 1)
    lineage = {"stages": {}, "sources_sha256": "", "seconds": {}}
    put_version(dataset, report_store.rows(3, [audio], "", [""]), "old", lineage)
    page = report(tmp_path).page
    assert "version 1" in page and "published before timelines were kept" in page and page.count("<audio") == 3
    assert "speech" not in keys(page), "the key names what is drawn"
    put_version(dataset, [], "empty", lineage)
    assert "From crawled to kept" in report(tmp_path).page and "<audio" not in report(tmp_path).page


def test_named_speakers_have_their_names_on_the_page(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    rows = report_store.rows(8, [report_store.put_sound(store, 2.0, 1)], "", [""])
    speakers = {"given": 7, "count": 7, "dominant": "s0001", "names": {"s0001": "pengsu"}, "speech_seconds": 9.0, "seconds": {"s0001": 9.0}}
    put_version(DatasetStore(store, NAME), rows, "run", report_store.LINEAGE | {"speakers": speakers})
    names = {name for name, _ in Parsed(report(tmp_path).page).bars["speaker"]}
    assert "s0001 (pengsu)" in names and "s0002" in names and "s0001" not in names
