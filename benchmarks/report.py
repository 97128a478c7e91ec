"""Time, memory and page size of `report` on a large dataset. There is no peer.

    PYTHONPATH=. .venvs/report/bin/python benchmarks/report.py [--clips 100000 | --store FOLDER --dataset NAME]

The dataset is synthetic, with 200 clips per recording, or one that is there, such as benchmarks/publish.py makes. Its clips then get
a sound that stands for theirs.
"""

import argparse
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from components.report import __main__ as report
from components.shared.audio import flac_bytes
from components.shared.rows import Vector
from store.datasets import DatasetStore
from store.objects import LocalStore, open_store
from tests import report_store
from tests.versions import put_version


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
    put_version(DatasetStore(store, report_store.NAME), rows, lineage=report_store.LINEAGE, block_clips=20_000)


class Sounding(LocalStore):
    """A store in which every clip has the same sound."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._sound = flac_bytes(report_store.sound(6.0, 1))

    def read(self, key: str) -> bytes:
        return self._sound if "/audio/" in key else super().read(key)


def measure(dataset: str, folder: Path, clips: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        before, start = memory_mb()[0], time.monotonic()
        report.open_store = Sounding  # type: ignore[attr-defined]
        outcome = report.main(dataset, folder, 0, Path(scratch) / "page")  # type: ignore[arg-type]
        print(
            f"{clips or outcome['clips']} clips: {time.monotonic() - start:.1f} s, {memory_mb()[1]:.0f} MB at most ({before:.0f} before), "
            f"page of {outcome['page_bytes'] / 1e6:.2f} MB"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=100_000)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--dataset")
    given = parser.parse_args()
    clips = given.clips
    if given.store:
        measure(given.dataset, given.store, "")
        raise SystemExit
    with tempfile.TemporaryDirectory() as scratch:
        child = os.fork()  # making the rows takes memory that must not count
        if not child:
            make(Path(scratch) / "store", clips)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        measure(report_store.NAME, Path(scratch) / "store", str(clips))
