"""Every sample of a recording is in a clip or in one column of its account."""

import dataclasses
import json
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from components.collect.collect import account, extractions, outside, with_before
from components.shared.audio import pcm_sha256, read
from components.shared.events import ClipEvents, EventSpan
from components.shared.extraction import Extraction
from components.shared.rows import (
    SAMPLE_RATE_HZ,
    Account,
    Clip,
    DatasetRow,
    Fingerprint,
    Quality,
    Recording,
    Removed,
    Segment,
    Speaker,
    TimelineSpan,
    Tone,
    Turn,
    Vector,
)
from components.shared.table import empty, from_table, read_rows, write_rows
from components.shared.transcript import Transcript
from store.datasets import audio_key, timeline_key
from store.objects import open_store
from tests.artifacts import recording, write_recordings
from tests.tasks import artifacts, stage_command

LABELS = ("speech", "music", "noise", "silence")
TABLES = ("recordings", "removed", "fingerprints", "segments", "turns", "extracted", "clean", "clips")
TAGS: dict[str, type[Any]] = {"speakers": Speaker, "tones": Tone, "quality": Quality, "events": ClipEvents, "transcripts": Transcript}
FINGERPRINTS = [Fingerprint("r", 0.03, 2.7, b"12345678"), Fingerprint("broken", 0.03, 2.7, b"")]
VOICE = Vector(np.ones(256, "<f4").tobytes())


def spans(edges: list[int]) -> list[tuple[int, int]]:
    return list(pairwise(edges))


def segments(edges: list[int], labels: list[str], name: str = "r") -> list[Segment]:
    times = spans(edges)
    return [Segment(name, a / SAMPLE_RATE_HZ, b / SAMPLE_RATE_HZ, label, "") for (a, b), label in zip(times, labels, strict=True)]


def clips(times: list[tuple[int, int]], name: str = "r") -> list[Clip]:
    return [Clip(f"{name}-{a:08d}", name, a / SAMPLE_RATE_HZ, b / SAMPLE_RATE_HZ, "female", False) for a, b in times]


edges = st.lists(st.integers(1, 2_000_000), min_size=1, max_size=12, unique=True).map(lambda cuts: [0, *sorted(cuts)])


@given(edges, st.data())
def test_no_sample_is_lost_or_counted_twice(borders: list[int], data: st.DataObject) -> None:
    labels = data.draw(st.lists(st.sampled_from(LABELS), min_size=len(borders) - 1, max_size=len(borders) - 1))
    cuts = sorted(data.draw(st.lists(st.integers(0, borders[-1]), max_size=10, unique=True)))
    cut = spans(cuts)[::2]
    a = account(recording("r", borders[-1]), segments(borders, labels), clips(cut))
    left = a.music_samples + a.noise_samples + a.silence_samples + a.unclipped_speech_samples
    assert left + sum(end - start for start, end in cut) == borders[-1]


@given(edges, edges)
def test_outside_agrees_with_counting(one: list[int], other: list[int]) -> None:
    some, covers = [(a % 3000, a % 3000 + 50) for a in one], spans(sorted({x % 3000 for x in other}))[::2]
    covered = np.zeros(4000, bool)
    for a, b in covers:
        covered[a:b] = True
    assert outside(some, covers) == sum(int((~covered[a:b]).sum()) for a, b in some)


