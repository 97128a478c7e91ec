"""What is measured of sounds that are known."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import resample_poly
from sounds import Sound, buzz, glide, spoken

from components.shared.rows import Clip
from components.shared.tone.contours import contours
from components.shared.tone.measures import MEASURES
from components.shared.tone.sound import EDGE, HOP
from components.tag_tone.tag_tone import MeasuredClip, measure_clip
from recipes.speakers.recorded import SECONDS, signal
from tests.artifacts import write_flac

RECORDED = Path(__file__).with_name("recorded.json")
"""What librosa measures of `signal`; recipes/tone/recorded.py writes it."""


def heard(folder: Path, sound: Sound) -> MeasuredClip:
    return measure_clip(write_flac(folder / "a.flac", sound), Clip("a-0", "a", 0.0, len(sound) / 44_100, "female", False))


@pytest.mark.parametrize("hz", [75.0, 110.0, 196.0, 330.0, 480.0])
def test_a_known_pitch_is_found(tmp_path: Path, hz: float) -> None:
    found = heard(tmp_path, spoken([buzz(hz, 0.6), buzz(hz, 0.8)])).prosody
    assert found.f0_mean_hz == pytest.approx(hz, rel=0.005)
    assert found.f0_range_semitones == pytest.approx(0, abs=0.3)
    assert found.f0_slope_semitones_per_second == pytest.approx(0, abs=0.3)


@pytest.mark.parametrize("slope", [-12.0, -4.0, 5.0, 15.0])
def test_a_known_slope_and_its_range_are_found(tmp_path: Path, slope: float) -> None:
    found = heard(tmp_path, spoken([buzz(glide(200, slope, 1.0), 1.0)])).prosody
    assert found.f0_slope_semitones_per_second == pytest.approx(slope, rel=0.05)
    assert found.f0_range_semitones == pytest.approx(0.9 * abs(slope), rel=0.1)


def test_the_mean_pitch_is_the_geometric_one(tmp_path: Path) -> None:
    found = heard(tmp_path, spoken([buzz(120, 0.7), buzz(240, 0.7)])).prosody
    assert found.f0_mean_hz == pytest.approx(np.sqrt(120 * 240), rel=0.02)


def test_the_voiced_rate_is_the_share_of_the_clip(tmp_path: Path) -> None:
    found = heard(tmp_path, np.concatenate([buzz(150, 1.0), np.zeros(3 * 44_100)]))
    assert found.prosody.voiced_rate == pytest.approx(0.25, abs=0.02)


def test_noise_has_no_pitch(tmp_path: Path) -> None:
    found = heard(tmp_path, 0.05 * np.random.default_rng(0).standard_normal(88_200))
    assert found.prosody.voiced_rate < 0.05


def test_pitch_is_found_ten_decibels_above_noise_and_below_a_low_pass(tmp_path: Path) -> None:
    sound = spoken([buzz(glide(140, 4, 0.8), 0.8), buzz(170, 0.6)])
    noisy = sound + 0.1 * 10 ** (-10 / 20) * np.random.default_rng(1).standard_normal(len(sound))
    plain, other = heard(tmp_path / "plain", sound).prosody, heard(tmp_path / "noisy", noisy).prosody
    assert other.f0_mean_hz == pytest.approx(plain.f0_mean_hz, rel=0.02)


@pytest.mark.parametrize("gain", [0.1, 0.3, 4.0])
def test_only_the_energy_changes_with_the_level(tmp_path: Path, gain: float) -> None:
    words = [buzz(glide(140, 6, 0.5), 0.5, rms=0.08), buzz(170, 0.7, rms=0.05)]
    plain, other = heard(tmp_path / "plain", spoken(words)), heard(tmp_path / "other", gain * spoken(words))
    assert plain.energy_db is not None and other.energy_db is not None and plain.measures is not None and other.measures is not None
    assert other.energy_db - plain.energy_db == pytest.approx(20 * np.log10(gain), abs=0.05)
    used = [i for i, name in enumerate(MEASURES) if not name.startswith(("mfcc", "chroma", "mel", "band"))]
    peaks = used.pop(used.index(MEASURES.index("peak_rate")))  # counted: one more or less in these 1.4 s
    assert other.measures[peaks] == pytest.approx(plain.measures[peaks], abs=0.8)
    assert other.measures[used] == pytest.approx(plain.measures[used], abs=0.3)
    assert other.prosody.f0_mean_hz == pytest.approx(plain.prosody.f0_mean_hz, rel=0.001)


def test_the_energy_is_the_rms_of_the_clip(tmp_path: Path) -> None:
    assert heard(tmp_path, buzz(150, 1.0, rms=0.05)).energy_db == pytest.approx(20 * np.log10(0.05), abs=0.05)


def test_the_180_means_are_those_of_librosa() -> None:
    sound = signal(SECONDS[0])
    blocks = [(np.pad(sound, EDGE), len(sound) // HOP)]
    found = contours(blocks, float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))).means
    assert found == pytest.approx(json.loads(RECORDED.read_text(encoding="utf-8")), rel=1e-4, abs=1e-5)


def test_resampling_changes_the_means_little(tmp_path: Path) -> None:
    clear = resample_poly(signal(SECONDS[0]).astype(np.float64), 441, 160)
    found = np.frombuffer(heard(tmp_path, clear).features, "<f4")
    expected = np.array(json.loads(RECORDED.read_text(encoding="utf-8")))
    assert found.shape == (180,)
    assert found[40:-4] == pytest.approx(expected[40:-4], rel=0.03, abs=0.04)


def test_a_clip_of_several_blocks_is_measured_like_its_parts(tmp_path: Path) -> None:
    word = spoken([buzz(glide(150, 5, 0.7), 0.7), buzz(180, 0.5)])
    once, often = heard(tmp_path / "once", word), heard(tmp_path / "often", np.tile(word, 40))
    assert once.measures is not None and often.measures is not None
    pitch = [MEASURES.index(n) for n in ("f0_mean", "f0_middle", "treble_long", "harmonicity", "level_range")]
    assert often.measures[pitch] == pytest.approx(once.measures[pitch], abs=0.3)
