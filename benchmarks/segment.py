"""Speed and memory of `segment`, against inaSpeechSegmenter's own Segmenter on the same recording.

    PYTHONPATH=. .venvs/segment/bin/python benchmarks/segment.py --minutes 10 [--audio FILE] [--engine sm] [--package PYTHON]

The recording repeats FILE until it has --minutes; without FILE it is a synthetic voice over noise. Each run has a process of its
own. PYTHON is that of an environment with the packages that recipes/segmenter/recorded.py names; without it only `segment` runs. Prints
seconds of audio per CPU second, peak memory, the ratios, and the share of frames with the same label. Compare the ratios: the seconds
depend on the machine and its load.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the stage does, before numpy is loaded

import numpy as np

from components.segment.networks import FOLDER, load_segmenter
from components.segment.segment import analyze
from components.segment.sound import signal_of
from components.shared.audio import FlacWriter, Samples, decode
from components.shared.rows import SAMPLE_RATE_HZ

PACKAGE = Path("recipes/segmenter/recorded.py")


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def voice(seconds: int = 20) -> Iterator[Samples]:
    """A synthetic voice: harmonics of a varying pitch in syllables, over faint noise, with a pause."""
    t = np.arange(seconds * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    phase = 2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * np.pi * 0.3 * t)) / SAMPLE_RATE_HZ
    tone = sum(np.sin(n * phase) / n for n in range(1, 20)) * np.maximum(0, np.sin(2 * np.pi * 2 * t)) * (t % 10 < 8)
    yield (0.1 * tone + 0.002 * np.random.default_rng(0).standard_normal(len(t))).astype(np.float32)[:, None]


def make(source: Path | None, minutes: float, target: Path) -> None:
    """Writes a mono FLAC of this length."""
    left = round(minutes * 60 * SAMPLE_RATE_HZ)
    with FlacWriter(target) as file:
        for again in cycle([partial(decode, source, SAMPLE_RATE_HZ) if source else voice]):
            for block in again():
                file.write(block[:left])
                left -= len(block[:left])
            if not left:
                return


def ours(path: Path, engine: str) -> dict[str, Any]:
    start = time.monotonic()
    segmenter = load_segmenter(engine, detect_gender=True)
    start_seconds, cpu, start = time.monotonic() - start, time.process_time(), time.monotonic()
    stretches = analyze(signal_of(path), segmenter, path.parent)
    return {
        "start_seconds": start_seconds,
        "seconds": time.monotonic() - start,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mb": peak_mb(),
        "labels": [(name, stop - start) for name, start, stop in stretches],
    }


def measured(command: list[str | Path], out: Path) -> dict[str, Any]:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def labels(found: dict[str, Any]) -> list[str]:
    return [name for name, count in found["labels"] for _ in range(count)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--audio", type=Path)
    parser.add_argument("--engine", choices=["smn", "sm"], default="smn")
    parser.add_argument("--package", type=Path, help="Python of an environment with inaSpeechSegmenter")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        options.measure.write_text(json.dumps(ours(options.audio, options.engine)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "recording.flac", Path(folder) / "found.json"
        make(options.audio, options.minutes, path)
        given: list[str | Path] = ["--audio", path, "--engine", options.engine]
        commands: dict[str, list[str | Path]] = {"ours": [sys.executable, __file__, "--measure", out, *given]}
        if options.package:
            commands["package"] = [options.package, PACKAGE, FOLDER.parent, out, *given]
        found = {name: measured(command, out) for name, command in commands.items()}
    for name, f in found.items():
        print(f"{name}: {options.minutes * 60 / f['cpu_seconds']:.1f} s per CPU second, peak {f['peak_mb']:.0f} MB")
    print(f"loading the networks: {found['ours']['start_seconds']:.1f} s")
    if len(found) == 2:
        a, b = found["ours"], found["package"]
        same = sum(x == y for x, y in zip(labels(a), labels(b), strict=True)) / len(labels(b))
        speed, memory = b["cpu_seconds"] / a["cpu_seconds"], a["peak_mb"] / b["peak_mb"]
        print(f"ours/package: speed {speed:.2f}, peak memory {memory:.2f}, same labels {same:.4%}")


if __name__ == "__main__":
    main()
