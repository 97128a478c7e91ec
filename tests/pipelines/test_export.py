"""TextGrids that Praat reads, and codecs that keep what they are given."""

import dataclasses
import json
import os
import subprocess
import sys
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from components.shared.audio import decode, flac_bytes
from components.shared.rows import DatasetRow, Vector
from components.shared.table import empty
from pipelines.datasets.export import CODECS, INCOMPLETE, ExportError, empty_folder, encode, export, write_textgrid
from store.datasets import DatasetStore, audio_key
from store.objects import open_store
from tests.places import ROOT
from tests.versions import put_version


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=9, unique=True))
def test_a_textgrid_covers_the_recording(tmp_path_factory: pytest.TempPathFactory, cuts: list[int]) -> None:
    path, edges = tmp_path_factory.mktemp("grid") / "a.TextGrid", sorted(cuts)
    spans = [(a / 10, b / 10, "speech") for a, b in zip(edges[::2], edges[1::2], strict=False)]
    write_textgrid(path, spans, 101.0, "cut")
    lines = path.read_text().splitlines()
    assert lines[3:5] == ["0", "101.0"] and lines[8] == '"cut"'
    count = int(lines[11])
    intervals = [(float(lines[12 + 3 * i]), float(lines[13 + 3 * i]), lines[14 + 3 * i]) for i in range(count)]
    assert intervals[0][0] == 0 and intervals[-1][1] == 101.0
    assert all(a[1] == b[0] for a, b in pairwise(intervals))
    assert [(a, b) for a, b, label in intervals if label == '"speech"'] == [(a, b) for a, b, _ in spans]


