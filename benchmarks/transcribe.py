"""Speed and memory of `transcribe`.

    PYTHONPATH=. .venvs/transcribe/bin/python benchmarks/transcribe.py [--minutes 5] [--long-minutes 60 180] [--audio FILE]

Each run is the whole stage in a process of its own, on a recording cut into clips of 12 s. The recording is FILE over and over; without
one, noise in syllables, in which no engine hears words. Whisper has random weights in the shape of a real size: its encoder takes what the
real one takes, and so does the memory; how long it decodes depends on how much is said, which a random model (--stop: the higher, the
shorter its texts) cannot know. `azure` talks to a service on this machine that answers at once: what is measured is the stage's own part.
What counts are the ratios of one run, since the machine may do other things too.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import cycle
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1] / "components" / "transcribe"
sys.path.insert(0, str(HERE))

import numpy as np  # noqa: E402

from components.shared.audio import FlacWriter, decode  # noqa: E402
from components.shared.rows import SAMPLE_RATE_HZ, Clip, Recording  # noqa: E402
from components.shared.table import write_rows  # noqa: E402

SIZES = {"random": (64, 2, 2), "tiny": (384, 4, 6), "base": (512, 6, 8), "small": (768, 12, 12), "medium": (1024, 24, 16)}
"""Width, layers and heads; the real ones as OpenAI's paper has them (table 1)."""
CLIP_SECONDS = 12.0


def make(source: Path | None, minutes: float, folder: Path) -> None:
    """A recording of so many minutes and its clips."""
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
    write_rows(folder / "clean", Recording, [Recording("a", "local", "", "", "", "", "", seconds, file.samples, "", "", "")])
    (folder / "clips").mkdir(exist_ok=True)
    starts = np.arange(0, seconds - CLIP_SECONDS, CLIP_SECONDS)
    write_rows(
        folder / "clips", Clip, [Clip(f"a-{1000 * round(s):08d}", "a", float(s), float(s) + CLIP_SECONDS, "", False) for s in starts]
    )


def measure(folder: Path, settings: dict[str, Any]) -> dict[str, float]:
    """What the stage takes, from before its engine is loaded to the end."""
    from components.transcribe.__main__ import main

    wall, cpu = time.perf_counter(), time.process_time()
    outcome = main(*(folder / name for name in ("clean", "clips", "model", "transcripts")), **settings)
    peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "peak_mb": peak, "clips": outcome["transcribed_clips"]}


def measured(folder: Path, settings: dict[str, Any], environment: dict[str, str]) -> dict[str, float]:
    """The same in a process of its own."""
    command = [sys.executable, __file__, "--measure", json.dumps([str(folder), settings])]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--long-minutes", type=float, nargs="*", default=[60, 180])
    parser.add_argument("--audio", type=Path)
    parser.add_argument("--engines", nargs="*", default=["pocketsphinx", "azure", "whisper:random", "whisper:tiny", "whisper:base"])
    parser.add_argument("--long-engines", nargs="*", default=["azure", "whisper:random"])
    parser.add_argument("--batch-clips", type=int, default=8)
    parser.add_argument("--stop", type=float, default=14.0, help="the higher, the shorter are the random models' texts")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        folder, settings = json.loads(options.measure)
        print(json.dumps(measure(Path(folder), settings)))
        return

    import dataclasses

    from conftest import DEFAULTS
    from service import said, serving
    from tiny import write_model

    from components.transcribe.azure import ENDPOINT, KEY

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
    main()
