"""Speed and memory of `denoise`, against scipy and pyloudnorm on the whole recording as one array.

    PYTHONPATH=. .venvs/denoise/bin/python benchmarks/denoise.py [--long-minutes 180]

Runs the peer and the stage's example chain on 10 minutes, the chain on --long-minutes, and each filter that analyzes the sound or
loads a network (profile, deepfilter, rnnoise) alone on 10 and on 60 minutes. Each run has a process of its own. Prints per
run: seconds of audio per second, per CPU second, peak memory, and the ratios to the peer.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from components.denoise.chain import build_chain
from components.denoise.denoise import denoise
from components.denoise.filters import delay
from components.denoise.settings import EXAMPLE
from components.shared.audio import FlacWriter
from components.shared.rows import SAMPLE_RATE_HZ


def make(path: Path, minutes: int) -> None:
    """Writes stereo noise in syllables over a whistle; every minute is the same."""
    time_s = np.arange(60 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    minute = np.random.default_rng(0).standard_normal((len(time_s), 2)) * (0.05 * np.clip(np.sin(2 * np.pi * 2 * time_s), 0.02, 1))[:, None]
    minute += 0.004 * np.sin(2 * np.pi * 6000 * time_s)[:, None]
    with FlacWriter(path, channels=2) as file:
        for _ in range(minutes):
            file.write(minute)


FILTERS = ("profile", "deepfilter", "rnnoise")


def streaming(source: Path, target: Path, chain: str = EXAMPLE) -> None:
    denoise(source, target, build_chain(chain), lambda _: None)


def whole(source: Path, target: Path) -> None:
    """The peer: the same chain on the whole recording as one array."""
    import pyloudnorm
    import soundfile
    from scipy import signal

    sound = soundfile.read(source)[0].mean(axis=1)
    low = np.tile(signal.butter(6, 5000, fs=SAMPLE_RATE_HZ, output="sos"), (2, 1))
    late = delay(low)
    sound = signal.sosfilt(low, np.append(sound, np.zeros(late)))[late:]
    sound = signal.lfilter(*signal.iirnotch(6000, 30, SAMPLE_RATE_HZ), sound)
    loudness = pyloudnorm.Meter(SAMPLE_RATE_HZ).integrated_loudness(sound)
    soundfile.write(target, sound * 10 ** ((-23 - loudness) / 20), SAMPLE_RATE_HZ, subtype="PCM_16")


def peak_megabytes() -> float:
    """Highest resident memory of this process (getrusage would count the parent's before exec)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measured(name: str, source: Path) -> dict[str, float]:
    """Runs one measurement in a process of its own."""
    out = subprocess.run([sys.executable, __file__, "--run", name, str(source)], check=True, capture_output=True, text=True).stdout
    return json.loads(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long-minutes", type=int, default=180)
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        source = Path(given.run[1])
        wall, cpu = time.perf_counter(), time.process_time()
        name, target = given.run[0], source.with_name("out.flac")
        if name in FILTERS:
            streaming(source, target, name)
        else:
            {"streaming": streaming, "whole": whole}[name](source, target)
        facts = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "megabytes": peak_megabytes()}
        print(json.dumps(facts))
        return
    with tempfile.TemporaryDirectory() as folder:
        short, long = Path(folder) / "short.flac", Path(folder) / "long.flac"
        make(short, 10)
        make(long, given.long_minutes)
        make(hour := Path(folder) / "hour.flac", 60)
        runs = [("whole", 10, short), ("streaming", 10, short), ("streaming", given.long_minutes, long)]
        runs += [(name, minutes, path) for name in FILTERS for minutes, path in ((10, short), (60, hour))]
        results = [(name, minutes, measured(name, path)) for name, minutes, path in runs]
    base = 600 / results[0][2]["cpu"], results[0][2]["megabytes"]
    for name, minutes, facts in results:
        by_wall, by_cpu, memory = minutes * 60 / facts["wall"], minutes * 60 / facts["cpu"], facts["megabytes"]
        ratios = f"{by_cpu / base[0]:.2f} x the speed, {memory / base[1]:.3f} x the memory of the whole array"
        print(f"{name:9} {minutes:4} min: {by_wall:6.1f} s/s, {by_cpu:6.1f} s per CPU second, {memory:7.1f} MB peak; {ratios}")


if __name__ == "__main__":
    main()
