"""What sounds the same has the same hashes but for a few bits, wherever it begins and whatever codec it went through."""

import resource
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from components.fingerprint.fingerprint import HOP_SECONDS, PHASES, SPAN_SECONDS, hashes
from components.shared.audio import FlacWriter, ffmpeg
from components.shared.rows import SAMPLE_RATE_HZ, Fingerprint
from components.shared.table import read_rows
from tests.artifacts import write_flac, write_recordings
from tests.tasks import artifacts, stage_command

Sound = NDArray[np.float64]


def tune(seed: int, seconds: float) -> Sound:
    """Notes of three tones each, a new one every 0.1 to 0.4 s."""
    rng = np.random.default_rng(seed)
    count = round(seconds * SAMPLE_RATE_HZ)
    sound = np.zeros(count)
    at = 0
    while at < count:
        t = np.arange(min(round(rng.uniform(0.1, 0.4) * SAMPLE_RATE_HZ), count - at)) / SAMPLE_RATE_HZ
        notes = 110 * 2 ** (rng.integers(0, 36, 3) / 12)
        sound[at : at + len(t)] = sum(np.sin(2 * np.pi * note * t) for note in notes) * np.exp(-3 * t)
        at += len(t)
    return 0.1 * sound + rng.normal(0, 1e-3, count)


def through_mp3(path: Path) -> Path:
    """The same sound, encoded at 128 kb/s and decoded."""
    encoded, decoded = path.with_suffix(".mp3"), path.with_name(f"again-{path.name}")
    subprocess.run([ffmpeg(), "-v", "error", "-y", "-i", path, "-b:a", "128k", encoded], check=True)
    subprocess.run([ffmpeg(), "-v", "error", "-y", "-i", encoded, decoded], check=True)
    return decoded


@pytest.mark.parametrize("offset_seconds", [0.0, 0.013, 1.0, 3.3333])
def test_a_tune_is_known_again_elsewhere_quieter_in_stereo_and_through_mp3(tmp_path: Path, offset_seconds: float) -> None:
    jingle = tune(1, 8.0)
    once = hashes(write_flac(tmp_path / "once.flac", np.concatenate([tune(2, 5.0), jingle, tune(3, 4.0)])))
    before = tune(4, 2.0 + offset_seconds)
    there = np.concatenate([before, 0.3 * jingle, tune(5, 3.0)])
    again = hashes(through_mp3(write_flac(tmp_path / "again.flac", np.stack([there, there], axis=1))))
    first, other = round(5.0 / HOP_SECONDS), len(before) / SAMPLE_RATE_HZ / HOP_SECONDS
    whole = round((8.0 - SPAN_SECONDS) / HOP_SECONDS) - 2
    errors = {
        shift: np.bitwise_count(once[first : first + whole] ^ again[(a := round(other) + shift) : a + whole]).mean() / 32
        for shift in range(-3 * PHASES, 3 * PHASES + 1)
    }
    best = min(errors, key=lambda s: errors[s])
    assert abs(best) <= 1, "a hash is where its sound begins"
    assert errors[best] < 0.04
    assert np.bitwise_count(once[: len(again)] ^ again[: len(once)]).mean() / 32 > 0.3, "elsewhere is another sound"


def test_each_phase_is_what_chromaprint_says_of_what_begins_a_quarter_step_later(tmp_path: Path) -> None:
    sound = tune(6, 20.0)
    all_phases = hashes(write_flac(tmp_path / "all.flac", sound))
    later = hashes(write_flac(tmp_path / "later.flac", sound[round(2 * HOP_SECONDS * SAMPLE_RATE_HZ) :]))
    assert abs(len(all_phases) - (20.0 - SPAN_SECONDS) / HOP_SECONDS) < 2 * PHASES
    assert np.bitwise_count(all_phases[2 : 2 + len(later)] ^ later).mean() / 32 < 0.01


@pytest.mark.parametrize("seconds", [0.001, 1.0, 2.7])
def test_what_is_shorter_than_a_hash_s_span_has_none(tmp_path: Path, seconds: float) -> None:
    assert len(hashes(write_flac(tmp_path / "short.flac", tune(1, seconds)))) == 0


def test_a_file_that_is_no_sound_is_named(tmp_path: Path) -> None:
    broken = write_flac(tmp_path / "broken.flac", tune(1, 5.0))
    broken.write_bytes(broken.read_bytes()[:200] + bytes(1000))
    with pytest.raises((ValueError, soundfile.LibsndfileError), match=r"broken\.flac"):
        hashes(broken)


def test_memory_stays_flat(tmp_path: Path) -> None:
    """Of the largest ffmpeg so far, in KiB: 40 minutes take what 4 minutes do, but for an encoder's few buffers."""
    minute = tune(7, 60.0)

    def peak(minutes: int) -> int:
        path = tmp_path / f"{minutes}.flac"
        with FlacWriter(path) as file:
            for _ in range(minutes):
                file.write(minute)
        hashes(path)
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss

    assert peak(4) + 20_000 > peak(40)


def test_the_stage_writes_a_row_a_recording_also_without_audio(tmp_path: Path) -> None:
    write_recordings(tmp_path / "recordings", {"good": tune(8, 10.0), "broken": np.zeros(0)})
    inputs, outputs = artifacts(recordings=tmp_path / "recordings"), artifacts(fingerprints=tmp_path / "out")
    done = subprocess.run(stage_command("fingerprint", tmp_path / "out.json", inputs, outputs), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    good, broken = read_rows(tmp_path / "out", Fingerprint)
    assert good == Fingerprint("good", HOP_SECONDS, SPAN_SECONDS, hashes(tmp_path / "recordings" / "audio" / "good.flac").tobytes())
    assert broken == Fingerprint("broken", HOP_SECONDS, SPAN_SECONDS, b"")
