"""Reads voices, writes segments."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from components.segment.networks import load_segmenter
from components.segment.segment import Segmenter, Stretch, analyze, to_rows
from components.segment.settings import check_settings
from components.segment.windows import RATE_HZ, Signal
from components.shared.audio import decode
from components.shared.rows import Recording, Segment
from components.shared.table import read_rows, write_rows
from components.shared.task import Outcome, Progress, run

SHARES = {True: (0.03, 0.19, 0.78), False: (0.12, 0.88)}
"""Approximate shares of a recording's time that the passes take: energy, content and, if asked for, gender."""


def main(voices: Path, segments: Path, engine: str, detect_gender: bool) -> Outcome:
    check_settings(engine=engine)
    segmenter = load_segmenter(engine, detect_gender)
    recordings = [r for r in read_rows(voices, Recording) if r.samples]
    progress = Progress(sum(r.seconds for r in recordings))
    rows: list[Segment] = []
    for recording in recordings:
        path = voices / "audio" / f"{recording.recording}.flac"
        stretches = _segment_recording(path, recording.seconds, segmenter, SHARES[detect_gender], progress)
        rows += to_rows(recording.recording, recording.samples, stretches)
    write_rows(segments, Segment, rows)
    seconds: defaultdict[str, float] = defaultdict(float)
    for row in rows:
        seconds[row.gender or row.label] += row.end - row.start
    return {"segments": len(rows), **{f"{name}_seconds": value for name, value in sorted(seconds.items())}}


def _segment_recording(path: Path, seconds: float, segmenter: Segmenter, shares: tuple[float, ...], progress: Progress) -> list[Stretch]:
    left = list(shares)

    def read() -> Iterator[Signal]:
        share = left.pop(0)
        for block in signal_of(path, seconds):
            yield block
            progress.add(share * len(block) / RATE_HZ)

    found = analyze(read, segmenter)
    progress.add(sum(left) * seconds)  # passes that were not needed
    return found


def signal_of(path: Path, seconds: float | None = None) -> Iterator[Signal]:
    """Decodes a recording to 16-bit 16 kHz mono, as the package does. Raises ValueError unless it lasts `seconds`."""
    return (block[:, 0] for block in decode(path, RATE_HZ, seconds=seconds))


if __name__ == "__main__":
    run(main)
