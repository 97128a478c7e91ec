"""Speed and memory of `tag_tone`; speed of its pitch tracker, against librosa.yin and librosa.pyin.

    PYTHONPATH=. .venvs/tag_tone/bin/python benchmarks/tag_tone.py [--short-minutes 10] [--long-minutes 180] [--peer PYTHON]

The stage runs with the model tone-4 on a short and on a long recording, each in a process of its own. Prints seconds of audio per
second and per CPU second, and peak memory; then the seconds of audio per CPU second of its pitch tracker, and of librosa's if PYTHON
is the interpreter of an environment with librosa.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

MODEL = Path(__file__).resolve().parents[1] / "bundled" / "models" / "tone-4"
CLIP_SECONDS = 12
SAMPLE_RATE_HZ, RATE_HZ, HOP = 44_100, 16_000, 160
TRACKED_SECONDS = 30


def voice(seconds: int, rate_hz: int, seed: int) -> np.ndarray:
    """A synthetic voice: syllables of a buzz with a varying pitch."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(seconds * rate_hz) / rate_hz
    hz = 160 * 2 ** np.interp(time_s, np.arange(seconds + 1), rng.uniform(-0.4, 0.4, seconds + 1))
    phase = 2 * np.pi * np.cumsum(hz) / rate_hz
    sound = sum(np.sin(n * phase) / n for n in range(1, 15)) * np.clip(np.sin(2 * np.pi * 2 * time_s), 0, 1)
    return 0.1 * sound + 0.001 * rng.standard_normal(len(sound))


def make(folder: Path, minutes: int) -> None:
    """Writes the stage's inputs: one recording, all of it cut into clips of 12 s."""
    from components.shared.audio import FlacWriter
    from components.shared.rows import Clip, Recording
    from components.shared.table import write_rows
    from components.shared.windows import WindowsWriter

    parts = {name: folder / name for name in ("clean", "clips", "turns", "tones")}
    for part in parts.values():
        part.mkdir(parents=True)
    block = voice(60, SAMPLE_RATE_HZ, 0)
    with FlacWriter(parts["clean"] / "audio" / "a.flac") as file:
        for _ in range(minutes):
            file.write(block)
    seconds = float(minutes * 60)
    write_rows(
        parts["clean"], Recording, [Recording("a", "local", "", "", "", "", "", seconds, minutes * 60 * SAMPLE_RATE_HZ, "", "", "", "", "")]
    )
    starts = range(0, minutes * 60, CLIP_SECONDS)
    write_rows(parts["clips"], Clip, [Clip(f"a-{s * 1000:08d}", "a", float(s), float(s + CLIP_SECONDS), "female", False) for s in starts])
    with WindowsWriter(parts["turns"]):
        pass


def run(folder: Path) -> None:
    """Runs the stage on a folder's artifacts and prints time and memory."""
    from components.tag_tone.__main__ import main as tag_tone

    wall, cpu = time.perf_counter(), time.process_time()
    inputs = (folder / name for name in ("clean", "clips", "turns", "nothing"))
    tag_tone(*inputs, MODEL, folder / "tones", enabled=True, clusters=0, voice_normalization=True)
    status = Path("/proc/self/status").read_text()  # getrusage would count the parent's memory before exec
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    print(json.dumps({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "megabytes": peak}))


def tracker() -> None:
    """Prints the speed of the stage's pitch tracker."""
    from components.shared.tone.pitch import FRAME, pitch

    sound = np.pad(voice(TRACKED_SECONDS, RATE_HZ, 1).astype(np.float32), FRAME)
    timed("pitch", lambda: pitch(sound, TRACKED_SECONDS * RATE_HZ // HOP, 0.05))


def peers() -> None:
    """Prints the speed of librosa's pitch trackers."""
    import librosa

    sound = voice(TRACKED_SECONDS, RATE_HZ, 1).astype(np.float32)
    settings = {"fmin": 60.0, "fmax": 600.0, "sr": RATE_HZ, "frame_length": 1024, "hop_length": HOP}
    timed("librosa.yin", lambda: librosa.yin(sound, **settings))
    timed("librosa.pyin", lambda: librosa.pyin(sound, **settings))


def timed(name: str, track: Callable[[], Any]) -> None:
    track()  # the first call compiles
    start = time.process_time()
    track()
    print(f"{name}: {TRACKED_SECONDS / (time.process_time() - start):.0f} s per CPU second", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short-minutes", type=int, default=10)
    parser.add_argument("--long-minutes", type=int, default=180)
    parser.add_argument("--peer")
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--run-peers", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run or given.run_peers:
        run(given.run) if given.run else peers()
        return
    for minutes in (given.short_minutes, given.long_minutes):
        with tempfile.TemporaryDirectory() as scratch:
            make(Path(scratch), minutes)
            out = subprocess.run([sys.executable, __file__, "--run", scratch], check=True, capture_output=True, text=True).stdout
        facts = json.loads(out.splitlines()[-1])
        speeds = f"{minutes * 60 / facts['wall']:.1f} s/s, {minutes * 60 / facts['cpu']:.1f} s per CPU second"
        print(f"{minutes:4} min: {speeds}, {facts['megabytes']:.0f} MB peak", flush=True)
    tracker()
    if given.peer:
        subprocess.run([given.peer, __file__, "--run-peers"], check=True)


if __name__ == "__main__":
    main()
