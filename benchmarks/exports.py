"""Seconds of audio that `dataset export` writes per second of a core, and its memory, for two lengths. There is no peer.

    PYTHONPATH=. .venv/bin/python benchmarks/exports.py [--hours 1 10] [--forms jsonl huggingface "nemo --sample-rate 16000"]

The dataset is synthetic: clips of six seconds, 20 speakers, with one of 200 sounds each. Every export is a process of its own, with its
start, and is deleted right after it. CPU seconds are of the process and those that it waited for. Ten hours of FLAC take a gigabyte.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from components.shared.audio import flac_bytes
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow, Vector
from components.shared.table import empty
from store.datasets import DatasetStore, audio_key
from store.objects import open_store
from tests.versions import put_version

CLIP_SECONDS, SOUNDS, SPEAKERS, OF_RECORDING = 6.0, 200, 20, 300
FORMS = ("jsonl", "huggingface", "webdataset", "lhotse", "lhotse-shar", "kaldi", "nemo --sample-rate 16000")
NAME = "exports"


def sound(seed: int) -> bytes:
    """A FLAC file with a voice-like tone in soft noise."""
    chance, time_s = np.random.default_rng(seed), np.arange(round(CLIP_SECONDS * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    tone = sum(np.sin(2 * np.pi * k * (110 + seed % 90) * time_s) / k for k in range(1, 12))
    loudness = 2000 * np.abs(np.sin(2 * np.pi * 2 * time_s))
    return flac_bytes(np.round(loudness * tone + chance.normal(0, 40, len(time_s))).astype(np.int16))


def make(folder: Path, hours: float) -> None:
    """Publishes a version with clips of so many hours in all."""
    store = open_store(str(folder))
    for seed in range(SOUNDS):
        store.write(audio_key(NAME, f"{seed:064x}"), sound(seed))
    vector = Vector(np.ones(192, "<f4").tobytes())
    words = [f"word{n}" for n in range(15)]
    times = Vector(np.arange(30, dtype="<f4").tobytes())
    rows = (
        replace(
            empty(DatasetRow),
            clip=f"r{n // OF_RECORDING:05}-{round(1000 * CLIP_SECONDS) * (n % OF_RECORDING):08}",
            recording=f"r{n // OF_RECORDING:05}",
            start=CLIP_SECONDS * (n % OF_RECORDING),
            end=CLIP_SECONDS * (n % OF_RECORDING + 1),
            samples=round(CLIP_SECONDS * SAMPLE_RATE_HZ),
            audio_sha256=f"{n % SOUNDS:064x}",
            speaker=f"s{n % SPEAKERS:04}",
            vector=vector,
            text=" ".join(words),
            words=words,
            word_times=times,
            language="en",
            kept=True,
        )
        for n in range(round(hours * 3600 / CLIP_SECONDS))
    )
    put_version(DatasetStore(store, NAME), rows, block_clips=20_000)


def measure(store: Path, out: Path, form: str, hours: float) -> None:
    """Prints the figures of one export."""
    given = ["dataset", "export", NAME, "--store", str(store), "--out", str(out), "--format", *form.split()]
    started = time.monotonic()
    command = [sys.executable, "-c", "from pipelines.commands.cli import main; main()", *given]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the export failed: {' '.join(given)}")
    wall, cpu = time.monotonic() - started, used.ru_utime + used.ru_stime
    size = sum(p.stat().st_size for p in out.rglob("*") if p.is_file())
    shutil.rmtree(out)
    print(
        f"{hours:g} h as {form}: {hours * 3600 / cpu:.0f} s of audio per CPU second ({wall:.0f} s, {cpu:.0f} CPU s), "
        f"{used.ru_maxrss / 1024:.0f} MB at most, {size / 1e9:.2f} GB",
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, nargs="+", default=[1.0, 10.0], help="lengths of audio")
    parser.add_argument("--forms", nargs="+", default=FORMS, help="formats, with their options")
    given = parser.parse_args()
    for hours in given.hours:
        with tempfile.TemporaryDirectory() as scratch:
            child = os.fork()  # making the rows takes memory and threads that must not count
            if not child:
                make(Path(scratch) / "store", hours)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            for form in given.forms:
                measure(Path(scratch) / "store", Path(scratch) / "out", form, hours)
