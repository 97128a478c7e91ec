"""Equality, speed and memory of `separate`, against Spleeter's Separator.separate with the same network.

    PYTHONPATH=. .venvs/separate/bin/python benchmarks/separate.py [--minutes 10] [--long-minutes 60 180] [--audio FILE]

It measures, each in a process of its own, on --minutes of stereo:

    Separator.separate   the peer, in the environment of `train_separator`: both stems in stereo, not written to a file
    both stems, stereo   the stage's code with the same output
    defaults             the stage's default settings: the speech written as mono FLAC, and steady tones removed before

It prints the highest difference of the first two over a minute. The defaults are also measured on --long-minutes. Time includes
building the network, but not importing TensorFlow. The network has the size of Spleeter's 2stems-16kHz with random weights, which
changes neither time nor memory. --model FOLDER uses a real model; to compare it with the peer it must contain Spleeter's global_step.
The recording repeats FILE; without FILE it is noise in syllables. Compare the ratios: the seconds depend on the machine and its load.
"""

import argparse
import json
import os
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
import soundfile

from components.shared.audio import FlacWriter, Samples, blocks, decode
from components.shared.rows import SAMPLE_RATE_HZ
from recipes.separate.recorded import stems, whole_file
from tests.components.separate.models import OFFICIAL, write_model

PEER_GB_A_MINUTE = 1.4


def syllables() -> Iterator[Samples]:
    """One minute of stereo noise in syllables."""
    time_s = np.arange(60 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    noise = np.random.default_rng(0).standard_normal((len(time_s), 2)).astype(np.float32)
    yield noise * (0.05 * np.clip(np.sin(2 * np.pi * 2 * time_s), 0.02, 1)).astype(np.float32)[:, None]


def make(source: Path | None, minutes: float, target: Path) -> None:
    """Writes a stereo FLAC of this length."""
    left = round(minutes * 60 * SAMPLE_RATE_HZ)
    with FlacWriter(target, channels=2) as file:
        for again in cycle([partial(decode, source, SAMPLE_RATE_HZ, 2) if source else syllables]):
            for block in again():
                file.write(block[:left])
                left -= len(block[:left])
            if not left:
                return


def peer(model: Path, recording: Path) -> None:
    waveform = soundfile.read(recording, dtype="float32", always_2d=True)[0]
    found = whole_file(model, waveform)
    np.save(recording.with_name(THEIRS), stems(found)[:, : 60 * SAMPLE_RATE_HZ])


def like_the_peer(model: Path, recording: Path) -> None:
    from components.separate.network import load_network  # which the peer's environment cannot import
    from components.separate.separate import Options, results

    tracks = results(blocks(recording), load_network(model), Options(stereo=True), keep_other=True)
    first = []
    for track in tracks:
        if sum(len(t[0]) for t in first) < 60 * SAMPLE_RATE_HZ:
            first.append(track)
    np.save(recording.with_name(OURS), np.concatenate(first, axis=1)[:, : 60 * SAMPLE_RATE_HZ])


def defaults(model: Path, recording: Path) -> None:
    from components.separate.network import load_network
    from components.separate.separate import Options, separate
    from components.separate.tones import tones

    options = Options(before=(tones(),))
    separate(recording, recording.with_name("speech.flac"), None, load_network(model), options, lambda _: None)


THEIRS, OURS = "theirs.npy", "ours.npy"
"""The first minute of the results."""
PEER = "Separator.separate"
RUNS = {
    PEER: peer,
    "both stems, stereo": like_the_peer,
    "defaults": defaults,
}


def peak_mb() -> float:
    """Highest resident memory of this process."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


def free_gb() -> float:
    return int(Path("/proc/meminfo").read_text().split("MemAvailable:")[1].split()[0]) / 1e6


def measured(name: str, model: Path, recording: Path) -> dict[str, Any]:
    """Runs one measurement in a process of its own."""
    python = ".venvs/train_separator/bin/python" if name == PEER else sys.executable
    command = [python, __file__, "--measure", name, "--model", str(model), "--audio", str(recording)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(name: str, model: Path, recording: Path) -> dict[str, Any]:
    if name == PEER:
        import tensorflow  # noqa: F401  # not part of the measured time
    wall, cpu = time.perf_counter(), time.process_time()
    RUNS[name](model, recording)
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "peak_mb": peak_mb()}


def shown(name: str, minutes: float, facts: dict[str, Any]) -> str:
    a_minute = facts["wall"] / minutes * 60, facts["cpu"] / minutes * 60
    return (
        f"{name:>19} {minutes:6.1f} min: {60 * minutes / facts['wall']:6.1f} s/s, {60 * minutes / facts['cpu']:6.1f} s per CPU second, "
        f"peak {facts['peak_mb']:6.0f} MB, {a_minute[0]:.0f} s an hour ({a_minute[1]:.0f} CPU); load {os.getloadavg()[0]:.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--long-minutes", type=float, nargs="*", default=[60, 180])
    parser.add_argument("--audio", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--runs", nargs="*", choices=list(RUNS), default=list(RUNS))
    parser.add_argument("--measure", choices=list(RUNS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.model, options.audio)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        recording = Path(scratch) / "recording.flac"
        model = options.model or write_model(Path(scratch) / "model", OFFICIAL | {"F": 1536})
        make(options.audio, options.minutes, recording)
        found: dict[str, dict[str, Any]] = {}
        for name in options.runs:
            if name == PEER and free_gb() < PEER_GB_A_MINUTE * options.minutes:
                print(f"{name:>19} needs {PEER_GB_A_MINUTE * options.minutes:.0f} GB, {free_gb():.0f} are free: not measured", flush=True)
                continue
            found[name] = measured(name, model, recording)
            print(shown(name, options.minutes, found[name]), flush=True)
        theirs = found.get(PEER)
        for name, ours in found.items():
            if theirs and ours is not theirs:
                speed, cpu, memory = (theirs[key] / ours[key] for key in ("wall", "cpu", "peak_mb"))
                print(f"{name:>19}: {speed:.2f} x the speed of Separator.separate, {cpu:.2f} x by CPU time, 1 / {memory:.1f} of its memory")
        if all((recording.with_name(file)).exists() for file in (THEIRS, OURS)):
            difference = np.load(recording.with_name(THEIRS)) - np.load(recording.with_name(OURS))
            print(f"highest difference of a minute: {np.max(np.abs(difference)):.2g}")
        for minutes in options.long_minutes:
            make(options.audio, minutes, recording)
            print(shown("defaults", minutes, measured("defaults", model, recording)), flush=True)


if __name__ == "__main__":
    main()
