"""Time, memory and page size of `report` on a large dataset. There is no peer.

    PYTHONPATH=. .venvs/report/bin/python benchmarks/report.py [--clips 100000]

The dataset is synthetic, with 200 clips per recording.
"""

import argparse
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from components.report.__main__ import main
from components.shared.rows import Vector
from store.datasets import DatasetStore
from store.objects import open_store
from tests import report_store


def memory_mb() -> tuple[float, float]:
    """Resident memory of this process: now, and at its peak."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmRSS"].split()[0]) / 1024, int(status["VmHWM"].split()[0]) / 1024


def make(folder: Path, clips: int) -> None:
    store = open_store(str(folder))
    audio = [report_store.put_sound(store, 12.0, seed) for seed in range(3)]
    timelines = [report_store.put_timeline(store, f"r{i}", 200) for i in range(50)]
    chance = np.random.default_rng(1)
    rows = [
        replace(r, vector=Vector(chance.normal(size=256).astype("<f4").tobytes()), words=r.text.split())
        for r in report_store.rows(clips, audio, report_store.put_sound(store, 12.0, 9), timelines, of_recording=200)
    ]
    DatasetStore(store, report_store.NAME).publish("run", lambda _: (rows, report_store.LINEAGE))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=100_000)
    clips = parser.parse_args().clips
    with tempfile.TemporaryDirectory() as scratch:
        child = os.fork()  # making the rows takes memory that must not count
        if not child:
            make(Path(scratch) / "store", clips)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        before, start = memory_mb()[0], time.monotonic()
        outcome = main(report_store.NAME, str(Path(scratch) / "store"), 0, Path(scratch) / "page")
        print(
            f"{clips} clips: {time.monotonic() - start:.1f} s, {memory_mb()[1]:.0f} MB at most ({before:.0f} before), "
            f"page of {outcome['page_bytes'] / 1e6:.2f} MB"
        )
