"""Speed and memory of `sfx` and `tones` in `separate`, against scipy.signal.correlate on the whole recording as one array.

    PYTHONPATH=. .venvs/separate/bin/python benchmarks/sfx.py [--minutes 10 60] [--effects 4 40]

The peer only searches for effects; `sfx` searches, fits and subtracts. `tones` does the same with steady tones, of which there are
none. The peer runs on the shortest recording alone, since an hour takes it
9 GB. Each run has a process of its own. Prints seconds of audio per CPU second, peak memory, and the effects found.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
from scipy import signal

from components.separate.known import without
from components.separate.sfx import sfx
from components.separate.tones import tones
from components.shared.audio import FlacWriter
from components.shared.rows import SAMPLE_RATE_HZ, Recording
from components.shared.steps import Step
from components.shared.table import write_rows


def make(folder: Path, minutes: int, effects: int) -> None:
    """Writes noise in syllables with one effect in every minute, and the effects, 1.5 s each."""
    folder.mkdir()
    length = round(1.5 * SAMPLE_RATE_HZ)
    kit = [0.1 * np.random.default_rng(n).standard_normal(length) * np.exp(-4 * np.arange(length) / length) for n in range(effects)]
    rows = []
    for number, effect in enumerate(kit):
        with FlacWriter(folder / "kit" / "audio" / f"{number}.flac") as file:
            file.write(effect)
        rows.append(Recording(str(number), "local", "", f"{number}.wav", "", "", "", 1.5, length, "", "", "", "", ""))
    write_rows(folder / "kit", Recording, rows)
    time_s = np.arange(60 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    minute = np.random.default_rng(99).standard_normal(len(time_s)) * (0.05 * np.clip(np.sin(2 * np.pi * 2 * time_s), 0.02, 1))
    with FlacWriter(folder / "show.flac") as show:
        for number in range(minutes):
            sound = minute.copy()
            sound[20 * SAMPLE_RATE_HZ :][:length] += kit[number % effects]
            show.write(sound)


def streaming(folder: Path, step: Step) -> int:
    """Finds, fits and subtracts sounds; returns how many it removed."""
    recording, removed = without(folder / "show.flac", [step], lambda _: None)
    for _ in recording:
        pass
    return len(removed)


def whole(folder: Path) -> int:
    """The peer: only correlates; returns how many effects have their highest peak where one is."""
    sound = soundfile.read(folder / "show.flac")[0]
    found = 0
    for path in sorted((folder / "kit" / "audio").iterdir()):
        peak = int(np.argmax(signal.correlate(sound, soundfile.read(path)[0], mode="valid", method="fft")))
        found += peak % (60 * SAMPLE_RATE_HZ) == 20 * SAMPLE_RATE_HZ
    return found


def peak_megabytes() -> float:
    """Highest resident memory of this process."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, nargs="+", default=[10, 60])
    parser.add_argument("--effects", type=int, nargs="+", default=[4, 40])
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        cpu = time.process_time()
        name, folder = given.run[0], Path(given.run[1])
        found = whole(folder) if name == "correlate" else streaming(folder, sfx(folder / "kit") if name == "sfx" else tones())
        print(json.dumps({"cpu": time.process_time() - cpu, "megabytes": peak_megabytes(), "found": found}))
        return
    for minutes in given.minutes:
        for effects in given.effects:
            with tempfile.TemporaryDirectory() as folder:
                made = Path(folder) / "made"
                make(made, minutes, effects)
                for name in (
                    ("correlate", "sfx", "tones") if minutes == min(given.minutes) else ("sfx", "tones")
                ):  # an hour at once takes 9 GB
                    command = [sys.executable, __file__, "--run", name, str(made)]
                    facts = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                    speed = f"{minutes * 60 / facts['cpu']:6.1f} s per CPU second, {facts['megabytes']:7.1f} MB peak"
                    print(f"{name:9} {minutes:3} min, {effects:2} effects: {speed}, {facts['found']} found", flush=True)


if __name__ == "__main__":
    main()
