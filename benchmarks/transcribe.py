"""Speed and memory of `transcribe` with each of its engines. There is no peer; the engines compare with each other.

    PYTHONPATH=.:.venvs/pytest .venvs/transcribe/bin/python benchmarks/transcribe.py [--minutes 5] [--long-minutes 60 180]

Each run is the whole stage in a process of its own, on a recording cut into clips of 12 s. The recording repeats --audio FILE;
without FILE it is noise in syllables, in which no engine finds words. Whisper has random weights in the shape of a real size. Its
encoder and its memory are those of the real size. Its decoding time is not: it depends on the length of the texts, which --stop
sets. `azure` talks to a service on this machine that answers at once, so only the stage's own work is measured. The service, the
random models and the settings are those of the stage's tests. Prints seconds of audio per second, per CPU second, and peak memory.
"""

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from components.shared.audio import FlacWriter, decode
from components.shared.rows import SAMPLE_RATE_HZ, Clip, Recording
from components.shared.table import write_rows
from components.transcribe.__main__ import main as transcribe
from components.transcribe.azure import ENDPOINT, KEY
from tests.components.transcribe.defaults import DEFAULTS

TESTS = Path(__file__).resolve().parents[1] / "tests" / "components" / "transcribe"
SIZES = {"random": (64, 2, 2), "tiny": (384, 4, 6), "base": (512, 6, 8), "small": (768, 12, 12), "medium": (1024, 24, 16)}
"""Width, layers and heads of each size; those of the real sizes are from table 1 of OpenAI's paper."""
CLIP_SECONDS = 12.0


def make(source: Path | None, minutes: float, folder: Path) -> None:
    """Writes a recording of this length and its clips."""
    left, rng = round(minutes * 60 * SAMPLE_RATE_HZ), np.random.default_rng(0)
    syllables = np.clip(np.sin(2 * np.pi * 4 * np.arange(10 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ), 0.02, 1)
    sound = decode(source, SAMPLE_RATE_HZ) if source else iter([0.05 * syllables * rng.standard_normal(len(syllables))])
    with FlacWriter(folder / "clean" / "audio" / "a.flac") as file:
        for block in cycle(sound):
            file.write(block[:left])
            left -= len(block[:left])
            if not left:
                break
    seconds = file.samples / SAMPLE_RATE_HZ
    write_rows(folder / "clean", Recording, [Recording("a", "local", "", "", "", "", "", seconds, file.samples, "", "", "", "", "")])
    (folder / "clips").mkdir(exist_ok=True)
    starts = np.arange(0, seconds - CLIP_SECONDS, CLIP_SECONDS)
    write_rows(
        folder / "clips", Clip, [Clip(f"a-{1000 * round(s):08d}", "a", float(s), float(s) + CLIP_SECONDS, "", False) for s in starts]
    )


def measure(folder: Path, settings: dict[str, Any]) -> dict[str, float]:
    """Time and memory of the stage, including loading its engine."""
    wall, cpu = time.perf_counter(), time.process_time()
    outcome = transcribe(*(folder / name for name in ("clean", "clips", "nothing", "model", "model", "transcripts")), **settings)
    peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "peak_mb": peak, "clips": outcome["transcribed_clips"]}


def measured(folder: Path, settings: dict[str, Any], environment: dict[str, str]) -> dict[str, float]:
    """Runs `measure` in a process of its own."""
    command = [sys.executable, __file__, "--measure", json.dumps([str(folder), settings])]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    sys.path.insert(0, str(TESTS))  # not in the measured processes, where it would add memory
    from service import said, serving
    from tiny import write_model

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--long-minutes", type=float, nargs="*", default=[60, 180])
    parser.add_argument("--audio", type=Path)
    parser.add_argument("--engines", nargs="*", default=["pocketsphinx", "azure", "whisper:random", "whisper:tiny", "whisper:base"])
    parser.add_argument("--long-engines", nargs="*", default=["azure", "whisper:random"])
    parser.add_argument("--batch-clips", type=int, default=8)
    parser.add_argument("--stop", type=float, default=14.0, help="the higher, the shorter the texts of the random models (default: 14)")
    options = parser.parse_args()
    runs = [(options.minutes, name) for name in options.engines]
    runs += [(minutes, name) for minutes in options.long_minutes for name in options.long_engines]
    with tempfile.TemporaryDirectory() as scratch, serving(lambda *_: said("오늘 날씨가 참 좋습니다")) as service:
        made = 0.0
        for minutes, name in runs:
            folder = Path(scratch)
            if minutes != made:
                make(options.audio, minutes, folder)
                made = minutes
            engine, _, size = name.partition(":")
            if size and not (folder / size).exists():
                width, layers, heads = SIZES[size]
                write_model(folder / size, width=width, layers=layers, heads=heads, stop=options.stop, quantization="float16")
            (folder / "model").unlink(missing_ok=True)
            (folder / "model").symlink_to(folder / (size or "clips"))
            (folder / "transcripts").mkdir(exist_ok=True)
            changes = {
                "engine": engine,
                "language": "en",
                "fallback": False,
                "vad_filter": False,
                "batch_clips": options.batch_clips,
                "threads": 0,
            }
            facts = measured(folder, dataclasses.asdict(DEFAULTS) | changes, {KEY: "none", ENDPOINT: service.endpoint})
            service.requests.clear()
            print(
                f"{name:>16} {minutes:6.1f} min: {60 * minutes / facts['wall']:7.1f} s/s, "
                f"{60 * minutes / facts['cpu']:7.1f} s per CPU second, peak {facts['peak_mb']:5.0f} MB, "
                f"{facts['clips']:.0f} clips; load {os.getloadavg()[0]:.1f}",
                flush=True,
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        folder, settings = json.loads(sys.argv[2])
        print(json.dumps(measure(Path(folder), settings)))
    else:
        main()
