"""`dataset diff`: which clips differ between two versions, and why."""

import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from components.publish.corrections import merge_of
from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.table import schema
from pipelines.datasets import clip_changes
from pipelines.datasets.measured_changes import hashes
from store.datasets import audio_key
from store.objects import open_store
from store.version_rows import Decision
from tests.command import speechmill
from tests.pipelines.published import Dataset, clip


@pytest.fixture
def show(tmp_path: Path) -> Dataset:
    return Dataset(open_store(str(tmp_path / "store")))


def differs(dataset: Dataset, before: Any, after: Any) -> Any:
    done = speechmill("dataset", "diff", "show", before, after, "--json", "--store", dataset.store.uri)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def changed(found: Any) -> dict[str, int]:
    """The number of clips of each kind of change that there is."""
    return {k: v if isinstance(v, int) else v["clips"] for k, v in found["clips"].items() if (v if isinstance(v, int) else v["clips"])}


def voice(number: int) -> bytes:
    vector = np.zeros(192, "<f4")
    vector[number] = 1
    return vector.tobytes()


def test_a_new_recording_is_new_clips_and_a_reason(show: Dataset) -> None:
    show.publish("run-1", [clip("a-1"), clip("a-2")])
    show.publish("run-2", [clip("b-1", 3, tone="calm"), clip("b-2", 1)])
    found = differs(show, 1, 2)
    assert changed(found) == {"same": 2, "added": 2}
    assert found["clips"]["added"]["seconds"] == 4.0
    assert found["causes"]["recordings"] == {"added": {"recordings": 1, "seconds": 4.0, "channels": {"": 1}}}
    assert found["causes"]["sources"] == ["sources of run-1", "sources of run-2"]
    assert found["kept_seconds_by"]["tone"] == {"before": {"": 4.0}, "after": {"": 4.0, "calm": 3.0}}
    assert changed(differs(show, 2, 1)) == {"same": 2, "removed": 2}


def test_a_rule_moves_seconds_from_reason_to_reason(show: Dataset) -> None:
    show.publish("run-1", [clip("a-1", 4, snr_db=30.0), clip("a-2", 2, snr_db=5.0), clip("a-3", 1, snr_db=5.0)])
    show.publish("run-2", min_snr_db=10.0)
    show.publish("run-3", min_seconds=0.0)
    found = differs(show, 1, 2)
    assert changed(found) == {"same": 2, "changed": 1, "rejected": 1}
    assert found["columns"]["kept"] == found["columns"]["reason"] == 1
    assert found["causes"]["rules"]["min_snr_db"][1] == 10.0 and list(found["causes"]) == ["rules", "moved"]
    (moved,) = found["causes"]["moved"]
    assert (moved["from"], moved["rule"], moved["clips"], moved["seconds"]) == ("kept", "min_snr_db", 1, 2.0)
    back = differs(show, 2, 3)
    assert changed(back) == {"same": 1, "changed": 2, "kept": 2}
    assert [(m["to"], m["rule"]) for m in back["causes"]["moved"]] == [("kept", "min_snr_db"), ("kept", "min_seconds")]


def test_clips_that_were_made_again_are_compared_column_by_column(show: Dataset) -> None:
    first = [
        clip("a-1", text="one", language="ko", vector=voice(0), voice_by="campplus", words=["one"]),
        clip("a-2", text="two"),
        clip("b-1"),
    ]
    again = [replace(first[0], text="won", words=["won"], energy_db=-20.0), first[1]]
    show.publish("run-1", first, stages={"transcribe": {"image": "t:1", "models": {"asr": "small/1"}, "settings": {"engine": "whisper"}}})
    show.publish("run-2", again, stages={"transcribe": {"image": "t:1", "models": {"asr": "large/1"}, "settings": {"engine": "whisper"}}})
    found = differs(show, 1, 2)
    assert changed(found) == {"same": 2, "changed": 1, "measured": 1}
    assert {c: n for c, n in found["columns"].items() if n} == {"text": 1, "words": 1, "energy_db": 1}
    assert found["causes"]["recordings"] == {"made_again": 1}
    assert found["causes"]["stages"] == {"transcribe": {"models": {"asr": ["small/1", "large/1"]}}}


def test_a_replaced_recording_says_why(show: Dataset) -> None:
    show.publish("run-1", [clip("a-1"), clip("a-2")])
    show.publish("run-2", [clip("a-1", 3)], media="new")
    found = differs(show, 1, 2)
    assert changed(found) == {"changed": 1, "removed": 1, "measured": 1}
    (replaced,) = found["causes"]["recordings"]["replaced"]
    assert replaced["recording"] == "a" and replaced["why"].startswith("changed at its source")


def test_a_merged_speaker_is_a_correction(show: Dataset) -> None:
    show.publish("run-1", [clip(f"{n}-1", vector=voice(i), voice_by="campplus") for i, n in enumerate("abc")])
    show.publish("run-2", correction=merge_of("s0001", ["s0003"]))
    found = differs(show, 1, 2)
    assert changed(found) == {"same": 2, "changed": 1, "speaker": 1}
    (said,) = found["causes"]["speakers"]["corrections"]
    assert (said["version"], said["action"], said["into"]) == (2, "merge", "s0001")
    assert found["kept_seconds_by"]["speaker"]["after"] == {"s0001": 4.0, "s0002": 2.0}
    assert differs(show, 2, 1)["causes"]["speakers"]["undone"]


