"""Timelines of a version in the formats of other tools, read back by the programs that people read them with."""

import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pympi
import pytest
import srt
import textgrid
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pyannote.database.util import load_rttm

from components.shared.events import EVENT
from components.shared.rows import SAMPLE_RATE_HZ, VOICE, DatasetRow, TimelineSpan
from components.shared.table import empty
from pipelines.datasets.formats import FORMATS, plain
from pipelines.datasets.timelines import export_timelines
from store.datasets import DatasetStore, timeline_key
from store.objects import open_store
from store.parquet import to_bytes
from tests.command import speechmill
from tests.export_store import exported
from tests.places import ROOT
from tests.versions import add_rows, put_version

SECONDS = 20.0
"""Length of every recording."""


def clip(recording: str, start: float, end: float, speaker: str, text: str = "", reason: str = "") -> DatasetRow:
    start, end = (round(t * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ for t in (start, end))
    return replace(
        empty(DatasetRow),
        clip=f"{recording}-{round(start * 1000):08d}",
        recording=recording,
        title=f"../../{recording}",
        start=start,
        end=end,
        samples=round((end - start) * SAMPLE_RATE_HZ),
        timeline_sha256=f"aa{recording}",
        speaker=speaker,
        text=text,
        kept=not reason,
        reason=reason,
    )


TURNS = {
    "0aa": [(0.0, 2.6, "0"), (2.4, 4.0, "1"), (5.0, 6.8, "0"), (7.0, 19.0, "2"), (19.0, 19.5, ""), (19.25, 19.75, "0")],
    "0dd": [(0.0, 2.0, "0")],
}
"""Start, end and voice of turns."""
HEARD = {"0aa": [(0.24, 1.2, "laughter"), (1.0, 2.16, "applause"), (9.6, 10.08, "laughter")]}
"""Start, end and name of events."""
TALK = [
    clip("0aa", 0.0, 2.5004, "s0001", '안녕 "하세요"\n\n2\n00:00:01,000 --> 00:00:02,000'),
    clip("0aa", 2.5004, 4.0, "s0002", "A & B <i>said\x07</i> 👩\u200d🚀"),
    clip("0aa", 5.25, 6.75, "s0001", "", reason="dnsmos"),
    clip("0aa", 7.0, 19.3333, "", "no voice"),
]
ALONE = [clip("0bb", 1.0, 3.0, "s0002", "alone"), clip("0bb", 3.0, 5.0, "s0002")]
NAMES = {"s0002": "pengsu"}
HAPPENED = ["event applause", "event laughter"]
"""Tiers of events."""
BESIDE = ["README.md", "croissant.json", "manifest.jsonl"]
"""The files of every export."""


def published(folder: Path, rows: Sequence[DatasetRow]) -> Path:
    store = open_store(str(folder))
    for recording in {r.recording for r in rows}:
        spans = [TimelineSpan(recording, 0.0, 10.0, "speech", ""), TimelineSpan(recording, 10.0, SECONDS, "music", "")]
        spans += [TimelineSpan(recording, a, b, EVENT, name) for a, b, name in HEARD.get(recording, [])]
        spans += [TimelineSpan(recording, a, b, VOICE, voice) for a, b, voice in TURNS.get(recording, [])]
        store.write(timeline_key("radio", f"aa{recording}"), to_bytes(TimelineSpan, spans))
    lineage = {"stages": {}, "seconds": {"kept_seconds": 1.0}, "speakers": {"names": NAMES}}
    assert put_version(DatasetStore(store, "radio"), list(rows), "run", lineage)
    return folder


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published(tmp_path_factory.mktemp("radio") / "store", [*TALK, *ALONE])


def refused(store: Path, out: Path, kind: str, *options: str) -> str:
    done = speechmill("dataset", "export", "radio", "--store", store, "--out", out, "--format", kind, *options)
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert not out.exists()
    return done.stderr.splitlines()[-1]


def turns(file: Path) -> list[tuple[float, float, str]]:
    (found,) = load_rttm(file).values()
    assert found.uri == file.stem
    return [(round(s.start, 3), round(s.end, 3), speaker) for s, _, speaker in found.itertracks(yield_label=True)]


def test_pyannote_reads_who_speaks_when_with_overlap_and_also_where_no_clip_is(store: Path, tmp_path: Path) -> None:
    out = exported(store, tmp_path / "out", "rttm")
    assert turns(out / "0aa.rttm") == [
        (0.0, 2.6, "s0001"),
        (2.4, 4.0, "s0002"),
        (5.0, 6.8, "s0001"),
        (7.0, 19.0, "voice2"),
        (19.0, 19.5, "unknown"),
        (19.25, 19.75, "s0001"),
    ]


def test_without_turns_the_kept_clips_say_who_speaks(store: Path, tmp_path: Path) -> None:
    assert turns(exported(store, tmp_path / "out", "rttm") / "0bb.rttm") == [(1.0, 3.0, "s0002"), (3.0, 5.0, "s0002")]
    every = exported(
        published(tmp_path / "store", [*ALONE, clip("0bb", 6.0, 7.0, "s0001", reason="dnsmos")]), tmp_path / "all", "rttm", "--all-clips"
    )
    assert turns(every / "0bb.rttm")[-1] == (6.0, 7.0, "s0001")


def test_a_clip_that_was_given_to_another_speaker_takes_its_turn_along(tmp_path: Path) -> None:
    rows = [clip("0dd", 0.0, 2.0, "s0009")]
    out = exported(published(tmp_path / "store", rows), tmp_path / "out", "rttm")
    assert turns(out / "0dd.rttm") == [(0.0, 2.0, "s0009")]


def test_with_all_clips_elan_has_the_rejected_ones_too(store: Path, tmp_path: Path) -> None:
    document = pympi.Elan.Eaf(exported(store, tmp_path / "eaf", "eaf", "--all-clips") / "0aa.eaf")
    assert (5250, 6750, "") in document.get_annotation_data_for_tier("s0001")


def test_praat_s_format_says_speaker_text_and_reason_of_every_second(store: Path, tmp_path: Path) -> None:
    grid = textgrid.TextGrid.fromFile(str(exported(store, tmp_path / "out", "textgrid") / "0aa.TextGrid"))
    assert [t.name for t in grid] == ["speaker", "text", "clip", "turns s0001", "turns s0002", "turns unknown", "turns voice2", *HAPPENED]
    for tier in grid:
        assert (tier.minTime, tier.maxTime, tier[0].minTime, tier[-1].maxTime) == (0, SECONDS, 0, SECONDS)
        assert all(a.maxTime == b.minTime for a, b in pairwise(tier))
    labels = [[i.mark for i in tier] for tier in grid]
    assert labels[0] == ["s0001", "pengsu", "", "s0001", "", "unknown", ""]
    assert labels[1][0] == '안녕 "하세요" 2 00:00:01,000 --> 00:00:02,000'
    assert labels[2] == ["kept", "kept", "", "dnsmos", "", "kept", ""]
    assert [(i.minTime, i.maxTime) for i in grid[3] if i.mark == "s0001"] == [(0.0, 2.6), (5.0, 6.8), (19.25, 19.75)]
    assert [(i.minTime, i.maxTime) for i in grid[4] if i.mark == "pengsu"] == [(2.4, 4.0)]
    assert [(i.minTime, i.maxTime) for i in grid[8] if i.mark == "laughter"] == [(0.24, 1.2), (9.6, 10.08)]
    assert [round(i.minTime, 4) for i in grid[2]] == [0, 2.5004, 4.0, 5.25, 6.75, 7.0, 19.3333]


def test_subtitles_have_the_text_and_who_says_it_if_there_are_several(store: Path, tmp_path: Path) -> None:
    out = exported(store, tmp_path / "out", "srt")
    cues = list(srt.parse((out / "0aa.srt").read_text(encoding="utf-8")))
    assert [c.content for c in cues] == [
        's0001: 안녕 "하세요" 2 00:00:01,000 --> 00:00:02,000',
        "pengsu: A & B <i>said</i> 👩\u200d🚀",
        "unknown: no voice",
    ]
    assert [(c.index, c.start.total_seconds(), c.end.total_seconds()) for c in cues] == [(1, 0.0, 2.5), (2, 2.5, 4.0), (3, 7.0, 19.333)]
    assert [c.content for c in srt.parse((out / "0bb.srt").read_text(encoding="utf-8"))] == ["alone"], "one speaker needs no prefix"


def test_elan_s_format_has_a_tier_per_speaker(store: Path, tmp_path: Path) -> None:
    out = exported(store, tmp_path / "out", "eaf")
    document = pympi.Elan.Eaf(out / "0aa.eaf")
    tiers = [*HAPPENED, "s0001", "s0002", *(f"turns {s}" for s in ("s0001", "s0002", "unknown", "voice2")), "unknown"]
    assert list(document.get_tier_names()) == tiers
    assert document.get_annotation_data_for_tier("turns s0001") == [(0, 2600, ""), (5000, 6800, ""), (19250, 19750, "")]
    assert document.get_annotation_data_for_tier("event laughter") == [(240, 1200, "laughter"), (9600, 10080, "laughter")]
    assert "PARTICIPANT" not in document.get_parameters_for_tier("event laughter")
    assert document.get_parameters_for_tier("turns s0002")["PARTICIPANT"] == "pengsu"
    assert document.get_annotation_data_for_tier("s0002") == [(2500, 4000, "A & B <i>said</i> 👩\u200d🚀")]
    assert document.get_parameters_for_tier("s0002")["PARTICIPANT"] == "pengsu"
    assert [m["RELATIVE_MEDIA_URL"] for m in document.get_linked_files()] == ["./0aa.wav"]
    root = ElementTree.parse(out / "0aa.eaf").getroot()
    assert (root.get("FORMAT"), root.find("HEADER").get("TIME_UNITS")) == ("3.0", "milliseconds")


SAID = st.text(st.characters(codec="utf-8"), max_size=30)


@given(st.lists(st.tuples(st.integers(1, 3000), st.integers(0, 2000), SAID), min_size=1, max_size=6))
@examples(max_examples=40, deadline=None)
def test_whatever_was_said_is_read_back(tmp_path_factory: pytest.TempPathFactory, clips: list[tuple[int, int, str]]) -> None:
    folder, at, rows = tmp_path_factory.mktemp("said"), 0, []
    for length, gap, text in clips:
        rows.append(clip("0cc", (at + gap) / 1000, (at + gap + length) / 1000, "s0001", text))
        at += gap + length
    opened = open_store(str(published(folder / "store", [*rows, clip("0cc", 19.0, 20.0, "s0001", "last")])))
    dataset = DatasetStore(opened, "radio")
    for kind in FORMATS:
        export_timelines(opened, dataset, dataset.version(), folder / kind, kind=kind, rejected=False, done=lambda _: None)
    texts = [plain(text) for *_, text in clips] + ["last"]
    assert [c.content for c in srt.parse((folder / "srt" / "0cc.srt").read_text(encoding="utf-8"))] == [t for t in texts if t]
    read = pympi.Elan.Eaf(folder / "eaf" / "0cc.eaf").get_annotation_data_for_tier("s0001")
    assert [text for *_, text in sorted(read)] == texts
    grid = textgrid.TextGrid.fromFile(str(folder / "textgrid" / "0cc.TextGrid"))
    assert [i.mark for i in grid[1] if i.mark] == [t for t in texts if t]
    assert len(turns(folder / "rttm" / "0cc.rttm")) == len(texts)


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_version_gives_the_same_bytes_and_a_manifest_that_names_the_recordings(store: Path, tmp_path: Path, kind: str) -> None:
    one, two = (exported(store, tmp_path / name, kind) for name in "ab")
    files = sorted(p.name for p in one.iterdir())
    assert files == [f"0aa{FORMATS[kind][1]}", f"0bb{FORMATS[kind][1]}", *BESIDE]
    assert all((one / name).read_bytes() == (two / name).read_bytes() for name in files)
    lines = [json.loads(line) for line in (one / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(x["file"], x["title"], x["seconds"], x["version"]) for x in lines] == [(f, f"../../{f[:3]}", SECONDS, 1) for f in files[:2]]
    assert [x["clips"] for x in lines] == {"rttm": [3, 2], "textgrid": [4, 2], "srt": [3, 1], "eaf": [3, 2]}[kind]
    assert [x["turns"] for x in lines] == [6, 0]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_a_folder_that_is_there_is_filled_and_one_with_files_is_not_touched(store: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    out = exported(store, tmp_path / "out", "rttm")
    assert sorted(p.name for p in out.iterdir()) == ["0aa.rttm", "0bb.rttm", *BESIDE]
    done = speechmill("dataset", "export", "radio", "--store", store, "--out", out, "--format", "srt")
    assert done.returncode != 0 and "expected an empty or a new folder" in done.stderr
    assert sorted(p.name for p in out.iterdir()) == ["0aa.rttm", "0bb.rttm", *BESIDE]


KILLED = """
import os, sys
from pathlib import Path
from pipelines.datasets.timelines import export_timelines
from store.datasets import DatasetStore
from store.objects import open_store
from tests.versions import add_rows, put_version
store = open_store(sys.argv[1])
dataset = DatasetStore(store, "radio")
export_timelines(store, dataset, dataset.version(), Path(sys.argv[2]), kind="eaf", rejected=False, done=lambda _: os._exit(9))
"""
"""Exports, and ends after one recording as by SIGKILL."""


def test_a_folder_appears_when_it_is_whole(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-c", KILLED, str(store), str(out)]
    assert subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}).returncode == 9
    assert not out.exists()
    exported(store, out, "eaf")
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_what_cannot_be_exported_is_one_line(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert "or gpt-sovits, found it with rttm, which has no sound" in refused(store, out, "rttm", "--codec", "flac")
    assert "--all-clips: expected it with --format rttm, textgrid, srt or eaf, found it with files" in refused(
        store, out, "files", "--all-clips"
    )
    silent = published(tmp_path / "silent", [replace(r, text="") for r in TALK])
    assert "expected kept clips with a text in version 1 of dataset radio, found none" in refused(silent, out, "srt")
    none = published(tmp_path / "none", [replace(r, kept=False, reason="speaker") for r in TALK])
    assert "expected kept clips in version 1 of dataset radio, found none of 4" in refused(none, out, "eaf")
    outside = published(tmp_path / "outside", TALK[:1])
    moved = replace(TALK[0], clip="x", recording="../0aa", timeline_sha256="")
    assert add_rows(DatasetStore(open_store(str(outside)), "radio"), "run-2", moved)
    assert "found '../0aa'" in refused(outside, out, "rttm")


def test_many_recordings_take_the_memory_of_their_columns(tmp_path: Path) -> None:
    rows = [clip(f"{n:04x}", i, i + 0.9, "s0001", "word " * 40) for n in range(1000) for i in range(10)]
    opened = open_store(str(published(tmp_path / "store", rows)))
    del rows
    dataset = DatasetStore(opened, "radio")
    version = dataset.version()
    tracemalloc.start()
    found = export_timelines(opened, dataset, version, tmp_path / "out", kind="textgrid", rejected=True, done=lambda _: None)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found.recordings, found.clips) == (1000, 10_000)
    assert peak_bytes < 2e6, "as Python objects, the rows take 11 MB"
