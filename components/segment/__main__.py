"""Reads voices, writes segments."""

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy is loaded; its products are small, and more threads only wait longer

from components.segment.networks import load_segmenter
from components.segment.segment import SHARES, Segmenter, Stretch, analyze, to_rows
from components.segment.settings import check_settings
from components.segment.sound import signal_of
from components.segment.windows import RATE_HZ, Signal
from components.shared.rows import Recording, Segment
from components.shared.table import read_rows, write_rows
from components.shared.task import Outcome, Progress, run


def main(voices: Path, segments: Path, engine: str, detect_gender: bool) -> Outcome:
    check_settings(engine=engine)
    segmenter = load_segmenter(engine, detect_gender)
    recordings = [r for r in read_rows(voices, Recording) if r.samples]
    progress = Progress(sum(r.seconds for r in recordings))
    rows: list[Segment] = []
    for recording in recordings:
        path = voices / "audio" / f"{recording.recording}.flac"
        stretches = _segment_recording(path, recording.seconds, segmenter, segments, progress)
        rows += to_rows(recording.recording, recording.samples, stretches)
    write_rows(segments, Segment, rows)
    seconds: defaultdict[str, float] = defaultdict(float)
    for row in rows:
        seconds[row.gender or row.label] += row.end - row.start
    return {"segments": len(rows), **{f"{name}_seconds": value for name, value in sorted(seconds.items())}}


def _segment_recording(path: Path, seconds: float, segmenter: Segmenter, folder: Path, progress: Progress) -> list[Stretch]:
    share = SHARES[bool(segmenter.gender)][0]

    def read() -> Iterator[Signal]:
        for block in signal_of(path, seconds):
            yield block
            progress.add(share * len(block) / RATE_HZ)

    return analyze(read(), segmenter, folder, advance=lambda part: progress.add(part * seconds))


if __name__ == "__main__":
    run(main)
