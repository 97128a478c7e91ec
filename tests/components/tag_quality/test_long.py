"""A clip of an hour: its scores are those of all of it at once, and it takes little memory."""

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import signal

from components.shared import bandwidth
from components.shared.audio import from_pcm16, to_pcm16
from components.shared.bandwidth import bandwidth_hz
from components.shared.rows import SAMPLE_RATE_HZ, Clip
from components.shared.table import write_rows
from components.tag_quality import blocks, noise
from components.tag_quality.blocks import resampled
from components.tag_quality.clipping import MIN_PILE, MIN_PILE_SHARE, MIN_RUN, MIN_TOP, PILE_LEVELS, PILE_WIDTH, clipped_share
from components.tag_quality.levels import loudness_lufs, true_peak_dbtp
from components.tag_quality.noise import snr_db
from tests.artifacts import write_recordings
from tests.components.tag_quality.sounds import speech_like
from tests.places import ROOT


@st.composite
def sounds(draw: st.DrawFn) -> NDArray[np.int16]:
    """Speech of up to 3.5 s, some of it clipped, some of it silent at one end."""
    sound = speech_like(3.5, seed=draw(st.integers(0, 9)))
    sound = np.clip(sound * draw(st.sampled_from([0.001, 0.5, 3.0, 8.0])), -0.9, draw(st.sampled_from([0.4, 1.0])))
    sound[: draw(st.integers(0, 60_000))] = 0
    return to_pcm16(sound[: draw(st.integers(1, len(sound)))])


@pytest.fixture(scope="module", autouse=True)
def short_blocks() -> object:
    """Blocks of a second and of few frames, so that sounds of a few seconds have several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK", SAMPLE_RATE_HZ)
        patch.setattr(noise, "FRAMES_AT_ONCE", 50)
        patch.setattr(bandwidth, "FRAMES_AT_ONCE", 20)
        yield


@given(sounds(), st.sampled_from([(160, 441), (4, 1)]))
@settings(deadline=None, max_examples=50)
def test_a_sound_is_resampled_in_blocks_as_in_one(sound: NDArray[np.int16], rates: tuple[int, int]) -> None:
    whole = signal.resample_poly(from_pcm16(sound), *rates)
    np.testing.assert_allclose(np.concatenate([*resampled(sound, *rates, np.float32)]), whole, atol=1e-6)


@given(sounds())
@settings(deadline=None, max_examples=50)
def test_levels_and_noise_are_those_of_the_sound_at_once(sound: NDArray[np.int16]) -> None:
    exact = from_pcm16(sound).astype(np.float64)
    peak = np.max(np.abs(signal.resample_poly(exact, 4, 1)))
    assert true_peak_dbtp(sound) == (pytest.approx(20 * np.log10(peak), abs=1e-6) if peak > 0 else None)
    assert snr_db(exact, SAMPLE_RATE_HZ) == (pytest.approx(found, abs=1e-6) if (found := snr_at_once(exact)) is not None else None)
    with warnings.catch_warnings(), np.errstate(divide="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        lufs = pyloudnorm.Meter(SAMPLE_RATE_HZ).integrated_loudness(exact) if len(sound) >= 0.4 * SAMPLE_RATE_HZ else -np.inf
    assert loudness_lufs(sound) == (pytest.approx(lufs, abs=1e-3) if np.isfinite(lufs) else None)


def snr_at_once(sound: NDArray[np.float64]) -> float | None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(noise, "FRAMES_AT_ONCE", 10**9)
        return snr_db(sound, SAMPLE_RATE_HZ)


@given(sounds())
@settings(deadline=None, max_examples=50)
def test_the_bandwidth_is_that_of_the_sound_at_once(sound: NDArray[np.int16]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bandwidth, "FRAMES_AT_ONCE", 10**9)
        whole = bandwidth_hz(from_pcm16(sound))
    assert bandwidth_hz(sound) == whole


def clipped_at_once(samples: NDArray[np.int16]) -> float:
    """The definition, on sorted samples and runs."""

    def flat(side: NDArray[np.int32]) -> int:
        edges = np.flatnonzero(np.diff(np.concatenate([[False], side == np.max(side), [False]])))
        runs = edges[1::2] - edges[::2]
        return int(np.sum(runs[runs >= MIN_RUN])) if np.max(side) >= MIN_TOP else 0

    def piled(side: NDArray[np.int32]) -> int:
        heights = np.sort(side[side > 0])
        if not len(heights) or heights[-1] < MIN_TOP:
            return 0
        levels = heights[-1] * np.geomspace(*PILE_LEVELS)
        below, low, high = (np.searchsorted(heights, levels * (1 + k * PILE_WIDTH)) for k in (-3, -1, 1))
        return int(np.max((high - low) - (low - below)))

    sides = samples.astype(np.int32), -samples.astype(np.int32)
    pile = sum(map(piled, sides))
    return max(sum(map(flat, sides)), pile if pile >= max(MIN_PILE, MIN_PILE_SHARE * len(samples)) else 0) / len(samples)


@given(sounds() | st.lists(st.sampled_from([0, 5, 600, -600, 32767, -32768]), min_size=1, max_size=40).map(lambda x: np.array(x, np.int16)))
@settings(deadline=None, max_examples=200)
def test_clipping_is_that_of_the_sound_at_once(sound: NDArray[np.int16]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK", SAMPLE_RATE_HZ if len(sound) > 40 else 7)
        assert clipped_share(sound) == (clipped_at_once(sound) if np.any(sound) else None)


PEAK = """
import sys
from pathlib import Path
from components.tag_quality.__main__ import main
main(*map(Path, sys.argv[1:5]), True, 9.0, 1)
print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")))
"""


def peak_bytes(folder: Path, seconds: int) -> int:
    """The most memory of the stage with one clip of stereo sound."""
    for name in ("clips", "quality"):
        (folder / name).mkdir(parents=True)
    speech = np.tile(speech_like(20), seconds // 20)
    write_recordings(folder / "clean", {"a": np.stack([speech, 0.5 * speech], axis=1)})
    write_rows(folder / "clips", Clip, [Clip("a-00000000", "a", 0.0, float(seconds), "", False)])
    arguments = [str(folder / name) for name in ("clean", "clips", "nothing", "quality")]
    variables = {"PYTHONPATH": str(ROOT), "MALLOC_MMAP_THRESHOLD_": "65536"}
    done = subprocess.run([sys.executable, "-c", PEAK, *arguments], env=variables, stdout=subprocess.PIPE, text=True, check=True)
    return int(done.stdout.split()[-1]) * 1024


def test_a_long_clip_takes_the_memory_of_its_samples_and_little_more(tmp_path: Path) -> None:
    short, long = (peak_bytes(tmp_path / str(seconds), seconds) for seconds in (120, 420))
    assert (long - short) / 300 < 4 * SAMPLE_RATE_HZ, "bytes a second: 88,200 of the samples, 64,000 at 16 kHz"