@pytest.mark.parametrize(
    ("borders", "cut", "message"),
    [
        ([0, 500], [], "do not cover"),
        ([100, 1000], [], "do not cover"),
        ([0, 1000], [(0, 600), (500, 900)], "not ordered, disjoint"),
        ([0, 1000], [(500, 1001)], "not ordered, disjoint"),
        ([0, 1000], [(500, 500)], "not ordered, disjoint"),
    ],
)
def test_tables_that_break_the_laws_are_refused(borders: list[int], cut: list[tuple[int, int]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        account(recording("r", 1000), segments(borders, ["speech"]), clips(cut))


def run(folder: Path, shard: str = "0123456789abcdef") -> subprocess.CompletedProcess[str]:
    inputs, outputs = artifacts(**{name: folder / name for name in (*TABLES, *TAGS)}), artifacts(part=folder / "part")
    parameters = {"shard": shard, "dataset": "show", "store": str(folder / "store")}
    return subprocess.run(stage_command("collect", folder / "out.json", inputs, outputs, **parameters), capture_output=True, text=True)


def write_inputs(folder: Path, samples: int = 3 * SAMPLE_RATE_HZ) -> np.ndarray:
    """Input artifacts of one recording of noise and one that failed; returns the noise."""
    for name in (*TABLES, *TAGS):
        (folder / name).mkdir()
    noise = np.random.default_rng(1).integers(-20_000, 20_000, samples, np.int16)
    both = {"r": noise, "broken": noise[:0]}
    write_recordings(folder / "clean", both)
    write_recordings(folder / "recordings", both | {"r": np.stack([noise // 2, noise // 4], axis=1)})
    write_rows(folder / "removed", Removed, [Removed("r", 0.5, 2.0, "tones", "6000 Hz", 6000.0, None, 40.0)])
    write_rows(folder / "fingerprints", Fingerprint, FINGERPRINTS)
    write_rows(folder / "segments", Segment, segments([0, 40_000, samples], ["music", "speech"]))
    write_rows(folder / "turns", Turn, [Turn("r", 0.75, 2.5, 0), Turn("r", 2.0, 3.0, -1)])
    tried = [(1.1, 1.2, True, 0.5, 0.7), (1.3, 1.6, True, 0.4, 0.5), (1.7, 1.8, False, 0.4, 0.3)]
    write_rows(folder / "extracted", Extraction, [Extraction("r", *facts, 3.0, 3.1) for facts in tried])
    write_rows(folder / "events", EventSpan, [EventSpan("r", 0.24, 1.2, "laughter", 0.7)], "spans")
    cut = clips([(44_100, 66_150), (66_150, 100_000)])
    write_rows(folder / "clips", Clip, cut)
    for name, kind in TAGS.items():
        write_rows(folder / name, kind, [])
    write_rows(folder / "speakers", Speaker, [Speaker(cut[0].clip, VOICE, "resemblyzer", None, None, 0.5, 0.0, "")])
    return noise


def test_a_row_has_what_the_stages_measured_and_nothing_where_they_did_not(tmp_path: Path) -> None:
    write_inputs(tmp_path)
    assert run(tmp_path).returncode == 0
    first, second = read_rows(tmp_path / "part", DatasetRow)
    assert (first.vector, first.similarity, first.purity) == (VOICE, None, 0.5)
    assert (second.vector, second.similarity, second.purity) == (b"", None, None)
    for row in (first, second):
        assert (row.speaker, row.tone, row.dnsmos_ovrl, row.text, row.words, row.quality_by) == ("", "", None, "", [], "")


def test_a_row_says_how_much_of_its_clip_was_extracted_and_what_that_gained(tmp_path: Path) -> None:
    write_inputs(tmp_path)
    assert run(tmp_path).returncode == 0
    first, second = read_rows(tmp_path / "part", DatasetRow)
    assert first.extracted_share == pytest.approx((0.1 + 0.2) / 0.5)
    assert first.extract_similarity_gain == pytest.approx((0.1 * 0.2 + 0.2 * 0.1) / 0.3)
    assert second.extracted_share == pytest.approx(0.1 / (33_850 / SAMPLE_RATE_HZ))
    assert second.extract_similarity_gain == pytest.approx(0.1)


def test_a_clip_in_which_nothing_was_tried_says_nothing_of_extraction_and_one_in_which_nothing_was_kept_says_none() -> None:
    one, other = clips([(0, 44_100), (44_100, 88_200)])
    found = extractions([one, other], [Extraction("r", 1.2, 1.9, False, 0.5, 0.4, 3.0, 3.0)])
    assert found[one.clip] == {"extracted_share": None, "extract_similarity_gain": None}
    assert found[other.clip] == {"extracted_share": 0.0, "extract_similarity_gain": None}


def test_a_part_holds_every_clip_and_its_audio_is_in_the_store(tmp_path: Path) -> None:
    noise = write_inputs(tmp_path)
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = read_rows(tmp_path / "part", DatasetRow)
    assert [(r.start, r.samples, r.kept, r.reason) for r in rows] == [(1.0, 22_050, False, ""), (1.5, 33_850, False, "")]
    for row in rows:
        start = round(row.start * SAMPLE_RATE_HZ)
        assert row.audio_sha256 == pcm_sha256(noise[start : start + row.samples])
        file = tmp_path / "store" / audio_key("show", row.audio_sha256)
        assert np.array_equal(read(file, 0, row.samples)[:, 0], noise[start : start + row.samples])
        assert soundfile.info(file).samplerate == SAMPLE_RATE_HZ
    good, broken = read_rows(tmp_path / "part", Account, "recordings")
    assert (good.music_samples, good.unclipped_speech_samples) == (40_000, 4_100 + 3 * SAMPLE_RATE_HZ - 100_000)
    assert (broken.samples, broken.reason) == (0, "404 Not Found")
    assert json.loads((tmp_path / "out.json").read_text())["artifacts"]["part"]["artifacts"][0]["metadata"]["failed_recordings"] == 1


def test_some_clips_keep_their_sound_before_all_work_on_it(tmp_path: Path) -> None:
    noise = write_inputs(tmp_path).astype(float)
    assert run(tmp_path).returncode == 0
    for row in read_rows(tmp_path / "part", DatasetRow):
        start = round(row.start * SAMPLE_RATE_HZ)
        before = read(tmp_path / "store" / audio_key("show", row.before_sha256), 0, row.samples)[:, 0]
        assert np.max(np.abs(before - 0.375 * noise[start : start + row.samples])) <= 1.25  # three roundings
        assert row.before_sha256 == pcm_sha256(before)


def test_of_many_clips_a_share_keeps_its_sound_before_and_always_the_same_ones() -> None:
    many = clips(spans(list(range(0, 20_100, 100))))
    kept = with_before(many)
    assert len(many) == 200
    assert len(kept) == 10
    assert kept == with_before(many[::-1])
    assert with_before(many[:3]) == {c.clip for c in many[:3]}
    halves = [sum(c.clip in kept for c in part) for part in (many[:100], many[100:])]
    assert min(halves) >= 1


def test_the_timeline_of_a_recording_is_in_the_store(tmp_path: Path) -> None:
    write_inputs(tmp_path)
    assert run(tmp_path).returncode == 0
    (key,) = {timeline_key("show", r.timeline_sha256) for r in read_rows(tmp_path / "part", DatasetRow)}
    rows = from_table(TimelineSpan, pq.read_table(tmp_path / "store" / key))
    border = 40_000 / SAMPLE_RATE_HZ
    assert rows == [
        TimelineSpan("r", 0.0, border, "music", ""),
        TimelineSpan("r", 0.24, 1.2, "event", "laughter"),
        TimelineSpan("r", 0.5, 2.0, "tones", "6000 Hz"),
        TimelineSpan("r", 0.75, 2.5, "voice", "0"),
        TimelineSpan("r", border, 3.0, "speech", ""),
        TimelineSpan("r", 2.0, 3.0, "voice", ""),
    ]


def test_a_row_has_what_every_stage_measured_of_its_clip(tmp_path: Path) -> None:
    write_inputs(tmp_path)
    first, second = (c.clip for c in read_rows(tmp_path / "clips", Clip))
    vector = Vector(np.linspace(0, 1, 256, dtype="<f4").tobytes())
    tone = Tone(second, "tone-2", None, 0.5, 210.0, 4.0, -1.5, -23.0, 0.6, "clusters", Vector(b"1234"))
    heard = dataclasses.replace(
        empty(ClipEvents), clip=first, laughter=0.7, events_top=["Giggle"], events_top_probabilities=Vector(b"1234"), events_by="yamnet"
    )
    tags = {
        "speakers": [
            Speaker(first, vector, "resemblyzer", 0.8, 0.7, None, 0.1, "host/0123456789ab"),
            Speaker(second, Vector(b""), "", None, None, None, None, ""),
        ],
        "tones": [tone],
        "quality": [Quality(first, 3.0, 4.0, 2.5, None, 8000.0, -23.0, -2.0, 0.0, "dnsmos")],
        "events": [heard],
        "transcripts": [
            Transcript(second, "안녕", "ko", -0.3, 4.0, ["안녕"], Vector(b"12345678"), "no_speech", "azure/1", 0.9, "안녕히", "vosk/ko/1")
        ],
    }
    for name, rows in tags.items():
        write_rows(tmp_path / name, type(rows[0]), rows)
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    one, two = read_rows(tmp_path / "part", DatasetRow)
    assert (one.vector, one.similarity, one.purity, one.reference, one.dnsmos_ovrl) == (vector, 0.8, None, "host/0123456789ab", 2.5)
    assert (one.tone, one.arousal, one.text, one.words, one.snr_db) == ("", None, "", [], None)
    for f in dataclasses.fields(Tone):
        assert f.name == "features" or getattr(two, f.name) == getattr(tone, f.name), f.name
    for f in dataclasses.fields(ClipEvents):
        assert getattr(one, f.name) == getattr(heard, f.name), f.name
    assert (two.laughter, two.events_top, two.events_by) == (None, [], "")
    assert (two.vector, two.dnsmos_sig, two.quality_by) == (b"", None, "")
    assert (two.text, two.words, two.word_times, two.text_flags) == ("안녕", ["안녕"], b"12345678", "no_speech")
    assert (two.text_agreement, two.text_second, two.text_second_by) == (0.9, "안녕히", "vosk/ko/1")
    assert {(r.speaker, r.kept, r.reason) for r in (one, two)} == {("", False, "")}, "publish says so"


@pytest.mark.parametrize(
    ("name", "stage", "row"),
    [
        ("speakers", "tag_speaker", empty(Speaker)),
        ("tones", "tag_tone", empty(Tone)),
        ("quality", "tag_quality", empty(Quality)),
        ("events", "tag_events", empty(ClipEvents)),
        ("transcripts", "transcribe", empty(Transcript)),
    ],
)
def test_a_stage_that_speaks_of_a_clip_that_is_not_there_or_twice_of_one_is_named(tmp_path: Path, name: str, stage: str, row: Any) -> None:
    write_inputs(tmp_path)
    there = read_rows(tmp_path / "clips", Clip)[0].clip
    write_rows(tmp_path / name, type(row), [dataclasses.replace(row, clip="r-99999999")])
    assert f"error: ValueError: expected rows of known clips from {stage}, found one of r-99999999" in run(tmp_path).stderr
    write_rows(tmp_path / name, type(row), [dataclasses.replace(row, clip=there)] * 2)
    assert f"error: ValueError: expected one row per clip from {stage}, found two of {there}" in run(tmp_path).stderr
    assert not (tmp_path / "part" / "rows.parquet").exists()


def test_audio_that_is_there_is_not_written_again(tmp_path: Path) -> None:
    write_inputs(tmp_path)
    run(tmp_path)
    files = {k: (tmp_path / "store" / k).stat().st_mtime_ns for k in open_store(str(tmp_path / "store")).keys("datasets/show/audio/")}
    assert run(tmp_path).returncode == 0
    assert len(files) == 4  # two clips, and both before all work on them
    assert files == {k: (tmp_path / "store" / k).stat().st_mtime_ns for k in files}


def test_a_stage_that_changed_the_length_is_found_out(tmp_path: Path) -> None:
    write_inputs(tmp_path)
    rows = read_rows(tmp_path / "clean", Recording)
    write_rows(tmp_path / "clean", Recording, [dataclasses.replace(rows[0], samples=rows[0].samples - 1), rows[1]])
    done = run(tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: ValueError: expected 132300 clean samples of recording r, found 132299")
    assert not (tmp_path / "part" / "rows.parquet").exists()


def test_a_part_hands_the_fingerprints_on_and_misses_one(tmp_path: Path) -> None:
    write_inputs(tmp_path)
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert read_rows(tmp_path / "part", Fingerprint, "fingerprints") == FINGERPRINTS
    write_rows(tmp_path / "fingerprints", Fingerprint, FINGERPRINTS[:1])
    assert "error: ValueError: expected a fingerprint of each of 2 recordings, found 1" in run(tmp_path).stderr