def test_a_rollback_has_no_difference_to_its_old_version(show: Dataset) -> None:
    show.publish("run-1", [clip("a-1")])
    show.publish("run-2", [clip("b-1")])
    assert speechmill("dataset", "rollback", "show", 1, "--store", show.store.uri).returncode == 0
    assert speechmill("dataset", "tag", "show", "back", "--store", show.store.uri).returncode == 0
    found = differs(show, 1, "back")
    assert changed(found) == {"same": 1}
    assert found["causes"] == {"rolled_back": [{"version": 3, "to": 1}]}


def test_blocks_that_were_joined_are_no_change(show: Dataset) -> None:
    for number in range(18):  # the 17th small block joins all
        show.publish(f"run-{number:02}", [clip(f"r{number:02}-1")])
    assert len(show.versions.files(show.versions.version())) < 17
    assert changed(differs(show, 16, 18)) == {"same": 16, "added": 2}


def test_the_table_says_what_differs_and_why(show: Dataset) -> None:
    show.publish("run-1", [clip("a-1", 4, tone="calm"), clip("a-2", 2, tone="angry")])
    show.publish("run-2", min_seconds=3.0)
    lines = speechmill("dataset", "diff", "show", 1, 2, "--store", show.store.uri).stdout.splitlines()
    assert lines[0] == "dataset show, version 1 → version 2"
    assert any(line.split() == ["kept", "before,", "rejected", "now", "1", "0:00:02.00"] for line in lines)
    assert any(line.split() == ["angry", "0:00:02.00", "0:00:00.00", "-0:00:02.00"] for line in lines)
    assert "  rule min_seconds: 1.5 before, 3.0 now" in lines
    assert "  kept → too short (rule min_seconds): 1 clips, 0:00:02.00" in lines


def stored_sound(dataset: Dataset, seconds: float) -> str:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(round(seconds * SAMPLE_RATE_HZ), np.int16), SAMPLE_RATE_HZ, format="FLAC")
    sha256 = hashlib.sha256(file.getvalue()).hexdigest()
    dataset.store.write(audio_key("show", sha256), file.getvalue())
    return sha256


def test_the_page_has_sounds_and_no_markup_of_strangers(show: Dataset, tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>\"'&"
    sound = stored_sound(show, 2.0)
    show.publish("run-1", [clip("a-1", audio_sha256=sound, title=evil, text=evil, tone=evil), clip("a-2", 4, audio_sha256="ab" * 32)])
    show.publish("run-2", [clip("b-1", audio_sha256=sound, title=evil)], min_seconds=3.0)
    page = tmp_path / "new" / "page.html"
    done = speechmill("dataset", "diff", "show", 1, 2, "--html", page, "--clips", 1, "--store", show.store.uri)
    assert done.returncode == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text and "&lt;script&gt;alert(1)&lt;/script&gt;" in text and "default-src &#x27;none" not in text
    assert text.count("<audio controls") == 2 and "data:audio/mpeg;base64," in text
    assert "http" not in text.replace("http-equiv", "").replace("https://a.example", "")
    assert f"wrote {page}" in done.stdout


CLIPS = st.dictionaries(st.integers(0, 30), st.tuples(st.booleans(), st.sampled_from(["s1", "s2"])), max_size=20)


@given(CLIPS, CLIPS, st.integers(1, 4), st.integers(1, 4), st.integers(1, 9))
def test_every_clip_is_counted_once_however_it_is_laid_out(before, after, blocks_before, blocks_after, part) -> None:
    """The clips are in other blocks before and after, and are compared in parts."""

    def tables(clips: dict[int, tuple[bool, str]], count: int) -> list[pa.Table]:
        columns = pa.schema([schema(Decision).field(n) for n in ("clip", "recording", "samples", "speaker", "kept", "reason")])
        rows = [(f"{n // 3}-{n % 3}", f"{n // 3}", 10, speaker, kept, "" if kept else "r") for n, (kept, speaker) in sorted(clips.items())]
        parts = [[row for row in rows if int(row[1]) % count == i] for i in range(count)]
        return [clip_changes._compact(pa.table([list(c) for c in zip(*own, strict=True)], schema=columns)) for own in parts if own]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clip_changes, "_PART_CLIPS", part)
        found = clip_changes.ClipChanges(0)
        for old, new in clip_changes._parts(tables(before, blocks_before), tables(after, blocks_after)):
            gone, there = clip_changes._compare(old, new, found, pa.array([], pa.string()))
            found.add("removed", gone)
            found.add("added", there)
    both = before.keys() & after.keys()
    assert found.clips["added"] == len(after.keys() - both) and found.clips["removed"] == len(before.keys() - both)
    assert found.clips["same"] == sum(before[n] == after[n] for n in both)
    assert found.clips["changed"] == sum(before[n] != after[n] for n in both)
    assert found.clips["rejected"] == sum(before[n][0] and not after[n][0] for n in both)
    assert found.columns["speaker"] == sum(before[n][1] != after[n][1] for n in both)


NUMBERS = st.lists(st.floats(width=32, allow_nan=False), max_size=5)


@given(st.lists(NUMBERS, max_size=6), st.data())
def test_lists_have_the_same_hash_if_they_are_the_same(lists: list[list[float]], data: st.DataObject) -> None:
    other = data.draw(st.lists(NUMBERS, min_size=len(lists), max_size=len(lists)))
    kind = pa.list_(pa.float32())
    one, two = (hashes(pa.array(x, kind)).to_pylist() for x in (lists, other))
    assert one == hashes(pa.array(lists, kind)).to_pylist()
    bits = [[np.array(x, "<f4").tobytes() for x in own] for own in (lists, other)]
    assert [a == b for a, b in zip(one, two, strict=True)] == [a == b for a, b in zip(*bits, strict=True)]
    assert hashes(pa.array([["a", "b"], ["ab"], []], pa.list_(pa.string()))).to_pylist() == ["a\0b", "ab", ""]
