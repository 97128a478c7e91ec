"""Which of several chains `best` chooses for real speech, by the real network."""

import csv
import functools
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from components.denoise.__main__ import main
from components.denoise.best import EXCERPT, EXCERPTS, excerpts, picked
from components.denoise.chain import build_chain
from components.shared.rows import SAMPLE_RATE_HZ, Choice, Segment
from components.shared.steps import Sound
from components.shared.table import read_rows, write_rows
from tests.artifacts import write_recordings
from tests.places import DATA

real = pytest.mark.skipif(not DATA.exists(), reason=f"no recordings at {DATA}")


@functools.cache
def talk(seconds: float = 20.0) -> np.ndarray:
    """A real voice with pauses, RMS -20 dB, with treble up to 8 kHz."""
    with (DATA / "manifest.csv").open(newline="", encoding="utf-8") as file:
        paths = [row["path"] for row in csv.DictReader(file) if row["speaker"] == "ko_emf"]
    parts = []
    for path in paths:
        sound, rate_hz = soundfile.read(DATA / path)
        assert rate_hz == 16_000
        parts += [signal.resample_poly(sound, 441, 160), np.zeros(SAMPLE_RATE_HZ // 3)]
    sound = np.concatenate(parts)[: round(seconds * SAMPLE_RATE_HZ)]
    return 0.1 * sound / np.sqrt(np.mean(np.square(sound)))


def noise(low_hz: float, high_hz: float, level_db: float) -> np.ndarray:
    """Noise in a band, so many dB below the voice."""
    white = np.random.default_rng(0).standard_normal(len(talk()))
    band = signal.sosfilt(signal.butter(4, [low_hz, high_hz], "bandpass", fs=SAMPLE_RATE_HZ, output="sos"), white)
    return 0.1 * 10 ** (level_db / 20) * band / np.sqrt(np.mean(np.square(band)))


def choices(text: str, sound: np.ndarray, block: int = 500_000) -> tuple[Choice, ...]:
    """What a chain's best says of a sound that is speech all over."""
    whole = Sound("talk", lambda: (sound[i : i + block] for i in range(0, len(sound), block)), len(sound), ((0, len(sound)),))
    return build_chain(text).steps[-1].prepare(whole).choices


def chosen(rows: tuple[Choice, ...]) -> str:
    """The one that is chosen."""
    (one,) = [c.chain for c in rows if c.chosen]
    return one


@real
def test_a_noisy_recording_chooses_the_filter_that_takes_the_noise() -> None:
    text = "best:notch:3000:10|highpass:130:24:1"
    whistle = 0.02 * np.sin(2 * np.pi * 3000 * np.arange(len(talk())) / SAMPLE_RATE_HZ)
    assert chosen(choices(text, talk() + whistle)) == "notch:3000:10"
    assert chosen(choices(text, talk() + noise(40, 110, 0))) == "highpass:130:24:1"


@real
def test_a_clean_recording_chooses_nothing() -> None:
    found = choices("best:notch:3000:10|lowpass:5000:36:2", talk())
    assert chosen(found) == "none"
    assert [c.chain for c in found] == ["none", "notch:3000:10", "lowpass:5000:36:2"]  # whether it is listed or not
    assert all(c.recording == "talk" and 1 < c.dnsmos_ovrl < 5 for c in found)


@real
def test_what_sounds_better_but_takes_bandwidth_loses() -> None:
    none, lowpass = choices("best:lowpass:5000:36:2|none", talk() + noise(5200, 7800, -23))
    assert lowpass.dnsmos_ovrl > none.dnsmos_ovrl + 0.05
    assert lowpass.bandwidth_hz < none.bandwidth_hz - 1000
    assert none.chosen
    assert not lowpass.chosen


@real
def test_level_does_not_matter() -> None:
    sound = talk() + noise(40, 110, -10)
    loud, quiet = (choices("best:highpass:130:24:1", gain * sound) for gain in (1.0, 0.1))
    assert [c.dnsmos_ovrl for c in quiet] == pytest.approx([c.dnsmos_ovrl for c in loud], abs=1e-3)


@real
def test_blocks_change_neither_scores_nor_choice() -> None:
    text = "highpass:60:12:1, best:notch:3000:10, lowpass:7000:24:1|notch:3000:10"
    assert choices(text, talk(5.0), 1777) == choices(text, talk(5.0))


@real
def test_the_stage_does_what_was_chosen_and_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whistle = 0.02 * np.sin(2 * np.pi * 3000 * np.arange(len(talk())) / SAMPLE_RATE_HZ)
    sounds = {"whistles": talk() + whistle, "clean": talk(), "speechless": talk()}
    voices, segments = tmp_path / "voices", tmp_path / "segments"
    segments.mkdir()
    write_recordings(voices, sounds)
    seconds = len(talk()) / SAMPLE_RATE_HZ
    write_rows(segments, Segment, [Segment(name, 0, seconds, "noise" if name == "speechless" else "speech", "") for name in sounds])

    outcomes = []
    for folder, text in (("clean", "best:notch:3000:10|none"), ("filtered", "notch:3000:10"), ("same", "none")):
        (tmp_path / folder).mkdir()
        outcomes.append(main(voices, segments, tmp_path / folder, text, 1))

    pcm = {
        f: {n: soundfile.read(tmp_path / f / "audio" / f"{n}.flac", dtype="int16")[0] for n in sounds}
        for f in ("clean", "filtered", "same")
    }
    assert np.array_equal(pcm["clean"]["whistles"], pcm["filtered"]["whistles"])
    assert np.array_equal(pcm["clean"]["clean"], pcm["same"]["clean"])
    assert np.array_equal(pcm["clean"]["speechless"], pcm["same"]["speechless"])
    found = read_rows(tmp_path / "clean", Choice, "choices")
    assert [(c.recording, c.chain) for c in found if c.chosen] == [("whistles", "notch:3000:10"), ("clean", "none"), ("speechless", "none")]
    assert all((c.dnsmos_ovrl is None) == (c.recording == "speechless") for c in found)
    assert outcomes[0]["chosen"] == "none: 2; notch:3000:10: 1"
    scores = [[c.dnsmos_ovrl for c in found if c.chain == chain and c.dnsmos_ovrl is not None] for chain in ("none", "notch:3000:10")]
    for text, of_chain, name in zip(str(outcomes[0]["heard"]).split("; "), scores, ("none", "notch:3000:10"), strict=True):
        assert text.startswith(f"{name}: DNSMOS {np.mean(of_chain):.2f}, ")
    assert outcomes[1]["chosen"] == outcomes[1]["heard"] == ""
    said = capsys.readouterr().out
    assert "whistles: chosen notch:3000:10 (DNSMOS " in said
    assert "clean: chosen none (DNSMOS " in said
    assert "speechless: chosen none (too little speech to score)" in said


spans = st.lists(st.tuples(st.integers(0, 40 * SAMPLE_RATE_HZ), st.integers(1, 40 * SAMPLE_RATE_HZ)), min_size=1, max_size=30)


@settings(max_examples=100, deadline=None)
@given(spans)
def test_excerpts_are_of_speech_in_order_whole_and_no_more_than_asked(gaps: list[tuple[int, int]]) -> None:
    speech, at = [], 0
    for gap, length in gaps:
        speech.append((at + gap, at + gap + length))
        at += gap + length
    found = excerpts(speech)
    total, taken = sum(b - a for a, b in speech), sum(b - a for a, b in found)
    assert taken == (total if total < EXCERPT else min(EXCERPTS, total // EXCERPT) * EXCERPT)
    assert all(any(a <= c < d <= b for a, b in speech) for c, d in found)
    assert all(one[1] <= two[0] for one, two in pairwise(found))


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 500), st.integers(1, 400), st.lists(st.integers(0, 500), min_size=2, max_size=10, unique=True))
def test_what_is_picked_does_not_depend_on_blocks(length: int, block: int, edges: list[int]) -> None:
    sound, cuts = np.arange(length, dtype=np.float64), sorted(min(e, length) for e in edges)
    wanted = [(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=False) if a < b]
    out = picked((sound[i : i + block] for i in range(0, length, block)), wanted)
    assert np.array_equal(out, np.concatenate([np.zeros(0), *(sound[a:b] for a, b in wanted)]))
