"""Speed and memory of `cut` and `tag_speaker` on a long recording of two people. There is no peer.

    PYTHONPATH=. .venvs/cut/bin/python benchmarks/speakers.py [--minutes 180]

Each stage has a process of its own. Prints seconds of audio per CPU second and peak memory.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from components.shared.audio import FlacWriter
from components.shared.rows import SAMPLE_RATE_HZ, Recording, Segment, Turn
from components.shared.table import write_rows
from components.shared.task import Lineage
from components.shared.windows import REFERENCE_TABLE, Windows, WindowsWriter

NAME = "0123456789abcdef"
TURN_SECONDS, WINDOW_SECONDS = 24.0, 1.6


def make(folder: Path, minutes: int) -> None:
    """Writes phrases of 1 to 4 s with pauses of 0.3 s, spoken by two voices in turn."""
    for name in ("voices", "segments", "turns", "clips", "speakers"):
        (folder / name).mkdir()
    minute = np.concatenate(list(_phrases(np.random.default_rng(0))))[: 60 * SAMPLE_RATE_HZ]
    with FlacWriter(folder / "voices" / "audio" / f"{NAME}.flac", channels=1) as file:
        for _ in range(minutes):
            file.write(minute)
    seconds = 60.0 * minutes
    recording = Recording(NAME, "local", "", "", "", "", "", seconds, minutes * len(minute), "", "", "", "", "")
    write_rows(folder / "voices", Recording, [recording])
    write_rows(folder / "segments", Segment, [Segment(NAME, 0.0, seconds, "speech", "male")])
    starts = np.arange(0, seconds, TURN_SECONDS)
    write_rows(folder / "turns", Turn, [Turn(NAME, s, min(s + TURN_SECONDS, seconds), i % 2) for i, s in enumerate(starts.tolist())])
    with WindowsWriter(folder / "turns") as writer:
        writer.write(NAME, _windows(seconds))
    with WindowsWriter(folder / "turns", REFERENCE_TABLE) as writer:
        writer.write("fedcba9876543210", _windows(8.0))


def _phrases(rng: np.random.Generator) -> Iterator[np.ndarray]:
    for _ in range(40):
        yield (0.05 * rng.standard_normal(int(rng.uniform(1, 4) * SAMPLE_RATE_HZ))).astype(np.float32)
        yield np.zeros(int(0.3 * SAMPLE_RATE_HZ), np.float32)


def _windows(seconds: float) -> Windows:
    rng = np.random.default_rng(1)
    starts = np.arange(0, seconds, WINDOW_SECONDS)
    who = (starts // TURN_SECONDS).astype(int) % 2
    vectors = rng.standard_normal((2, 192))[who] + rng.standard_normal((len(starts), 192))
    units = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return Windows(starts, starts + WINDOW_SECONDS, who, units, "campplus")


def cut(folder: Path) -> None:
    from components.cut.__main__ import main

    main(folder / "voices", folder / "segments", folder / "turns", folder / "clips", 15.0, 0.5, 0.1)


def tag_speaker(folder: Path) -> None:
    from components.tag_speaker.__main__ import main

    lineage = Lineage({"diarize": {"models": {"reference": "host/0"}}})
    main(folder / "turns", folder / "clips", folder / "speakers", lineage)


STAGES = {"cut": cut, "tag_speaker": tag_speaker}


def peak_megabytes() -> float:
    """Highest resident memory of this process (getrusage would count the parent's before exec)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=180)
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.stage:
        started = time.process_time()
        STAGES[args.stage](args.folder)
        print(json.dumps({"seconds": time.process_time() - started, "megabytes": peak_megabytes()}))
        return
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), args.minutes)
        for stage in STAGES:
            command = [sys.executable, __file__, "--stage", stage, "--folder", folder]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found = json.loads(printed.splitlines()[-1])
            print(f"{stage}: {args.minutes * 60 / found['seconds']:.0f} s/s, {found['megabytes']:.0f} MB")


if __name__ == "__main__":
    main()