def test_a_manifest_has_all_that_is_known_of_a_clip_in_a_readable_form(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    store.write(audio_key("show", "aa11"), flac_bytes(np.zeros(4410, np.int16)))
    nothing = dataclasses.replace(empty(DatasetRow), clip="r-00000000", recording="r", audio_sha256="aa11", kept=True, end=0.1)
    times = np.array([0.01, 0.04, 0.05, 0.1], "<f4").tobytes()
    said = {
        "text": "안녕 하세요",
        "words": ["안녕", "하세요"],
        "word_times": Vector(times),
        "speaker": "s0001",
        "snr_db": 21.5,
        "tone": "calm",
    }
    rows = [
        dataclasses.replace(nothing, vector=Vector(np.ones(256, "<f4").tobytes()), **said),
        dataclasses.replace(nothing, clip="r-1", start=1.0),
    ]
    dataset = DatasetStore(store, "show")
    version = put_version(dataset, rows, "run", {})
    assert version
    export(store, dataset, version, tmp_path / "out", numbered=True, codec="flac", done=lambda seconds: None)
    first, second = (json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text(encoding="utf-8").splitlines())
    columns = {f.name for f in dataclasses.fields(DatasetRow)} - {"vector", "kept", "reason"}
    assert first.keys() == second.keys() == columns | {"audio", "speaker_name", "dataset", "version"}
    assert (first["audio"], first["speaker"], first["snr_db"], first["tone"], first["similarity"]) == (
        "1.flac",
        "s0001",
        21.5,
        "calm",
        None,
    )
    assert (first["text"], first["words"], first["word_times"]) == ("안녕 하세요", ["안녕", "하세요"], [[0.01, 0.04], [0.05, 0.1]])
    assert (second["text"], second["words"], second["word_times"], second["dnsmos_ovrl"]) == ("", [], [], None)


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_every_codec_gives_back_the_sound(tmp_path: Path, codec: str) -> None:
    time = np.arange(44_100) / 44_100
    tone = np.round(8000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16)[:, None]
    data = encode(tone, codec)
    if codec in ("flac", "wav"):
        assert np.array_equal(soundfile.read(BytesIO(data), dtype="int16", always_2d=True)[0], tone)
    (tmp_path / f"x.{codec}").write_bytes(data)
    heard = np.concatenate(list(decode(tmp_path / f"x.{codec}", 44_100)))[:, 0]
    assert len(heard) == pytest.approx(44_100, abs=6000)
    loudest = np.fft.rfftfreq(len(heard), 1 / 44_100)[np.argmax(np.abs(np.fft.rfft(heard)))]
    assert loudest == pytest.approx(440, abs=2)


KILLED = """
import os, sys
from pathlib import Path
from pipelines.datasets.export import export
from store.datasets import DatasetStore
from store.objects import open_store
from tests.versions import put_version
store = open_store(sys.argv[1])
dataset, left = DatasetStore(store, "show"), [None, None]
end = lambda _: left.pop() if left else os._exit(9)
export(store, dataset, dataset.version(), Path(sys.argv[2]), numbered=sys.argv[3] == "yes", codec="wav", done=end)
"""
"""Exports, and ends after three clips as by SIGKILL."""


def shown(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("[!.]*") if p.is_file() and INCOMPLETE not in p.parts)


@pytest.mark.parametrize("numbered", [True, False])
def test_an_export_that_is_killed_does_not_look_whole_and_is_continued(tmp_path: Path, numbered: bool) -> None:
    store, out = open_store(str(tmp_path / "store")), tmp_path / "out"
    rows = []
    for n in range(5):
        store.write(audio_key("show", f"aa{n}"), flac_bytes(np.full(4410, n, np.int16)))
        rows.append(
            dataclasses.replace(
                empty(DatasetRow), clip=f"r-{n}", recording="r", audio_sha256=f"aa{n}", kept=True, start=n / 10, end=n / 10 + 0.1
            )
        )
    dataset = DatasetStore(store, "show")
    version = put_version(dataset, rows, "run", {})
    assert version

    def complete(**changed: Any) -> tuple[int, int]:
        given = {"numbered": numbered, "codec": "wav", "done": lambda _: None} | changed
        return export(store, dataset, version, out, **given)

    command = [sys.executable, "-c", KILLED, str(tmp_path / "store"), str(out), "yes" if numbered else "no"]
    assert subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}).returncode == 9
    assert shown(out) == []
    with pytest.raises(ExportError, match="expected an empty or a new folder to write to, found files"):
        empty_folder(out)
    times = {p.name: p.stat().st_mtime_ns for p in (out / INCOMPLETE).rglob("*.wav")}
    assert len(times) == 3
    assert complete() == (5, 3)
    names = [f"{n + 1}.wav" if numbered else f"audio/r-{n}.wav" for n in range(5)]
    assert shown(out) == sorted([*names, "manifest.jsonl"]) and not (out / INCOMPLETE).exists()
    assert {p.name: p.stat().st_mtime_ns for p in out.rglob("*.wav") if p.name in times} == times
    manifest = [json.loads(line) for line in (out / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(line["audio"], soundfile.read(out / line["audio"], dtype="int16")[0][0]) for line in manifest] == list(
        zip(names, range(5), strict=True)
    )
    with pytest.raises(ExportError, match="found files"):
        complete()


def test_an_export_with_other_settings_begins_anew_in_the_folder_of_one_that_was_interrupted(tmp_path: Path) -> None:
    store, out = open_store(str(tmp_path / "store")), tmp_path / "out"
    store.write(audio_key("show", "aa0"), flac_bytes(np.zeros(4410, np.int16)))
    rows = [
        dataclasses.replace(empty(DatasetRow), clip=f"r-{n}", recording="r", audio_sha256="aa0", kept=True, start=n, end=n + 0.1)
        for n in range(2)
    ]
    dataset = DatasetStore(store, "show")
    version = put_version(dataset, rows, "run", {})
    assert version

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(store, dataset, version, out, numbered=True, codec="wav", done=interrupt)
    assert shown(out) == []
    assert export(store, dataset, version, out, numbered=True, codec="flac", done=lambda _: None) == (2, 0)
    assert shown(out) == ["1.flac", "2.flac", "manifest.jsonl"]
