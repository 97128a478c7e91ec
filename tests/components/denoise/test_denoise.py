"""What a chain does to sound: attenuation, timeline, length, loudness."""

import functools
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from components.denoise.__main__ import main
from components.denoise.chain import build_chain
from components.denoise.denoise import denoise
from components.denoise.loudness import measure
from components.shared.audio import decode
from components.shared.rows import SAMPLE_RATE_HZ, Recording, Segment
from components.shared.steps import Sound, prepared
from components.shared.table import read_rows, write_rows
from tests.artifacts import write_flac, write_recordings
from tests.places import DATA

EXAMPLE = "lowpass:5000:36:2, notch:6000:30, loudness:-23"
CHAINS = ["none", "loudness:-23", "highpass:80:24:1", "lowpass:5000:36:2", EXAMPLE]


parsed = functools.cache(build_chain)


def through(text: str, sound: np.ndarray, block: int = 50_000) -> np.ndarray:
    """A sound through the filters of a chain, block by block."""
    whole = Sound("sound", lambda: (sound[i : i + block] for i in range(0, len(sound), block)), len(sound), ())
    return np.concatenate(list(prepared(parsed(text).steps, whole)[1].stream()))


def response_db(text: str, frequency_hz: float) -> float:
    """How much a chain changes a sine wave, measured after half a second."""
    time = np.arange(2 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    out = through(text, np.sin(2 * np.pi * frequency_hz * time))[SAMPLE_RATE_HZ // 2 : -2000]
    time = time[SAMPLE_RATE_HZ // 2 : -2000]
    amplitude = 2 * np.abs(np.mean(out * np.exp(-2j * np.pi * frequency_hz * time)))
    return 20 * np.log10(amplitude)


def speech_like(seconds: float, seed: int = 0) -> np.ndarray:
    """Noise of a voice's spectrum in syllables and phrases with pauses; peaks around -6 dBFS."""
    count = round(seconds * SAMPLE_RATE_HZ)
    time = np.arange(count) / SAMPLE_RATE_HZ
    noise = np.random.default_rng(seed).standard_normal(count)
    voice = signal.sosfilt(signal.butter(2, [150, 3000], "bandpass", fs=SAMPLE_RATE_HZ, output="sos"), noise)
    return 0.2 * voice * np.clip(np.sin(2 * np.pi * 2.1 * time), 0.03, 1) * (np.sin(2 * np.pi * 0.23 * time) > -0.7)


def run(folder: Path, sound: np.ndarray, text: str, block_seconds: float = 10.0) -> np.ndarray:
    """A sound through the whole of a chain, from file to file, as 16-bit integers."""
    target = folder / "target.flac"
    denoise(write_flac(folder / "source.flac", sound), target, parsed(text), lambda _: None, block_seconds=block_seconds)
    return soundfile.read(target, dtype="int16")[0]


# --- filters


def test_two_passes_of_36_fall_by_72_db_in_an_octave() -> None:
    low = "lowpass:1000:36:2"  # far below half the sampling rate, where nothing steepens the slope
    assert response_db(low, 1000) == pytest.approx(-6.0, abs=0.1)
    assert response_db(low, 2000) == pytest.approx(-72, abs=1.5)
    assert response_db("lowpass:1000:36:1", 2000) == pytest.approx(-36, abs=1)
    assert response_db("lowpass:1000:12:1", 4000) - response_db("lowpass:1000:12:1", 2000) == pytest.approx(-12, abs=0.5)


def test_the_lowpass_of_the_example_leaves_speech_and_takes_the_treble() -> None:
    assert response_db("lowpass:5000:36:2", 10_000) < -72
    assert all(abs(response_db("lowpass:5000:36:2", f)) < 0.1 for f in (100, 300, 1000, 3000))


def test_the_highpass_is_the_lowpass_turned_round() -> None:
    assert response_db("highpass:500:36:2", 250) == pytest.approx(-72, abs=1)
    assert response_db("highpass:500:36:2", 500) == pytest.approx(-6, abs=0.1)
    assert abs(response_db("highpass:500:36:2", 2000)) < 0.01


def test_the_notch_takes_a_whistle_and_leaves_what_is_beside_it() -> None:
    assert response_db("notch:6000:30", 6000) < -60
    assert response_db("notch:6000:30", 5900) == pytest.approx(-3, abs=0.2)  # its width is 6000 / 30 = 200 Hz
    assert response_db("notch:6000:30", 6100) == pytest.approx(-3, abs=0.2)
    assert abs(response_db("notch:6000:30", 5000)) < 0.1
    assert abs(response_db("notch:6000:60", 5900)) < 1.1


@pytest.mark.parametrize(
    "text", ["lowpass:5000:36:2, notch:6000:30", "highpass:80:24:1", "lowpass:8000:48:1, highpass:60:12:2", "lowpass:3500:24:4"]
)
def test_sounds_stay_at_their_place(text: str) -> None:
    sound = speech_like(4)
    band = signal.butter(2, [300, 3000], "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
    before, after = signal.sosfilt(band, sound), signal.sosfilt(band, through(text, sound))
    lags = signal.correlate(after, before, method="fft")[len(sound) - 101 : len(sound) + 100]
    assert abs(int(np.argmax(lags)) - 100) <= 2


def test_a_click_stays_at_its_place() -> None:
    click = np.zeros(20_000)
    click[9_000] = 1
    out = through("lowpass:5000:36:2, notch:6000:30", click)
    assert abs(int(np.argmax(np.abs(out))) - 9_000) <= 2
    assert np.sum(out) == pytest.approx(1, abs=1e-3)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 3000),
    st.integers(1, 700),
    st.sampled_from(["lowpass:5000:36:2", "lowpass:1000:96:4, highpass:1000:96:4", "notch:6000:30"]),
)
def test_as_many_samples_come_out_as_go_in_whatever_the_blocks(length: int, block: int, text: str) -> None:
    sound = np.random.default_rng(length).standard_normal(length + 1)
    out = through(text, sound, block)
    assert len(out) == len(sound)
    assert np.array_equal(out, through(text, sound, len(sound)))


# --- files


@pytest.mark.parametrize("text", CHAINS)
@pytest.mark.parametrize("length", [1, 2, 10, 441, 4_410, 17_640, 100_001, 3 * 60 * SAMPLE_RATE_HZ + 7])
def test_length_stays(tmp_path: Path, length: int, text: str) -> None:
    assert len(run(tmp_path, speech_like(length / SAMPLE_RATE_HZ), text)) == length


def test_none_is_a_copy_of_a_mono_recording_to_the_bit(tmp_path: Path) -> None:
    pcm = np.random.default_rng(0).integers(-32_768, 32_768, 500_000).astype(np.int16)
    assert np.array_equal(run(tmp_path, pcm, "none"), pcm)


def test_two_channels_become_their_mean(tmp_path: Path) -> None:
    left, right = speech_like(2, 1), speech_like(2, 2)
    out = run(tmp_path, np.stack([left, right], axis=1), "none")
    assert out.ndim == 1
    assert np.max(np.abs(out / 32_768 - (left + right) / 2)) <= 1.01 / 32_768


@settings(max_examples=12, deadline=None)
@given(st.floats(0.01, 3), st.floats(0.002, 2), st.sampled_from(CHAINS))
def test_block_size_changes_no_bit(tmp_path_factory: pytest.TempPathFactory, seconds: float, block_seconds: float, text: str) -> None:
    folder, sound = tmp_path_factory.mktemp("blocks"), speech_like(seconds)
    assert np.array_equal(run(folder, sound, text), run(folder, sound, text, block_seconds))


# --- loudness


def reference_lufs(sound: np.ndarray) -> float:
    return float(pyloudnorm.Meter(SAMPLE_RATE_HZ).integrated_loudness(sound))


def metered_lufs(sound: np.ndarray, block: int) -> float:
    return measure(sound[i : i + block] for i in range(0, len(sound), block)).loudness_lufs()


@settings(max_examples=25, deadline=None)
@given(
    st.integers(4, 60),
    st.integers(1, 30_000),
    st.lists(st.tuples(st.floats(0.05, 3), st.sampled_from([0.0, 1e-4, 3e-3, 0.03, 0.3])), min_size=1, max_size=6),
)
def test_the_meter_agrees_with_pyloudnorm_over_whole_hops(hops: int, block: int, levels: list[tuple[float, float]]) -> None:
    parts = [level * np.random.default_rng(i).standard_normal(round(s * SAMPLE_RATE_HZ)) for i, (s, level) in enumerate(levels)]
    sound = np.resize(np.concatenate(parts), hops * SAMPLE_RATE_HZ // 10)
    expected = reference_lufs(sound)
    if np.isfinite(expected):
        assert metered_lufs(sound, block) == pytest.approx(expected, abs=1e-6)
    else:
        assert metered_lufs(sound, block) == -np.inf


@pytest.mark.parametrize("seconds", [1.03, 3.333, 10.05, 31.99])
def test_the_meter_agrees_with_pyloudnorm_at_any_length(seconds: float) -> None:
    for sound in (speech_like(seconds), 0.1 * np.sin(np.arange(round(seconds * SAMPLE_RATE_HZ)) * 0.14)):
        assert metered_lufs(sound, 44_100) == pytest.approx(reference_lufs(sound), abs=0.05)


def test_a_full_scale_sine_of_997_hz_measures_minus_3_lufs() -> None:
    sine = np.sin(2 * np.pi * 997 * np.arange(5 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ)  # as BS.1770 says of its own scale
    assert metered_lufs(sine, 10_000) == pytest.approx(-3.01, abs=0.05)


@pytest.mark.parametrize("text", ["loudness:-23", EXAMPLE])
@pytest.mark.parametrize("level", [0.02, 0.3])
def test_speech_reaches_its_loudness(tmp_path: Path, text: str, level: float) -> None:
    out = run(tmp_path, level * speech_like(20), text)
    assert reference_lufs(out / 32_768) == pytest.approx(-23, abs=0.1)


REAL = sorted((DATA / "ina_media").glob("*.mp3")) + sorted((DATA / "ami").glob("*.flac"))[:2]


@pytest.mark.skipif(not REAL, reason=f"no recordings at {DATA}")
@pytest.mark.parametrize("text", ["loudness:-23", EXAMPLE])
def test_real_recordings_reach_their_loudness(tmp_path: Path, text: str) -> None:
    for path in REAL:
        sound = np.concatenate(list(decode(path, SAMPLE_RATE_HZ, channels=2)))
        out = run(tmp_path, sound, text)
        assert len(out) == len(sound)
        whole = out[: len(out) // 4410 * 4410] / 32_768  # pyloudnorm counts a last block that is not whole
        reached, peak = reference_lufs(whole), 20 * np.log10(np.max(np.abs(out / 32_768)))
        assert peak < -0.99
        assert reached == pytest.approx(-23, abs=0.1) or (reached < -23 and peak > -1.01), path.name


# --- the stage


def unheard(folder: Path) -> Path:
    """Segments of recordings in which nobody has heard anything."""
    segments = folder / "segments"
    segments.mkdir(exist_ok=True)
    write_rows(segments, Segment, [])
    return segments


def test_the_stage_reports_what_it_could_not_bring_to_its_loudness(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    voices, clean = tmp_path / "voices", tmp_path / "clean"
    clean.mkdir()
    click = 0.001 * speech_like(5)
    click[1000] = 0.9
    sounds = {"talk": speech_like(5), "click": click, "silent": np.zeros(50_000), "short": speech_like(0.39), "failed": np.zeros(0)}
    rows = write_recordings(voices, sounds)

    outcome = main(voices, unheard(tmp_path), clean, "loudness:-23", 1)

    found = {"held_back_recordings": 1, "unmeasured_recordings": 2, "clipped_samples": 0}
    assert outcome == found | {"chosen": "", "heard": ""}
    assert read_rows(clean, Recording) == rows
    assert sorted(p.name for p in (clean / "audio").iterdir()) == ["click.flac", "short.flac", "silent.flac", "talk.flac"]
    for name in ("silent", "short"):
        assert np.array_equal(*(soundfile.read(f / "audio" / f"{name}.flac", dtype="int16")[0] for f in (voices, clean)))
    peak = np.max(np.abs(soundfile.read(clean / "audio" / "click.flac")[0]))
    assert 20 * np.log10(peak) == pytest.approx(-1, abs=0.01)
    said = capsys.readouterr().out
    assert "click: held back at " in said
    assert "silent: no loudness to measure" in said
    assert "short: no loudness to measure" in said
    assert "talk" not in said


def test_samples_that_a_filter_drives_beyond_full_scale_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    voices, clean = tmp_path / "voices", tmp_path / "clean"
    clean.mkdir()
    square = 0.99 * np.sign(np.sin(2 * np.pi * 500 * np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ))
    write_recordings(voices, {"square": square})
    assert main(voices, unheard(tmp_path), clean, "lowpass:2000:36:2", 1)["clipped_samples"] > 1000
    assert "square: " in capsys.readouterr().out
    assert main(voices, unheard(tmp_path), clean, "lowpass:2000:36:2, loudness:-23", 1)["clipped_samples"] == 0
