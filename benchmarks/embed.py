"""Speed and memory of `embed`, against Resemblyzer's own embed_utterance on the same recording.

    PYTHONPATH=. .venvs/embed/bin/python benchmarks/embed.py --minutes 10 [--audio FILE …] [--threads 2] [--only ours]

The recording repeats the files until it has --minutes, all of it speech; without files it is a synthetic voice. Each run has a
process of its own. Prints seconds of audio per second and per CPU second, peak memory, the ratios, and how similar the vectors of
the same windows are. Compare the ratios: the seconds depend on the machine and its load.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from pathlib import Path

import numpy as np

from components.embed.__main__ import main as stage
from components.embed.embed import LEVEL_DB
from components.embed.mel import RATE_HZ
from components.shared.audio import FlacWriter, Samples, decode
from components.shared.rows import SAMPLE_RATE_HZ, Recording, Segment
from components.shared.table import write_rows
from components.shared.windows import read_windows

HOP_SECONDS = 0.4


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
    for name in ("segments", "reference", "windows"):
        (folder / name).mkdir()
    write_rows(folder / "voices", Recording, [Recording("voices", "local", "", "", "", "", "", seconds, file.samples, "", "", "", "", "")])
    write_rows(folder / "reference", Recording, [])
    write_rows(folder / "segments", Segment, [Segment("voices", 0.0, seconds, "speech", "")])


def cpu_seconds() -> float:
    """CPU time of this process and of the decoders that it has waited for."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in usages)


def ours(folder: Path, threads: int) -> None:
    stage(folder / "voices", folder / "segments", folder / "reference", folder / "windows", True, HOP_SECONDS, 64, threads)


def package(folder: Path, threads: int) -> None:
    import librosa
    import torch
    from resemblyzer import VoiceEncoder
    from resemblyzer.audio import normalize_volume

    torch.set_num_threads(threads)
    signal = librosa.load(folder / "voices" / "audio" / "voices.flac", sr=RATE_HZ)[0]
    signal = normalize_volume(signal, LEVEL_DB, increase_only=True)
    _, vectors, _ = VoiceEncoder("cpu", verbose=False).embed_utterance(signal, return_partials=True, rate=1 / HOP_SECONDS)
    np.save(folder / "package.npy", vectors)


def measure(work: Callable[[Path, int], None], folder: Path, threads: int) -> dict[str, float]:
    start = time.monotonic()
    work(folder, threads)
    return {"seconds": time.monotonic() - start, "cpu_seconds": cpu_seconds(), "peak_mb": peak_mb()}


def measured(name: str, folder: Path, threads: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", name, "--folder", str(folder), "--threads", str(threads)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--audio", type=Path, nargs="*", default=[])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", choices=["ours", "package"])
    parser.add_argument("--measure", choices=["ours", "package"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure({"ours": ours, "package": package}[options.measure], options.folder, options.threads)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder, found = Path(scratch), {}
        make(options.audio, options.minutes, folder)
        for name in [options.only] if options.only else ["ours", "package"]:
            found[name] = measured(name, folder, options.threads)
            f = found[name]
            speed, busy = (options.minutes * 60 / f[key] for key in ("seconds", "cpu_seconds"))
            print(f"{name}: {speed:.1f} s/s, {busy:.1f} s/s of one processor, peak {f['peak_mb']:.0f} MB, loading included", flush=True)
        if len(found) == 2:
            a, b = found["ours"], found["package"]
            ((_, windows),) = read_windows(folder / "windows")
            vectors = np.load(folder / "package.npy")[: len(windows.vectors)]
            same = np.sum(vectors * windows.vectors[: len(vectors)], axis=1)
            speed, busy = (b[key] / a[key] for key in ("seconds", "cpu_seconds"))
            print(f"ours/package: speed {speed:.2f}, of one processor {busy:.2f}, peak memory {a['peak_mb'] / b['peak_mb']:.2f}")
            print(f"cosine of the same window, the package's at its own level: median {np.median(same):.3f}, least {same.min():.3f}")


if __name__ == "__main__":
    main()
