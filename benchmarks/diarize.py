"""Speed and memory of `diarize` with both encoders on the same recording.

    PYTHONPATH=. .venvs/diarize/bin/python benchmarks/diarize.py --minutes 10 [--audio FILE …] [--threads 2] [--engine campplus]

The recording repeats the files until it has --minutes, all of it speech; without files it is a synthetic voice. Each run has a
process of its own. Prints seconds of audio per second and per CPU second, and peak memory.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from itertools import cycle
from pathlib import Path

import numpy as np

from components.diarize.__main__ import main as stage
from components.shared.audio import FlacWriter, Samples, decode
from components.shared.encoders import ENCODERS
from components.shared.rows import SAMPLE_RATE_HZ, Recording, Segment
from components.shared.table import write_rows

HOP_SECONDS = 1.6


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def voice(seconds: int = 20) -> Iterator[Samples]:
    """A synthetic voice: harmonics of a varying pitch in syllables, over faint noise."""
    t = np.arange(seconds * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    phase = 2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * np.pi * 0.3 * t)) / SAMPLE_RATE_HZ
    tone = sum(np.sin(n * phase) / n for n in range(1, 20)) * np.maximum(0.05, np.sin(2 * np.pi * 2 * t))
    yield (0.1 * tone + 0.002 * np.random.default_rng(0).standard_normal(len(t))).astype(np.float32)[:, None]


def make(sources: list[Path], minutes: float, folder: Path) -> None:
    """Writes the stage's inputs: one recording of this length, all of it speech, and no reference."""
    left = round(minutes * 60 * SAMPLE_RATE_HZ)
    with FlacWriter(folder / "voices" / "audio" / "voices.flac") as file:
        for again in cycle([partial(decode, source, SAMPLE_RATE_HZ) for source in sources] or [voice]):
            for block in again():
                file.write(block[:left])
                left -= len(block[:left])
            if not left:
                break
    seconds = file.samples / SAMPLE_RATE_HZ
    for name in ("segments", "reference", "turns"):
        (folder / name).mkdir()
    write_rows(folder / "voices", Recording, [Recording("voices", "local", "", "", "", "", "", seconds, file.samples, "", "", "", "", "")])
    write_rows(folder / "reference", Recording, [])
    write_rows(folder / "segments", Segment, [Segment("voices", 0.0, seconds, "speech", "")])


def cpu_seconds() -> float:
    """CPU time of this process and of the decoders that it has waited for."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in usages)


def diarize(folder: Path, engine: str, threads: int) -> None:
    stage(folder / "voices", folder / "segments", folder / "reference", folder / "turns", True, engine, HOP_SECONDS, 64, threads)


def measure(folder: Path, engine: str, threads: int) -> dict[str, float]:
    start = time.monotonic()
    diarize(folder, engine, threads)
    return {"seconds": time.monotonic() - start, "cpu_seconds": cpu_seconds(), "peak_mb": peak_mb()}


def measured(folder: Path, engine: str, threads: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", "--engine", engine, "--folder", str(folder), "--threads", str(threads)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--audio", type=Path, nargs="*", default=[])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--engine", choices=sorted(ENCODERS))
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.folder, options.engine, options.threads)))
        return
    for engine in [options.engine] if options.engine else sorted(ENCODERS):
        with tempfile.TemporaryDirectory() as scratch:
            make(options.audio, options.minutes, Path(scratch))
            f = measured(Path(scratch), engine, options.threads)
        speed, busy = (options.minutes * 60 / f[key] for key in ("seconds", "cpu_seconds"))
        print(f"{engine}: {speed:.1f} s/s, {busy:.1f} s/s of one processor, peak {f['peak_mb']:.0f} MB, loading included", flush=True)


if __name__ == "__main__":
    main()
