"""TextGrids that Praat reads, codecs that keep what they are given, and folders that appear when they are whole."""

from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from components.shared.audio import decode, flac_bytes
from pipelines.datasets.export import write_textgrid
from pipelines.datasets.exports.sound import CODECS, converted, encode
from pipelines.datasets.folders import INCOMPLETE, ExportError, empty_folder, whole


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


@pytest.mark.parametrize("codec", CODECS)
def test_the_same_sound_gives_the_same_bytes(codec: str) -> None:
    noise = np.random.default_rng(1).integers(-9000, 9000, (16_000, 2), dtype=np.int16)
    assert encode(noise, codec, 16_000) == encode(noise, codec, 16_000)


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 22_050, 24_000, 44_100, 48_000])
def test_a_clip_at_another_rate_keeps_its_tone_and_says_its_length(rate_hz: int) -> None:
    tone = np.round(8000 * np.sin(2 * np.pi * 440 * np.arange(50_001) / 44_100)).astype(np.int16)
    found = converted(flac_bytes(tone), "wav", rate_hz, 2)
    heard, stated_hz = soundfile.read(BytesIO(found.data), dtype="int16", always_2d=True)
    assert (stated_hz, heard.shape) == (rate_hz, (found.samples, 2))
    assert abs(found.samples / rate_hz - len(tone) / 44_100) < 2 / rate_hz
    assert np.array_equal(heard[:, 0], heard[:, 1])
    middle = heard[1000:-1000, 0].astype(float)
    assert np.fft.rfftfreq(len(middle), 1 / rate_hz)[np.argmax(np.abs(np.fft.rfft(middle)))] == pytest.approx(440, abs=2)
    assert np.abs(middle).max() == pytest.approx(8000, rel=0.02)


def test_a_clip_that_has_the_form_stays_byte_by_byte() -> None:
    flac = flac_bytes(np.arange(1000, dtype=np.int16))
    assert converted(flac, "flac", 44_100, 1).data is flac


def test_two_channels_become_their_mean() -> None:
    pcm = np.array([[10, 20], [-3, -5], [32_767, 32_767]], np.int16)
    found = converted(flac_bytes(pcm), "wav", 44_100, 1)
    assert soundfile.read(BytesIO(found.data), dtype="int16")[0].tolist() == [15, -4, 32_767]


def test_a_folder_with_files_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ExportError, match="expected an empty or a new folder to write to, found files"):
        empty_folder(tmp_path)
    with pytest.raises(ExportError, match="found files"), whole(tmp_path, "an export"):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_the_files_of_another_export_are_not_kept(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), whole(tmp_path / "out", "one") as files:
        (files / "old").write_text("1")
        raise RuntimeError
    with whole(tmp_path / "out", "other") as files:
        (files / "new").write_text("2")
    assert [p.name for p in tmp_path.rglob("*")] == ["out", "new"]


def test_a_folder_that_is_there_gets_the_manifest_last_and_a_kill_while_files_move_is_made_up_for(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()

    def kill(_: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), whole(tmp_path / "sub", "one", kill) as files:
        (files / "train").mkdir()
        (files / "train" / "a").write_text("a")
        (files / "manifest.jsonl").write_text("{}")
    (tmp_path / "sub" / "train").mkdir()
    (tmp_path / "sub" / INCOMPLETE / "files" / "train" / "a").rename(tmp_path / "sub" / "train" / "a")
    with whole(tmp_path / "sub", "one") as files:
        assert not (files / "train" / "a").exists() and not (tmp_path / "sub" / "manifest.jsonl").exists()
    assert sorted(str(p.relative_to(tmp_path / "sub")) for p in (tmp_path / "sub").rglob("*")) == ["manifest.jsonl", "train", "train/a"]
