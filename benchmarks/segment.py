"""Speed and memory of `segment`, against inaSpeechSegmenter's own Segmenter on the same recording.

    PYTHONPATH=. .venvs/segment/bin/python benchmarks/segment.py --minutes 10 [--audio FILE] [--engine sm] [--only ours]

The recording repeats FILE until it has --minutes; without FILE it is a synthetic voice over noise. Each run has a process of its
own. Prints seconds of audio per second, peak memory, the ratios, and the share of frames with the same label. Compare the ratios:
the seconds depend on the machine and its load.
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
from typing import Any

import numpy as np

from components.segment.__main__ import signal_of
from components.segment.networks import FOLDER, load_segmenter
from components.segment.segment import analyze
from components.shared.audio import FlacWriter, Samples, decode, ffmpeg
from components.shared.rows import SAMPLE_RATE_HZ


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
    segmenter = load_segmenter(engine, detect_gender=True)
    loaded, start = peak_mb(), time.monotonic()
    labels = [n for n, a, b in analyze(partial(signal_of, path), segmenter) for _ in range(b - a)]
    return {"loaded_mb": loaded, "seconds": time.monotonic() - start, "peak_mb": peak_mb(), "labels": labels}


def package(path: Path, engine: str) -> dict[str, Any]:
    from inaSpeechSegmenter import segmenter

    segmenter.get_remote = lambda name: str(FOLDER / name)
    whole = segmenter.Segmenter(engine, ffmpeg=ffmpeg())
    loaded, start = peak_mb(), time.monotonic()
    labels = [n for n, a, b in whole(str(path)) for _ in range(round(a * 50), round(b * 50))]
    return {"loaded_mb": loaded, "seconds": time.monotonic() - start, "peak_mb": peak_mb(), "labels": labels}


def measured(name: str, path: Path, engine: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--measure", name, "--audio", str(path), "--engine", engine]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--audio", type=Path)
    parser.add_argument("--engine", choices=["smn", "sm"], default="smn")
    parser.add_argument("--only", choices=["ours", "package"])
    parser.add_argument("--measure", choices=["ours", "package"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps({"ours": ours, "package": package}[options.measure](options.audio, options.engine)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording.flac"
        make(options.audio, options.minutes, path)
        found = {}
        for name in [options.only] if options.only else ["ours", "package"]:
            found[name] = measured(name, path, options.engine)
            f = found[name]
            speed = options.minutes * 60 / f["seconds"]
            print(f"{name}: {speed:.1f} s/s, peak {f['peak_mb']:.0f} MB, of which {f['loaded_mb']:.0f} MB when loaded", flush=True)
    if len(found) == 2:
        a, b = found["ours"], found["package"]
        same = sum(x == y for x, y in zip(a["labels"], b["labels"], strict=True)) / len(b["labels"])
        speed, memory = b["seconds"] / a["seconds"], a["peak_mb"] / b["peak_mb"]
        print(f"ours/package: speed {speed:.2f}, peak memory {memory:.2f}, same labels {same:.4%}")


if __name__ == "__main__":
    main()
