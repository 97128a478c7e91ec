"""TextGrids that Praat reads, and codecs that keep what they are given."""

from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from components.shared.audio import decode
from pipelines.export import CODECS, encode, write_textgrid


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
