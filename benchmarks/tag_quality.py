"""Speed and memory of `tag_quality`, against speechmos' own dnsmos.run on the same clips.

    PYTHONPATH=. .venvs/tag_quality/bin/python benchmarks/tag_quality.py [--clips 8] [--long-minutes 180] [--peer PYTHON]

PYTHON is the interpreter of an environment with speechmos, onnxruntime, librosa, requests, scipy and soundfile; without it nothing
is compared. "hop 1" and "hop 2" are the stage with DNSMOS windows every 1 s and, by default, every 2 s. Each run has a process of its
own. Prints seconds of audio per second and per CPU second, and peak memory.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CLIP_SECONDS = 12.0
RATE_HZ = 44_100


def make(folder: Path, seconds: float) -> None:
    """Writes the stage's inputs: noise in syllables, and clips that cover it."""
    import numpy as np

    from components.shared.audio import FlacWriter
    from components.shared.rows import Clip, Recording
    from components.shared.table import write_rows

    time_s = np.arange(60 * RATE_HZ) / RATE_HZ
    minute = np.random.default_rng(0).standard_normal(len(time_s)) * 0.1 * np.clip(np.sin(2 * np.pi * 2 * time_s), 0.02, 1)
    left = round(seconds * RATE_HZ)
    with FlacWriter(folder / "clean" / "audio" / "r.flac") as file:
        while left > 0:
            file.write(minute[:left])
            left -= len(minute)
        samples = file.samples
    rows = [Recording("r", "media", "", "", "", "", "", samples / RATE_HZ, samples, "", "", "", "", "")]
    cuts = [Clip(f"r-{i:08d}", "r", i * CLIP_SECONDS, (i + 1) * CLIP_SECONDS, "", False) for i in range(round(seconds / CLIP_SECONDS))]
    write_rows(folder / "clean", Recording, rows)
    for name in ("clips", "quality"):
        (folder / name).mkdir()
    write_rows(folder / "clips", Clip, cuts)


def stage(folder: Path, hop_seconds: float) -> None:
    from components.tag_quality.__main__ import main

    main(folder / "clean", folder / "clips", folder / "nothing", folder / "quality", True, hop_seconds, 0)


def peer(folder: Path) -> None:
    """The peer: resamples every clip to 16 kHz and calls the package's function."""
    import soundfile
    from scipy import signal
    from speechmos import dnsmos

    with soundfile.SoundFile(folder / "clean" / "audio" / "r.flac") as file:
        while len(sound := file.read(round(CLIP_SECONDS * RATE_HZ))):
            dnsmos.run(signal.resample_poly(sound, 160, 441).clip(-1, 1), 16_000)


def measured(python: str, name: str, folder: Path, seconds: float) -> dict[str, float]:
    """Runs one measurement in a process of its own."""
    command = [python, __file__, "--run", name, str(folder)]
    facts = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    print(
        f"{name:12} {seconds / 60:6.1f} min: {seconds / facts['wall']:6.1f} s/s, {seconds / facts['cpu']:6.1f} s per CPU second, ", end=""
    )
    print(f"{facts['megabytes']:6.0f} MB peak", flush=True)
    return facts


def run(name: str, folder: Path) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    if name == "package":
        peer(folder)
    else:
        stage(folder, float(name.removeprefix("hop ")))
    megabytes = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
    print(json.dumps({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "megabytes": megabytes}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--long-minutes", type=float, default=180)
    parser.add_argument("--peer")
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        run(given.run[0], Path(given.run[1]))
        return
    with tempfile.TemporaryDirectory() as scratch:
        short, long = Path(scratch) / "short", Path(scratch) / "long"
        make(short, given.clips * CLIP_SECONDS)
        make(long, given.long_minutes * 60)
        seconds = given.clips * CLIP_SECONDS
        ours = measured(sys.executable, "hop 1", short, seconds)
        if given.peer:
            theirs = measured(given.peer, "package", short, seconds)
            print(
                f"{theirs['cpu'] / ours['cpu']:.2f} x the speed per CPU second, {ours['megabytes'] / theirs['megabytes']:.2f} x the memory"
            )
        measured(sys.executable, "hop 2", short, seconds)
        measured(sys.executable, "hop 2", long, given.long_minutes * 60)


if __name__ == "__main__":
    main()
